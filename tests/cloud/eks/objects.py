"""What the simulator is made of: objects with a state and a next change, the scaled clock, errors, pages."""

import base64
import copy
import time
from dataclasses import dataclass

from moto.ec2.models import ec2_backends
from moto.iam.models import iam_backends
from moto.utilities.utils import get_partition

import catalogue

CHILDREN = ("nodegroup", "addon", "accessEntry", "association", "update")


class EksError(Exception):
    """An EKS API error."""

    def __init__(self, code, message, **members):
        super().__init__(message)
        self.code, self.message, self.members = code + "Exception", message, members


class Clock:
    """Wall time with scaled durations; `at` pins it while a due change is carried out."""

    def __init__(self, scale):
        self.scale, self.at = scale, None

    def now(self):
        return time.time() if self.at is None else self.at

    def length(self, what):
        return catalogue.SECONDS[what] * self.scale


class Resource:
    """One simulated object: its API body and its next change. `kind` names it in replies."""

    def __init__(self, kind, name, body):
        self.kind, self.name, self.body = kind, name, body
        self.due = self.then = self.target = None
        self.gone, self.policies = False, {}
        if kind == "cluster":
            self.tables = {child: {} for child in CHILDREN}

    @property
    def status(self):
        return self.body.get("status")

    def children(self):
        return [child for table in self.tables.values() for child in table.values()]

    def has_nodes(self):
        auto = self.body["computeConfig"].get("enabled") and self.status != "CREATING"
        return auto or any(n.status in ("ACTIVE", "UPDATING") for n in self.tables["nodegroup"].values())


@dataclass
class Scope:
    """Where a call acts: account, region, identity of the caller, and the clusters there."""

    account: str
    region: str
    caller: str
    clusters: dict

    def __post_init__(self):
        self.partition = get_partition(self.region)
        self.ec2 = ec2_backends[self.account][self.region]
        self.iam = iam_backends[self.account][self.partition]

    def arn(self, rest):
        return f"arn:{self.partition}:eks:{self.region}:{self.account}:{rest}"


def page(params, member, items):
    """One page of a list operation."""
    try:
        start = int(base64.b64decode(params.get("nextToken") or "MA=="))
    except ValueError:
        raise EksError("InvalidParameter", "Invalid nextToken") from None
    end = start + params.get("maxResults", 100)
    more = {"nextToken": base64.b64encode(b"%d" % end).decode()} if end < len(items) else {}
    return {member: items[start:end], **more}


def merge(body, change):
    """Overlay a partial configuration onto a body, and return the body."""
    for key, value in change.items():
        if isinstance(value, dict) and isinstance(body.get(key), dict):
            merge(body[key], value)
        else:
            body[key] = copy.deepcopy(value)
    return body


def pick(params, *names):
    return {name: params[name] for name in names if name in params}

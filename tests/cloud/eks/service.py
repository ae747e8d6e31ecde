"""The service: finds the operation of a call, keeps promises of idempotency, and moves objects through their states.

A change is due at a time of the scaled clock and is carried out, in order, by `settle`, which runs before each request.
"""

import copy
import json
import pathlib
import random
import re
import time
import uuid
from datetime import timezone

import botocore
from botocore.validate import ParamValidator
from moto.core.exceptions import ServiceException
from moto.iam.models import get_account_id_from
from moto.sts.models import sts_backends
from moto.utilities.utils import get_partition

import wire

from .access import Access
from .addons import Addons
from .clusters import Clusters
from .nodegroups import Nodegroups
from .objects import EksError, Resource, Scope, page

MISSING = {"nodegroup": "No node group found for name: {}.", "addon": "No addon: {} found in cluster",
           "accessEntry": "The specified principalArn could not be found: {}",
           "association": "No association found with id: {}", "update": "No update found for ID: {}"}
READS = {"DescribeNodegroup": ("nodegroup", "nodegroupName"), "DescribeAddon": ("addon", "addonName"),
         "DescribePodIdentityAssociation": ("association", "associationId")}
LISTS = {"ListNodegroups": ("nodegroup", "nodegroups"), "ListAddons": ("addon", "addons")}

class Eks(Clusters, Nodegroups, Addons, Access):
    """The service: one method per API operation, named as in boto3. A method returns the reply, or a
    Resource whose body becomes the reply."""

    def __init__(self, clock, clusters_dir=None, state_log=None, seed=None):
        self.clock, self.seed = clock, seed
        self.clusters_dir = clusters_dir and pathlib.Path(clusters_dir)
        self.state_log = state_log and open(state_log, "a", encoding="utf-8")
        self.reset()

    def reset(self):
        self.random, self.stores, self.tokens = random.Random(self.seed), {}, {}

    def all_clusters(self):
        return [cluster for store in self.stores.values() for cluster in store.values()]

    def handle(self, call):
        """Answer one call with a body; raises EksError."""
        method = self._plain_read(call.operation) or getattr(self, botocore.xform_name(call.operation), None)
        if " " in call.operation or method is None:
            raise EksError("InvalidRequest", f"{call.operation} is not simulated")
        shape = wire.service_model("eks").operation_model(call.operation).input_shape
        report = ParamValidator().validate(call.params, shape)
        if report.has_errors():
            raise EksError("InvalidParameter", report.generate_report())
        made = self._once(self._scope(call), call, method)
        return copy.deepcopy({made.kind: self._view(made)} if isinstance(made, Resource) else made)

    def _plain_read(self, operation):
        """The method of an operation that only shows one object or lists the names of one kind."""
        if operation in READS:
            kind, member = READS[operation]
            return lambda scope, p: self._find(scope, p, kind, p[member])[1]
        if operation in LISTS:
            kind, member = LISTS[operation]
            return lambda scope, p: page(p, member, list(self._cluster(scope, p["clusterName"]).tables[kind]))
        return None

    def _once(self, scope, call, method):
        """Run the method, unless its clientRequestToken already made an object that still exists."""
        token = call.params.get("clientRequestToken")
        if token is None:
            return method(scope, call.params)
        if not 33 <= len(token) <= 126:
            raise EksError("InvalidParameter", "clientRequestToken must have 33 to 126 characters")
        key = scope.account, scope.region, call.operation, token
        made, params = self.tokens.get(key, (None, None))
        if made is None or made.gone:
            made = method(scope, call.params)
            self.tokens[key] = made, call.params
        elif params != call.params:
            raise EksError("InvalidParameter", "clientRequestToken was already used with other parameters")
        return made

    def _scope(self, call):
        account, partition = get_account_id_from(call.access_key), get_partition(call.region)
        caller = sts_backends[account][partition].get_caller_identity(call.access_key, call.region)[1]
        assumed = re.match(r"arn:([^:]+):sts::(\d+):assumed-role/([^/]+)/", caller)
        caller = "arn:{}:iam::{}:role/{}".format(*assumed.groups()) if assumed else caller
        return Scope(account, call.region, caller, self.stores.setdefault((account, call.region), {}))

    def _view(self, item):
        """The body; for a cluster with the endpoint of a stand-in control plane, if there is one."""
        stand_in = self.clusters_dir and self.clusters_dir / f"{item.name}.json"
        if item.kind != "cluster" or "endpoint" not in item.body or not stand_in or not stand_in.exists():
            return item.body
        given = json.loads(stand_in.read_text(encoding="utf-8"))
        return {**item.body, "endpoint": given["endpoint"],
                "certificateAuthority": {"data": given["certificateAuthorityData"]}}

    # life cycles

    def settle(self):
        """Carry out, in order, every change that has become due."""
        while True:
            objects = [o for c in self.all_clusters() for o in [c, *c.children()]]
            due = [o for o in objects if o.due is not None and o.due <= time.time()]
            if not due:
                return
            first = min(due, key=lambda o: o.due)
            self.clock.at, then, first.due = first.due, first.then, None
            try:
                then()
            finally:
                self.clock.at = None

    def _note(self, item, before, after):
        if self.state_log and before != after:
            self.state_log.write(json.dumps({"time": self.clock.now(), "kind": item.kind, "name": item.name,
                                             "from": before, "to": after}) + "\n")
            self.state_log.flush()

    def _set_status(self, item, status):
        before, item.body["status"] = item.body.get("status"), status
        if "modifiedAt" in item.body:
            item.body["modifiedAt"] = self.clock.now()
        self._note(item, before, status)

    def _begin(self, item, status, duration, then):
        self._set_status(item, status)
        item.due, item.then = self.clock.now() + self.clock.length(duration), then

    def _add(self, table, item):
        table[item.name] = item
        if "status" not in item.body:
            self._note(item, None, "present")
        return item

    def _remove(self, table, item):
        table.pop(item.name, None)
        for one in [item, *(item.children() if item.kind == "cluster" else ())]:
            one.gone = True
        self._note(item, item.status or "present", "gone")

    def _stamped(self, body, created="createdAt"):
        return {**body, created: self.clock.now(), "modifiedAt": self.clock.now()}

    def _uuid(self):
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    # look-ups and checks

    def _cluster(self, scope, name, active=False):
        cluster = scope.clusters.get(name)
        if not cluster:
            raise EksError("ResourceNotFound", f"No cluster found for name: {name}.", clusterName=name)
        if active and cluster.status not in ("ACTIVE", "UPDATING"):
            raise EksError("InvalidRequest", f"Cluster '{name}' is not in ACTIVE status", clusterName=name)
        return cluster

    def _find(self, scope, p, kind, name):
        """The cluster of a request and its child of that kind and name."""
        cluster = self._cluster(scope, p.get("clusterName") or p["name"])
        if name not in cluster.tables[kind]:
            raise EksError("ResourceNotFound", MISSING[kind].format(name), clusterName=cluster.name)
        return cluster, cluster.tables[kind][name]

    def _parent(self, scope, p, kind, name, clash):
        """The active cluster in which a new child of that kind and name is wanted."""
        cluster = self._cluster(scope, p["clusterName"])
        if name in cluster.tables[kind]:
            raise EksError("ResourceInUse", clash, clusterName=cluster.name)
        return self._cluster(scope, cluster.name, active=True)

    def _spread(self, principal):
        """Whether a role or user is old enough to be known everywhere."""
        created = principal.create_date.replace(tzinfo=timezone.utc).timestamp()
        return time.time() - created >= self.clock.length("role-propagation")

    def _check_role(self, scope, arn, service=""):
        """The role must exist in IAM, have spread, and trust the service."""
        role = next((r for r in scope.iam.roles.values() if r.arn == arn), None)
        message = f"Role with arn: {arn}, could not be assumed because it does not exist or the trusted " \
                  "entity is not correct"
        if role is None or not self._spread(role):
            raise EksError("InvalidParameter", message)
        if service not in str(role.assume_role_policy_document):
            raise EksError("InvalidParameter", message if service.startswith("eks") else
                           f"Following required service principals [{service}] were not found in the trust "
                           f"relationships of nodeRole {arn}")

    def _check_principal(self, scope, arn):
        known = [*scope.iam.roles.values(), *scope.iam.users.values()]
        found = next((p for p in known if p.arn == arn), None)
        if arn != scope.caller and not (found and self._spread(found)):
            raise EksError("InvalidParameter", "The specified principalArn is invalid: invalid principal.")

    def _check_network(self, scope, subnet_ids, group_ids=(), zones=1):
        """The one VPC of some subnets and security groups."""
        try:
            subnets = [scope.ec2.get_subnet(i) for i in subnet_ids]
            groups = scope.ec2.describe_security_groups(group_ids=list(group_ids)) if group_ids else []
        except ServiceException as problem:
            raise EksError("InvalidParameter", str(problem.message)) from None
        vpcs = {thing.vpc_id for thing in [*subnets, *groups]}
        if len(vpcs) != 1:
            raise EksError("InvalidParameter", "Subnets and security groups must be in one VPC")
        if len({s.availability_zone for s in subnets}) < zones:
            raise EksError("InvalidParameter", "Subnets specified must be in at least two different AZs")
        return vpcs.pop()

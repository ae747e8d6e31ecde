"""A test double of the AWS cloud for the integration tests of `runbook`.

One HTTP server for every AWS service: EKS is simulated by `eks.py`, the price list by `prices.py`, `/_cloud/*` is
the control API, and all other requests go to moto. See README.md.
"""

import argparse
import io
import json
import os
import signal
import socket
import sys
import threading
import time
import traceback
from dataclasses import asdict, dataclass, field

os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"

from moto.core import DEFAULT_ACCOUNT_ID  # noqa: E402
from moto.core.base_backend import BackendDict  # noqa: E402
from moto.core.model_instances import reset_model_data  # noqa: E402
from moto.moto_api._internal import mock_random  # noqa: E402
from moto.server import DomainDispatcherApplication, create_backend_app  # noqa: E402
from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: E402
from werkzeug.test import run_wsgi_app  # noqa: E402
from werkzeug.wrappers import Response  # noqa: E402

import account  # noqa: E402
import eks  # noqa: E402
import prices  # noqa: E402
import stock  # noqa: E402
import wire  # noqa: E402

FAULT_KINDS = {"throttle", "error", "timeout", "drop-before", "drop-after", "slow"}
DELAYS_MS = {"slow": 1000, "timeout": 120_000}
PRELOADED = ("ec2", "iam", "sts", "elbv2", "resourcegroupstaggingapi", "autoscaling")


class Dropped(ConnectionAbortedError):
    """The connection is closed without a reply."""


@dataclass
class Fault:
    """A rule that spoils matching calls; `times` 0 means for ever."""

    kind: str
    service: str = "*"
    operation: str = "*"
    match: dict = field(default_factory=dict)
    times: int = 1
    code: str = None
    message: str = None
    status: int = None
    delay_ms: int = None
    used: int = 0

    def __post_init__(self):
        if self.kind not in FAULT_KINDS:
            raise ValueError(f"kind must be one of {sorted(FAULT_KINDS)}")
        self.service = wire.SIGNING_NAMES.get(self.service, self.service)

    def fits(self, call):
        return ((self.times == 0 or self.used < self.times)
                and self.service in ("*", call.service) and self.operation in ("*", call.operation)
                and all(_text(_value(call.params, k)) == _text(v) for k, v in self.match.items()))


def _value(params, name):
    """A parameter by its name or by a dotted path into nested parameters."""
    for part in [name] if name in params else name.split("."):
        if isinstance(params, list):
            params = dict(enumerate(params)).get(int(part) if part.isdigit() else -1)
        else:
            params = params.get(part) if isinstance(params, dict) else None
    return params


def _text(value):
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


class Cloud:
    """The WSGI application."""

    def __init__(self, time_scale=0.005, clusters_dir=None, seed=None, state_log=None):
        self.clock = eks.Clock(time_scale)
        self.eks = eks.Eks(self.clock, clusters_dir, state_log, seed)
        self.seed = seed
        self.lock = threading.RLock()
        self.moto = DomainDispatcherApplication(create_backend_app)
        for service in PRELOADED:
            self.moto.app_instances[service] = create_backend_app(service)
        stock.repair_moto(self.clock)
        self.reset()

    def reset(self):
        with self.lock:
            BackendDict.reset()
            reset_model_data()
            if self.seed is not None:
                mock_random.seed(self.seed)
            self.eks.reset()
            self.faults, self.calls, self.seeded, self.replies, self.sequence = [], [], set(), {}, 0
            self.public_subnets, self.denied = {}, set()

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if environ.get("HTTP_TRANSFER_ENCODING", "").lower() == "chunked":
            body = environ["wsgi.input"].read()
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        try:
            if environ["PATH_INFO"].startswith("/_cloud/"):
                return self._control(environ, body)(environ, start_response)
            return self._recorded(environ, body)(environ, start_response)
        except Dropped:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise

    # AWS calls

    def _recorded(self, environ, body):
        call = wire.recognise(environ, body)
        with self.lock:
            fault = next((f for f in self.faults if f.fits(call)), None)
            if fault:
                fault.used += 1
            self.sequence += 1
            record = {"seq": self.sequence, "time": time.time(), "service": call.service,
                      "operation": call.operation, "region": call.region, "params": call.params,
                      "status": None, "clientToken": call.token, "accessKeyId": call.access_key,
                      "userAgent": call.user_agent, "fault": fault and fault.kind}
            self.calls.append(record)
        response = self._spoiled(fault, call, environ) if fault else self._performed(call, environ)
        record["status"] = response.status_code
        return response

    def _spoiled(self, fault, call, environ):
        if fault.kind in DELAYS_MS:
            time.sleep((fault.delay_ms or DELAYS_MS[fault.kind]) / 1000)
        if fault.kind in ("timeout", "drop-before"):
            raise Dropped
        if fault.kind == "throttle":
            code, message, status = wire.THROTTLES.get(call.protocol, wire.THROTTLES["json"])
            return wire.error(call, fault.code or code, fault.message or message, fault.status or status)
        if fault.kind == "error":
            code = fault.code or ("ServerException" if call.service == "eks" else "InternalFailure")
            return wire.error(call, code, fault.message or "Injected failure", fault.status)
        response = self._performed(call, environ)
        if fault.kind == "drop-after":
            raise Dropped
        return response

    def _performed(self, call, environ):
        with self.lock:
            try:
                self.eks.settle()
                own = {"eks": self._eks, "pricing": self._prices, "servicequotas": self._quotas}.get(call.service)
                if call.operation == "SimulatePrincipalPolicy":
                    own = self._simulated_policy
                return own(call) if own else self._moto(call, environ)
            except Exception:
                traceback.print_exc()
                return wire.error(call, "InternalFailure", "The test double failed; see its output.", 500)

    def _eks(self, call):
        try:
            body = json.dumps(self.eks.handle(call))
        except eks.EksError as problem:
            return wire.error(call, problem.code, problem.message, members=problem.members)
        return Response(body, content_type="application/json")

    def _prices(self, call):
        try:
            body = json.dumps(prices.handle(call.operation, call.params, call.region))
        except prices.PriceError as problem:
            return wire.error(call, problem.code, problem.message)
        return Response(body, content_type="application/x-amz-json-1.1")

    def _quotas(self, call):
        try:
            body = json.dumps(account.quotas(call.operation, call.params, call.region, DEFAULT_ACCOUNT_ID))
        except account.AccountError as problem:
            return wire.error(call, problem.code, problem.message)
        return Response(body, content_type="application/x-amz-json-1.1")

    def _simulated_policy(self, call):
        return Response(account.simulated_policy(call.params, self.denied), content_type="text/xml")

    def _moto(self, call, environ):
        """Let moto answer; EC2 calls repeated with their ClientToken get their first reply again."""
        key = (call.access_key, call.region, call.operation, call.token)
        if call.service == "ec2" and call.token and key in self.replies:
            params, reply = self.replies[key]
            return Response(*reply) if params == call.params else wire.error(
                call, "IdempotentParameterMismatch", "The client token was used with other parameters.")
        if call.access_key:  # moto finds the service of a presigned URL only in this header
            environ.setdefault("HTTP_AUTHORIZATION", "AWS4-HMAC-SHA256 Credential=" + "/".join(
                (call.access_key, "20000101", call.region, call.service, "aws4_request")))
        chunks, status, headers = run_wsgi_app(self.moto, environ)
        # A list and no bytes: of bytes a response counts the length itself, and a reply to HEAD tells that of another one.
        reply = ([b"".join(chunks)], status, list(headers))
        if call.token and status < "3":
            self.replies[key] = call.params, reply
        return Response(*reply)

    # control API

    def _control(self, environ, body):
        name = environ["REQUEST_METHOD"].lower() + "_" + environ["PATH_INFO"][len("/_cloud/"):]
        handler = getattr(self, f"_on_{name}", None)
        if handler is None:
            return self._json({"error": f"no such control call: {name}"}, 404)
        try:
            with self.lock:
                self.eks.settle()
                return self._json(handler(json.loads(body or b"{}")))
        except (KeyError, TypeError, ValueError) as problem:
            return self._json({"error": f"{type(problem).__name__}: {problem}"}, 400)

    @staticmethod
    def _json(value, status=200):
        return Response(json.dumps(value), status, content_type="application/json")

    def _on_get_fault(self, _):
        return {"faults": [asdict(f) for f in self.faults]}

    def _on_post_fault(self, body):
        self.faults.append(Fault(**body))
        return self._on_get_fault(body)

    def _on_delete_fault(self, body):
        self.faults.clear()
        return self._on_get_fault(body)

    def _on_post_denied(self, body):
        self.denied = set(body["actions"])
        return {"actions": sorted(self.denied)}

    def _on_get_calls(self, _):
        return {"calls": self.calls}

    def _on_delete_calls(self, _):
        self.calls = []
        return {"calls": []}

    def _on_post_seed(self, body):
        region, wanted = body.get("region", "us-east-1"), body["vpc"]
        before = set(stock.ec2_objects())
        made = stock.seed_vpc(DEFAULT_ACCOUNT_ID, region, wanted["name"], wanted.get("azs", 3))
        self.seeded |= {ident for _, ident in set(stock.ec2_objects()) - before}
        self.public_subnets[region] = made["publicSubnetIds"]
        return {"region": region, **made}

    def _on_post_loadbalancer(self, body):
        region = body.get("region") or next(iter(self.public_subnets), "us-east-1")
        return stock.make_load_balancer(
            DEFAULT_ACCOUNT_ID, region, body["name"], body.get("type", "network"),
            body.get("subnets") or self.public_subnets[region], body.get("tags", {}), body.get("dns_name"))

    def _on_delete_state(self, _):
        self.reset()
        return {}

    def _on_get_leftovers(self, _):
        return stock.leftovers(self.eks, self.seeded)


class Handler(WSGIRequestHandler):
    """Silent, and without Nagle's delay."""

    disable_nagle_algorithm = True

    def log_request(self, *_):
        pass


def _end_with_input():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True, help="0 picks a free port")
    parser.add_argument("--time-scale", type=float, default=0.005, help="1 means the speed of real EKS")
    parser.add_argument("--clusters", metavar="DIR", help="endpoints of stand-in control planes")
    parser.add_argument("--seed", type=int, help="makes generated ids repeatable")
    parser.add_argument("--state-log", metavar="FILE", help="gets one JSON line per change of state")
    parser.add_argument("--while-input", action="store_true", help="ends with its standard input, so with its parent")
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    cloud = Cloud(options.time_scale, options.clusters, options.seed, options.state_log)
    if options.while_input:
        threading.Thread(target=_end_with_input, daemon=True).start()
    server = make_server("127.0.0.1", options.port, cloud, threaded=True, request_handler=Handler)
    print(f"listening http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()

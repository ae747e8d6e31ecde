"""The ground of the proofs: two clouds for a module of tests, one fast and one slow, and a test case that talks to them."""

import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
import uuid

import boto3
import botocore.exceptions
from botocore.config import Config

HERE = pathlib.Path(__file__).parent
REGION, ACCOUNT = "eu-west-1", "123456789012"
TRUST = ('{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole"],'
         '"Principal":{"Service":["%s.amazonaws.com"]}}]}')


class Server:
    """A running cloud.py and ways to talk to it."""

    def __init__(self, *arguments):
        command = [sys.executable, "-B", str(HERE / "cloud.py"), "--port", "0", *arguments]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().split()[1]

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.process.stdout.close()

    def control(self, method, path, body=None):
        request = urllib.request.Request(f"{self.url}/_cloud/{path}", method=method,
                                         data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=20) as reply:
            return json.load(reply)

    @functools.lru_cache(maxsize=None)
    def client(self, service, attempts=1, read_timeout=20, region=REGION):
        client = boto3.client(
            service, region_name=region, endpoint_url=self.url, aws_access_key_id="AKIAIOSFODNN7EXAMPLE",
            aws_secret_access_key="secret", config=Config(
                retries={"total_max_attempts": attempts}, read_timeout=read_timeout, max_pool_connections=50))
        client.meta.events.register("before-parse.eks", check_reply)
        return client

    def aws(self, *words):
        env = {**os.environ, "AWS_ENDPOINT_URL": self.url, "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
               "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION,
               "AWS_MAX_ATTEMPTS": "1"}
        return subprocess.run(["aws", *words, "--output", "json"], env=env, text=True, capture_output=True)


def check_reply(operation_model, response_dict, **_):
    """Every member of every EKS reply must be known to the API, with the right type and enum value."""
    if response_dict["status_code"] < 300:
        check_shape(operation_model.output_shape, json.loads(response_dict["body"]), operation_model.name)


def check_shape(shape, value, where):
    kinds = {"structure": dict, "map": dict, "list": list, "string": str, "boolean": bool, "integer": int,
             "timestamp": (int, float)}
    assert isinstance(value, kinds[shape.type_name]), f"{where}: {value!r} is no {shape.type_name}"
    if shape.type_name == "structure":
        for key, item in value.items():
            assert key in shape.members, f"{where}.{key} is not in the API"
            check_shape(shape.members[key], item, f"{where}.{key}")
    elif shape.type_name == "list":
        for item in value:
            check_shape(shape.member, item, where + "[]")
    elif shape.type_name == "string":
        assert not shape.enum or value in shape.enum, f"{where}: {value} is not one of {shape.enum}"


def start():
    """Starts the clouds and ends them with the module."""
    global FAST, SLOW, CLUSTERS
    folder = tempfile.TemporaryDirectory()
    unittest.addModuleCleanup(folder.cleanup)
    CLUSTERS = pathlib.Path(folder.name)
    FAST = Server("--clusters", folder.name, "--state-log", str(state_log()), "--seed", "7")
    SLOW = Server("--time-scale", "0.2")
    unittest.addModuleCleanup(FAST.stop)
    unittest.addModuleCleanup(SLOW.stop)


def clusters():
    """The folder of the fast cloud for stand-in control planes."""
    return CLUSTERS


def state_log():
    """The file in which the fast cloud notes every change of an EKS object."""
    return CLUSTERS / "state.log"


class CloudCase(unittest.TestCase):
    """Starts each test with an empty cloud and a seeded VPC."""

    server = property(lambda self: FAST)

    def setUp(self):
        self.server.control("DELETE", "state")
        self.vpc = self.server.control("POST", "seed", {"region": REGION,
                                                        "vpc": {"name": "Karmada_VPC", "azs": 3}})
        self.subnets = self.vpc["publicSubnetIds"] + self.vpc["privateSubnetIds"]
        for name in ("eks", "ec2", "iam", "sts", "elbv2"):
            setattr(self, name, self.server.client(name))

    def fails(self, code, call, **params):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**params)
        self.assertEqual(caught.exception.response["Error"]["Code"], code)
        return caught.exception.response

    def until(self, check, limit=30):
        deadline = time.time() + limit
        while time.time() < deadline:
            try:
                if check():
                    return
            except self.eks.exceptions.ResourceNotFoundException:
                return
            time.sleep(0.05)
        self.fail("waited too long")

    def when_spread(self, call):
        """What the call gives once its role is known everywhere."""
        given = []

        def check():
            try:
                given.append(call())
            except self.eks.exceptions.InvalidParameterException:
                pass
            return given
        self.until(check)
        return given[0]

    def role(self, name, service):
        arn = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST % service)["Role"]["Arn"]
        time.sleep(0.06)  # until it has spread, 10 s on the scaled clock; nothing tells when that is
        return arn

    def cluster_request(self, name="c1", **more):
        return {"name": name, "roleArn": f"arn:aws:iam::{ACCOUNT}:role/cp", "version": "1.34",
                "resourcesVpcConfig": {"subnetIds": self.subnets}, "clientRequestToken": str(uuid.uuid4()),
                "accessConfig": {"authenticationMode": "API_AND_CONFIG_MAP"}, **more}

    def active_cluster(self, name="c1", **more):
        self.role("cp", "eks")
        self.eks.create_cluster(**self.cluster_request(name, **more))
        self.until(lambda: self.eks.describe_cluster(name=name)["cluster"]["status"] == "ACTIVE")

    def nodegroup_request(self, name="ng-1"):
        return {"clusterName": "c1", "nodegroupName": name, "subnets": self.vpc["publicSubnetIds"],
                "nodeRole": f"arn:aws:iam::{ACCOUNT}:role/node", "clientRequestToken": str(uuid.uuid4())}

    def nodegroup_status(self):
        return self.eks.describe_nodegroup(clusterName="c1", nodegroupName="ng-1")["nodegroup"]["status"]

    def addon_status(self, name):
        return self.eks.describe_addon(clusterName="c1", addonName=name)["addon"]["status"]

    def fault(self, kind, service, operation="*", **more):
        body = {"kind": kind, "service": service, "operation": operation, **more}
        self.server.control("POST", "fault", body)

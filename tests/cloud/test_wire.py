"""Proofs of faults, call log, load balancers, command line and load."""

import concurrent.futures
import json
import time
import urllib.error
import urllib.request

import botocore.exceptions

import case


def setUpModule():
    case.start()


LOST = (botocore.exceptions.ConnectionClosedError, botocore.exceptions.HTTPClientError)


class Faults(case.CloudCase):
    """Injected faults, the call log, load balancers, the command line and the load."""

    def test_throttles_of_every_protocol(self):
        tagging = self.server.client("resourcegroupstaggingapi")
        calls = (("eks", self.eks.list_clusters, "ThrottlingException", 429),
                 ("ec2", self.ec2.describe_vpcs, "RequestLimitExceeded", 503),
                 ("iam", self.iam.list_roles, "Throttling", 400),
                 ("elbv2", self.elbv2.describe_load_balancers, "Throttling", 400),
                 ("s3", self.server.client("s3").list_buckets, "SlowDown", 503),
                 ("resourcegroupstaggingapi", tagging.get_resources, "ThrottlingException", 400))
        for service, call, code, status in calls:
            self.fault("throttle", service, times=2)
            for _ in range(2):
                self.assertEqual(self.fails(code, call)["ResponseMetadata"]["HTTPStatusCode"], status)
            call()

    def test_length_without_the_object(self):
        s3 = self.server.client("s3")
        place = {"Bucket": "lengths", "Key": "k"}
        s3.create_bucket(Bucket="lengths", CreateBucketConfiguration={"LocationConstraint": case.REGION})
        s3.put_object(**place, Body=b"hello world")
        self.assertEqual(s3.head_object(**place)["ContentLength"], 11)
        self.assertEqual(s3.get_object(**place)["Body"].read(), b"hello world")

    def test_errors_and_matching(self):
        for name in ("a", "b"):
            self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=case.TRUST % "eks")
        self.fault("error", "iam", "GetRole", match={"RoleName": "b"}, code="NoSuchEntity", message="not yet")
        self.iam.get_role(RoleName="a")
        error = self.fails("NoSuchEntity", self.iam.get_role, RoleName="b")["Error"]
        self.assertEqual(error["Message"], "not yet")
        self.iam.get_role(RoleName="b")
        self.fault("error", "*", code="ExpiredToken", times=0)
        for call in (self.eks.list_clusters, self.ec2.describe_vpcs, self.sts.get_caller_identity):
            self.assertEqual(self.fails("ExpiredToken", call)["ResponseMetadata"]["HTTPStatusCode"], 403)
        self.server.control("DELETE", "fault")
        self.eks.list_clusters()
        private = {"resourcesVpcConfig.endpointPublicAccess": False}
        self.fault("error", "eks", match=private, code="ServerException")
        self.role("cp", "eks")
        network = {"subnetIds": self.subnets, "endpointPublicAccess": False}
        request = self.cluster_request(resourcesVpcConfig=network)
        self.fails("ServerException", self.eks.create_cluster, **request)
        with self.assertRaises(urllib.error.HTTPError):
            self.fault("unheard-of", "eks")

    def test_lost_requests_and_replies(self):
        request = self.cluster_request()
        self.role("cp", "eks")
        self.fault("drop-before", "eks", "CreateCluster")
        self.assertRaises(LOST, self.eks.create_cluster, **request)
        self.assertEqual(self.eks.list_clusters()["clusters"], [])
        self.fault("drop-after", "eks", "CreateCluster")
        self.assertRaises(LOST, self.eks.create_cluster, **request)
        self.assertEqual(self.eks.list_clusters()["clusters"], ["c1"])
        self.assertEqual(self.eks.create_cluster(**request)["cluster"]["name"], "c1")
        self.fault("drop-after", "iam", "CreateRole")
        self.assertRaises(LOST, self.role, "lost", "eks")
        self.fails("EntityAlreadyExists", self.iam.create_role, RoleName="lost",
                   AssumeRolePolicyDocument=case.TRUST % "eks")
        self.fault("drop-after", "ec2", "CreateLaunchTemplate")
        template = {"LaunchTemplateName": "lost", "LaunchTemplateData": {"InstanceType": "m5.large"}}
        made = self.server.client("ec2", attempts=2).create_launch_template(**template)["LaunchTemplate"]
        templates = self.ec2.describe_launch_templates()["LaunchTemplates"]
        self.assertEqual([t["LaunchTemplateId"] for t in templates], [made["LaunchTemplateId"]])
        self.fault("timeout", "sts", delay_ms=3000)
        self.assertRaises(botocore.exceptions.ReadTimeoutError,
                          self.server.client("sts", read_timeout=1).get_caller_identity)
        self.fault("slow", "sts", delay_ms=700)
        begun = time.time()
        self.sts.get_caller_identity()
        self.assertGreater(time.time() - begun, 0.7)

    def test_call_log(self):
        self.server.control("DELETE", "calls")
        self.fails("ResourceNotFoundException", self.eks.describe_cluster, name="absent")
        self.fault("drop-before", "ec2")
        self.assertRaises(LOST, self.ec2.describe_vpcs, Filters=[{"Name": "vpc-id", "Values": ["x"]}])
        self.role("cp", "eks")
        self.eks.create_cluster(**self.cluster_request(clientRequestToken="t" * 40))
        calls = self.server.control("GET", "calls")["calls"]
        first = calls[0]["seq"]
        self.assertEqual([(c["seq"], c["service"], c["operation"], c["status"]) for c in calls], [
            (first, "eks", "DescribeCluster", 404), (first + 1, "ec2", "DescribeVpcs", None),
            (first + 2, "iam", "CreateRole", 200), (first + 3, "eks", "CreateCluster", 200)])
        self.assertEqual(calls[0]["params"], {"name": "absent"})
        self.assertEqual((calls[1]["params"], calls[1]["fault"]), (
            {"Filter.1.Name": "vpc-id", "Filter.1.Value.1": "x"}, "drop-before"))
        self.assertEqual((calls[3]["clientToken"], calls[3]["accessKeyId"]),
                         ("t" * 40, "AKIAIOSFODNN7EXAMPLE"))
        self.assertIn("Boto3", calls[3]["userAgent"])

    def test_seed_balancers_and_leftovers(self):
        tables = self.ec2.describe_route_tables(Filters=[
            {"Name": "association.subnet-id", "Values": [self.vpc["privateSubnetIds"][0]]}])["RouteTables"]
        self.assertIn(self.vpc["natGatewayId"], [r.get("NatGatewayId") for r in tables[0]["Routes"]])
        subnets = self.ec2.describe_subnets(SubnetIds=self.subnets)["Subnets"]
        public = {s["SubnetId"] for s in subnets if s["MapPublicIpOnLaunch"]}
        self.assertEqual(public, set(self.vpc["publicSubnetIds"]))
        self.assertEqual(len({s["AvailabilityZone"] for s in subnets}), 3)
        self.assertFalse(any(self.server.control("GET", "leftovers").values()))
        tags = {"kubernetes.io/service-name": "karmada-system/karmada-service-loadbalancer"}
        made = self.server.control("POST", "loadbalancer", {
            "name": "a0b1", "type": "network", "dns_name": "lb.example.test", "tags": tags})
        self.assertIn(":loadbalancer/net/a0b1/", made["loadBalancerArn"])
        waiter = self.elbv2.get_waiter("load_balancer_available")
        waiter.wait(WaiterConfig={"Delay": 1, "MaxAttempts": 10})
        found = self.server.client("resourcegroupstaggingapi").get_resources(
            ResourceTypeFilters=["elasticloadbalancing:loadbalancer"],
            TagFilters=[{"Key": k, "Values": [v]} for k, v in tags.items()])["ResourceTagMappingList"]
        self.assertEqual([f["ResourceARN"] for f in found], [made["loadBalancerArn"]])
        interfaces = {"Filters": [{"Name": "description", "Values": ["ELB net/a0b1/*"]}]}
        self.assertEqual(len(self.ec2.describe_network_interfaces(**interfaces)["NetworkInterfaces"]), 3)
        vpc = self.ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        self.iam.create_open_id_connect_provider(Url="https://oidc.example.test/id/1", ClientIDList=["x"])
        left = self.server.control("GET", "leftovers")
        self.assertEqual((left["vpcs"], left["loadBalancers"]), ([vpc], [made["loadBalancerArn"]]))
        self.assertEqual(len(left["oidcProviders"]), 1)
        self.elbv2.delete_load_balancer(LoadBalancerArn=made["loadBalancerArn"])
        self.assertEqual(self.ec2.describe_network_interfaces(**interfaces)["NetworkInterfaces"], [])
        self.server.control("DELETE", "state")
        self.assertEqual(self.server.control("GET", "calls")["calls"], [])
        self.assertFalse(any(self.server.control("GET", "leftovers").values()))

    def test_command_line(self):
        self.assertEqual(json.loads(self.server.aws("sts", "get-caller-identity").stdout)["Account"], case.ACCOUNT)
        absent = self.server.aws("eks", "describe-cluster", "--name", "absent")
        self.assertIn("(ResourceNotFoundException) when calling the DescribeCluster", absent.stderr)
        self.active_cluster()
        entry = self.server.aws("eks", "describe-access-entry", "--cluster-name", "c1", "--principal-arn",
                                f"arn:aws:iam::{case.ACCOUNT}:user/moto")
        self.assertEqual(json.loads(entry.stdout)["accessEntry"]["clusterName"], "c1")
        config = case.clusters() / "kubeconfig"
        self.server.aws("eks", "update-kubeconfig", "--name", "c1", "--kubeconfig", str(config))
        self.assertIn("eks.amazonaws.com", config.read_text(encoding="utf-8"))
        with urllib.request.urlopen(self.sts.generate_presigned_url("get_caller_identity")) as reply:
            self.assertIn(f"arn:aws:iam::{case.ACCOUNT}:user/moto", reply.read().decode())

    def test_load(self):
        calls = [self.eks.list_clusters, self.ec2.describe_vpcs, self.iam.list_roles,
                 self.sts.get_caller_identity]
        begun = time.time()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(calls[i % 4]) for i in range(200)]:
                done.result()
        self.assertLess(time.time() - begun, 4, "fewer than 50 requests per second")

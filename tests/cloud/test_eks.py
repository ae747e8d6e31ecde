"""Proofs of the EKS simulator: states, tokens, conflicts, nodegroups, add-ons, updates, access."""

import base64
import json
import time
import uuid

import botocore.exceptions
from cryptography import x509

import case


def setUpModule():
    case.start()


class Lifecycle(case.CloudCase):
    """States, tokens and conflicts, on a cloud slow enough to look at every state."""

    server = property(lambda self: case.SLOW)

    def test_propagation_and_creating(self):
        self.iam.create_role(RoleName="cp", AssumeRolePolicyDocument=case.TRUST % "eks")
        request = self.cluster_request()
        error = self.fails("InvalidParameterException", self.eks.create_cluster, **request)
        self.assertIn("does not exist", error["Error"]["Message"])
        first = self.when_spread(lambda: self.eks.create_cluster(**request)["cluster"])
        self.assertEqual((first["status"], first.get("endpoint"), first["certificateAuthority"]),
                         ("CREATING", None, {}))
        self.assertEqual(self.eks.create_cluster(**request)["cluster"], first)
        self.fails("InvalidParameterException", self.eks.create_cluster, **{**request, "version": "1.33"})
        clash = self.fails("ResourceInUseException", self.eks.create_cluster,
                           **{**request, "clientRequestToken": str(uuid.uuid4())})
        self.assertEqual((clash["ResponseMetadata"]["HTTPStatusCode"], clash["Error"]["Message"]),
                         (409, "Cluster already exists with name: c1"))
        self.fails("InvalidParameterException", self.eks.create_cluster,
                   **{**request, "clientRequestToken": "too-short"})
        self.fails("InvalidRequestException", self.eks.create_nodegroup, **self.nodegroup_request())
        self.fails("ResourceInUseException", self.eks.delete_cluster, name="c1")

    def test_balancer_is_provisioning(self):
        made = self.server.control("POST", "loadbalancer", {"name": "lb", "type": "network"})
        found = self.elbv2.describe_load_balancers()["LoadBalancers"][0]
        self.assertEqual((found["State"]["Code"], found["DNSName"]), ("provisioning", made["dnsName"]))


class Clusters(case.CloudCase):
    """The EKS simulator at full speed."""

    def test_cluster_fields_and_stand_in(self):
        self.active_cluster("c1")
        self.eks.create_cluster(**self.cluster_request("c2", accessConfig={"authenticationMode": "API"}))
        self.until(lambda: self.eks.describe_cluster(name="c2")["cluster"]["status"] == "ACTIVE")
        one, two = (self.eks.describe_cluster(name=n)["cluster"] for n in ("c1", "c2"))
        x509.load_pem_x509_certificate(base64.b64decode(one["certificateAuthority"]["data"]))
        self.assertNotEqual(one["identity"], two["identity"])
        group = self.ec2.describe_security_groups(GroupIds=[
            one["resourcesVpcConfig"]["clusterSecurityGroupId"]])["SecurityGroups"][0]
        self.assertEqual(group["VpcId"], one["resourcesVpcConfig"]["vpcId"])
        self.assertEqual(self.eks.list_access_entries(clusterName="c1")["accessEntries"],
                         [self.sts.get_caller_identity()["Arn"]])
        for port in (6443, 7443):
            given = {"endpoint": f"https://127.0.0.1:{port}", "certificateAuthorityData": "Q0E="}
            (case.clusters() / "c1.json").write_text(json.dumps(given), encoding="utf-8")
            cluster = self.eks.describe_cluster(name="c1")["cluster"]
            self.assertEqual(cluster["endpoint"], f"https://127.0.0.1:{port}")
            self.assertEqual(cluster["certificateAuthority"]["data"], "Q0E=")
        (case.clusters() / "c1.json").unlink()
        self.assertEqual(self.eks.list_clusters(maxResults=1)["clusters"], ["c1"])
        pages = self.eks.get_paginator("list_clusters").paginate(PaginationConfig={"PageSize": 1})
        self.assertEqual([p["clusters"] for p in pages], [["c1"], ["c2"]])

    def test_nodes_and_addons(self):
        self.active_cluster()
        self.role("node", "ec2")
        for name in ("vpc-cni", "coredns", "aws-ebs-csi-driver"):
            self.eks.create_addon(clusterName="c1", addonName=name)
        self.fails("ResourceInUseException", self.eks.create_addon, clusterName="c1", addonName="coredns")
        self.until(lambda: self.addon_status("vpc-cni") == "ACTIVE")
        self.until(lambda: self.addon_status("coredns") == "DEGRADED")
        issues = self.eks.describe_addon(clusterName="c1", addonName="coredns")["addon"]["health"]["issues"]
        self.assertEqual(issues[0]["code"], "InsufficientNumberOfReplicas")
        self.assertEqual(self.addon_status("aws-ebs-csi-driver"), "DEGRADED")
        request = self.nodegroup_request()
        first = self.eks.create_nodegroup(**request)["nodegroup"]
        again = self.eks.create_nodegroup(**request)["nodegroup"]
        self.assertEqual(again["nodegroupArn"], first["nodegroupArn"])
        self.fails("ResourceInUseException", self.eks.create_nodegroup, **self.nodegroup_request())
        self.fails("ResourceInUseException", self.eks.delete_cluster, name="c1")
        self.until(lambda: self.nodegroup_status() == "ACTIVE")
        self.assertEqual(self.eks.list_nodegroups(clusterName="c1")["nodegroups"], ["ng-1"])
        self.until(lambda: self.addon_status("coredns") == "ACTIVE")
        self.assertIn(request["nodeRole"], self.eks.list_access_entries(clusterName="c1")["accessEntries"])
        update = self.eks.update_nodegroup_config(clusterName="c1", nodegroupName="ng-1",
                                                  scalingConfig={"desiredSize": 1})["update"]
        self.assertEqual((update["status"], self.nodegroup_status()), ("InProgress", "UPDATING"))
        self.until(lambda: self.nodegroup_status() == "ACTIVE")
        done = self.eks.describe_update(name="c1", nodegroupName="ng-1", updateId=update["id"])["update"]
        self.assertEqual((done["status"], done["type"]), ("Successful", "ConfigUpdate"))
        self.eks.delete_nodegroup(clusterName="c1", nodegroupName="ng-1")
        self.assertEqual((self.nodegroup_status(), self.addon_status("coredns")), ("DELETING", "DEGRADED"))
        self.until(lambda: not self.nodegroup_status())
        self.assertEqual(self.eks.delete_cluster(name="c1")["cluster"]["status"], "DELETING")
        self.until(lambda: not self.eks.describe_cluster(name="c1"))
        self.fails("ResourceNotFoundException", self.eks.list_nodegroups, clusterName="c1")
        left = self.server.control("GET", "leftovers")
        self.assertEqual((left["clusters"], len(left["roles"]), left.get("securityGroups")), ([], 2, None))
        log = [json.loads(line) for line in case.state_log().read_text(encoding="utf-8").splitlines()]
        self.assertIn(["CREATING", "ACTIVE", "UPDATING", "ACTIVE", "DELETING", "gone"], [
            [e["to"] for e in log if (e["kind"], e["name"]) == ("nodegroup", "ng-1")][-6:]])

    def test_prices(self):
        pricing = self.server.client("pricing", region="us-east-1")
        products = pricing.get_products(ServiceCode="AmazonEKS", Filters=[
            {"Type": "TERM_MATCH", "Field": "regionCode", "Value": "eu-west-1"},
            {"Type": "CONTAINS", "Field": "usagetype", "Value": "perCluster"}])["PriceList"]
        self.assertEqual(len(products), 1)
        (term,) = json.loads(products[0])["terms"]["OnDemand"].values()
        (rate,) = term["priceDimensions"].values()
        self.assertEqual(float(rate["pricePerUnit"]["USD"]), 0.10)
        pages = pricing.get_paginator("get_products").paginate(ServiceCode="AmazonEC2", PaginationConfig={"PageSize": 4})
        self.assertEqual([len(page["PriceList"]) for page in pages], [4, 4, 4, 3])
        with self.assertRaisesRegex(botocore.exceptions.ClientError, "not served"):
            self.server.client("pricing", region="eu-west-1").get_products(ServiceCode="AmazonEKS")

    def test_quotas_and_permissions(self):
        quotas = self.server.client("service-quotas")
        self.assertEqual(quotas.get_service_quota(ServiceCode="eks", QuotaCode="L-1194D53C")["Quota"]["Value"], 100)
        self.assertEqual(len(quotas.list_service_quotas(ServiceCode="vpc")["Quotas"]), 3)
        with self.assertRaises(quotas.exceptions.NoSuchResourceException):
            quotas.get_service_quota(ServiceCode="eks", QuotaCode="L-0")
        self.server.control("POST", "denied", {"actions": ["eks:DeleteCluster"]})
        asked = {"PolicySourceArn": f"arn:aws:iam::{case.ACCOUNT}:user/me", "ActionNames": ["eks:CreateCluster", "eks:DeleteCluster"]}
        found = self.iam.simulate_principal_policy(**asked)["EvaluationResults"]
        self.assertEqual([r["EvalDecision"] for r in found], ["allowed", "implicitDeny"])

    def test_cluster_updates(self):
        self.active_cluster()
        change = {"name": "c1", "clientRequestToken": str(uuid.uuid4()),
                  "resourcesVpcConfig": {"endpointPrivateAccess": True}}
        update = self.eks.update_cluster_config(**change)["update"]
        self.assertEqual(update["type"], "EndpointAccessUpdate")
        self.assertEqual(self.eks.update_cluster_config(**change)["update"]["id"], update["id"])
        self.fails("ResourceInUseException", self.eks.update_cluster_version, name="c1", version="1.35")
        self.until(lambda: self.eks.describe_cluster(name="c1")["cluster"]["status"] == "ACTIVE")
        cluster = self.eks.describe_cluster(name="c1")["cluster"]
        self.assertTrue(cluster["resourcesVpcConfig"]["endpointPrivateAccess"])
        self.fails("InvalidParameterException", self.eks.update_cluster_config, name="c1",
                   accessConfig={"authenticationMode": "CONFIG_MAP"})
        self.eks.update_cluster_version(name="c1", version="1.35")
        self.until(lambda: self.eks.describe_cluster(name="c1")["cluster"]["version"] == "1.35")
        self.assertEqual(len(self.eks.list_updates(name="c1")["updateIds"]), 2)

    def test_access_pod_identity_and_tags(self):
        self.active_cluster()
        who = {"clusterName": "c1", "principalArn": self.role("admins", "ec2")}
        self.fails("InvalidParameterException", self.eks.create_access_entry, **who,
                   kubernetesGroups=["system:masters"])
        self.fails("InvalidParameterException", self.eks.create_access_entry, clusterName="c1",
                   principalArn=f"arn:aws:iam::{case.ACCOUNT}:user/nobody")
        self.eks.create_access_entry(**who)
        self.fails("ResourceInUseException", self.eks.create_access_entry, **who)
        policy = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy"
        for _ in range(2):
            self.eks.associate_access_policy(**who, policyArn=policy,
                                             accessScope={"type": "namespace", "namespaces": ["a"]})
        self.assertEqual(len(self.eks.list_associated_access_policies(**who)["associatedAccessPolicies"]), 1)
        self.assertEqual(self.eks.describe_access_entry(**who)["accessEntry"]["type"], "STANDARD")
        self.eks.disassociate_access_policy(**who, policyArn=policy)
        self.eks.delete_access_entry(**who)
        self.fails("ResourceNotFoundException", self.eks.describe_access_entry, **who)
        pod = {"clusterName": "c1", "namespace": "n", "serviceAccount": "s", "roleArn": who["principalArn"]}
        made = self.eks.create_pod_identity_association(**pod)["association"]
        self.fails("ResourceInUseException", self.eks.create_pod_identity_association, **pod)
        ident = {"clusterName": "c1", "associationId": made["associationId"]}
        self.assertEqual(self.eks.describe_pod_identity_association(**ident)["association"], made)
        self.assertEqual(len(self.eks.list_pod_identity_associations(clusterName="c1")["associations"]), 1)
        self.eks.delete_pod_identity_association(**ident)
        self.role("pods", "pods.eks")
        self.eks.create_addon(clusterName="c1", addonName="vpc-cni", podIdentityAssociations=[
            {"serviceAccount": "aws-node", "roleArn": f"arn:aws:iam::{case.ACCOUNT}:role/pods"}])
        self.until(lambda: self.addon_status("vpc-cni") == "ACTIVE")
        newest = self.eks.describe_addon_versions(addonName="vpc-cni")["addons"][0]["addonVersions"][0]
        self.eks.update_addon(clusterName="c1", addonName="vpc-cni", addonVersion=newest["addonVersion"])
        self.assertEqual(self.eks.list_addons(clusterName="c1")["addons"], ["vpc-cni"])
        arn = self.eks.describe_cluster(name="c1")["cluster"]["arn"]
        self.eks.tag_resource(resourceArn=arn, tags={"a": "1", "b": "2"})
        self.eks.untag_resource(resourceArn=arn, tagKeys=["a"])
        self.assertEqual(self.eks.list_tags_for_resource(resourceArn=arn)["tags"], {"b": "2"})

"""The 68 calls of the Karmada guide, in order."""

import json
import re
import time

import botocore

import case


def setUpModule():
    case.start()


class GuideCalls(case.CloudCase):
    """The calls of the guide, in order, with the ids of this cloud filled in."""

    def setUp(self):
        super().setUp()
        names = "pub.a pub.b pub.c priv.a priv.b priv.c".split()
        group = self.elbv2.create_target_group(Name="tg", Protocol="TCP", Port=80, VpcId=self.vpc["vpcId"])
        self.values = {**dict(zip(names, self.subnets)), "vpc": self.vpc["vpcId"], "subnet": self.subnets[0],
                       "tg": group["TargetGroups"][0]["TargetGroupArn"]}
        self.iam.create_user(UserName="U")

    def filled(self, call):
        text = json.dumps(call["params"])
        if call["operation"] == "CreateAddon" and "${default}" in text:
            name = call["params"]["addonName"]
            infos = self.eks.describe_addon_versions(kubernetesVersion="1.34", addonName=name)
            self.values["default"] = next(v["addonVersion"] for v in infos["addons"][0]["addonVersions"]
                                          if v["compatibilities"][0]["defaultVersion"])
        if call["phase"] == "automode-variant":
            text = text.replace('"name": "karmada-parent"', '"name": "karmada-auto"')
        text = text.replace("*name*", "*Karmada*").replace("EXAMPLED539D4633E53DE1B716D3041E",
                                                           self.values.get("issuer", "none"))
        return json.loads(re.sub(r"\$\{([^}]+)\}", lambda m: self.values[m[1]], text))

    def before(self, number):
        if number == 42:  # the pod identity variant needs the first add-on gone
            names = {"clusterName": "karmada-parent", "addonName": "aws-ebs-csi-driver"}
            self.eks.delete_addon(**names)
            self.until(lambda: not self.eks.describe_addon(**names))
        if number == 50:
            tags = [{"Key": "cluster.k8s.amazonaws.com/name", "Value": "karmada-parent"}]
            made = self.ec2.create_network_interface(SubnetId=self.subnets[0], TagSpecifications=[
                {"ResourceType": "network-interface", "Tags": tags}])
            self.values["eni"] = made["NetworkInterface"]["NetworkInterfaceId"]

    def after(self, number, operation, params, reply, again):
        if operation == "CreateSecurityGroup":
            kind = "shared" if "Shared" in params["GroupName"] else "controlplane"
            self.values["sg." + kind] = reply["GroupId"]
        elif operation == "CreateLaunchTemplate":
            self.values["lt.id"] = reply["LaunchTemplate"]["LaunchTemplateId"]
        elif operation in ("DescribeCluster", "DescribeNodegroup", "DescribeAddon"):
            self.until(lambda: again()[operation[8:].lower()]["status"] == "ACTIVE")
        elif operation == "CreateRole":
            time.sleep(0.06)  # until the role has spread
        elif operation in ("DeleteNodegroup", "DeleteCluster"):
            self.until(lambda: not getattr(self.eks, "describe_" + operation[6:].lower())(**params))
        if number == 14:
            cluster = self.eks.describe_cluster(name="karmada-parent")["cluster"]
            self.values["issuer"] = cluster["identity"]["oidc"]["issuer"].rpartition("/")[2]
            self.values["cluster.resourcesVpcConfig.clusterSecurityGroupId"] = cluster[
                "resourcesVpcConfig"]["clusterSecurityGroupId"]
        if number == 50:
            found = [e["NetworkInterfaceId"] for e in reply["NetworkInterfaces"]]
            self.assertEqual(found, [self.values["eni"]])

    def test_all_calls_in_order(self):
        calls = json.loads((case.HERE / "guide_calls.json").read_text(encoding="utf-8"))
        self.assertEqual(len(calls), 68)
        for number, call in enumerate(calls, 1):
            with self.subTest(number=number, operation=call["operation"]):
                self.before(number)
                client, params = self.server.client(call["service"]), self.filled(call)
                method = getattr(client, botocore.xform_name(call["operation"]))
                reply = method(**params)
                self.after(number, call["operation"], params, reply, lambda: method(**params))
        operations = [c["operation"] for c in self.server.control("GET", "calls")["calls"]]
        self.assertEqual(set(c["operation"] for c in calls) - set(operations), set())
        left = self.server.control("GET", "leftovers")
        self.assertEqual(left["clusters"], [f"arn:aws:eks:{case.REGION}:{case.ACCOUNT}:cluster/karmada-auto"])
        self.assertEqual([left["nodegroups"], left["vpcs"], left.get("securityGroups", [])], [[], [], []])
        self.assertEqual({r.rpartition("/")[2] for r in left["roles"]}, {
            "AmazonEKS_EBS_CSI_DriverRole_eu-west-1_karmada-parent", "karmada-parent-ebs-csi"})

"""Nodegroups."""

import copy

from moto.core.exceptions import ServiceException

from .objects import EksError, Resource, merge, pick

NODEGROUP_DEFAULTS = {
    "capacityType": "ON_DEMAND", "scalingConfig": {"minSize": 1, "maxSize": 2, "desiredSize": 2},
    "instanceTypes": ["t3.medium"], "amiType": "AL2023_x86_64_STANDARD", "diskSize": 20, "labels": {},
    "updateConfig": {"maxUnavailable": 1}, "health": {"issues": []}, "tags": {}}

class Nodegroups:
    """The operations on nodegroups."""

    def create_nodegroup(self, scope, p):
        name = p["nodegroupName"]
        cluster = self._parent(scope, p, "nodegroup", name, "NodeGroup already exists with name "
                               f"{name} and cluster name {p['clusterName']}")
        if "launchTemplate" in p and "diskSize" in p:
            raise EksError("InvalidParameter", "Disk size must be specified within the launch template.")
        if self._check_network(scope, p["subnets"]) != cluster.body["resourcesVpcConfig"]["vpcId"]:
            raise EksError("InvalidParameter", "Subnets are not in the VPC of the cluster")
        self._check_role(scope, p["nodeRole"], "ec2.amazonaws.com")
        version, unique = p.get("version", cluster.body["version"]), self._uuid()
        body = self._stamped({
            **copy.deepcopy(NODEGROUP_DEFAULTS),
            "version": version, "releaseVersion": f"{version}.2-20251209",
            "nodegroupArn": scope.arn(f"nodegroup/{cluster.name}/{name}/{unique}"), "status": None,
            "resources": {"autoScalingGroups": [{"name": f"eks-{name}-{unique}"}]}})
        merge(body, {k: v for k, v in p.items() if k not in ("clientRequestToken", "launchTemplate")})
        if "launchTemplate" in p:
            body["launchTemplate"] = self._launch_template(scope, p["launchTemplate"])
            del body["diskSize"]
        nodegroup = self._add(cluster.tables["nodegroup"], Resource("nodegroup", name, body))
        self._begin(nodegroup, "CREATING", "nodegroup",
                    lambda: self._nodegroup_active(scope, cluster, nodegroup))
        return nodegroup

    @staticmethod
    def _launch_template(scope, wanted):
        try:
            found = (scope.ec2.get_launch_template(wanted["id"]) if "id" in wanted
                     else scope.ec2.get_launch_template_by_name(wanted["name"]))
        except ServiceException as problem:
            raise EksError("InvalidParameter", str(problem.message)) from None
        version = wanted.get("version", str(found.default_version_number))
        return {"id": found.id, "name": found.name, "version": version}

    def _nodegroup_active(self, scope, cluster, nodegroup):
        self._set_status(nodegroup, "ACTIVE")
        role = nodegroup.body["nodeRole"]
        mode = cluster.body["accessConfig"]["authenticationMode"]
        if mode != "CONFIG_MAP" and role not in cluster.tables["accessEntry"]:
            self._add_entry(scope, cluster, {"principalArn": role, "type": "EC2_LINUX"})
        self._nodes_changed(cluster)

    def delete_nodegroup(self, scope, p):
        cluster, nodegroup = self._find(scope, p, "nodegroup", p["nodegroupName"])
        if nodegroup.status != "DELETING":
            self._begin(nodegroup, "DELETING", "nodegroup-delete",
                        lambda: self._remove(cluster.tables["nodegroup"], nodegroup))
            self._nodes_changed(cluster)
        return nodegroup

    def update_nodegroup_config(self, scope, p):
        cluster, nodegroup = self._find(scope, p, "nodegroup", p["nodegroupName"])

        def apply():
            body, labels, taints = nodegroup.body, p.get("labels", {}), p.get("taints", {})
            merge(body, pick(p, "scalingConfig", "updateConfig", "nodeRepairConfig", "warmPoolConfig"))
            body["labels"].update(labels.get("addOrUpdateLabels", {}))
            for label in labels.get("removeLabels", ()):
                body["labels"].pop(label, None)
            put = taints.get("addOrUpdateTaints", [])
            named = [(t["key"], t["effect"]) for t in [*put, *taints.get("removeTaints", [])]]
            body["taints"] = [t for t in body.get("taints", []) if (t["key"], t["effect"]) not in named] + put
        return self._start_update(cluster, nodegroup, "ConfigUpdate", p, apply,
                                  lambda: self._set_status(nodegroup, "ACTIVE"))

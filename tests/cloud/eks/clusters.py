"""Clusters, their versions, and the updates of clusters, nodegroups and add-ons."""

import copy
import json

from moto.core.exceptions import ServiceException

import catalogue
import wire

from .objects import EksError, Resource, merge, page, pick

LOG_TYPES = ["api", "audit", "authenticator", "controllerManager", "scheduler"]
CLUSTER_DEFAULTS = {
    "platformVersion": "eks.9", "certificateAuthority": {}, "health": {"issues": []}, "tags": {},
    "kubernetesNetworkConfig": {"serviceIpv4Cidr": "172.20.0.0/16", "ipFamily": "ipv4",
                                "elasticLoadBalancing": {"enabled": False}},
    "logging": {"clusterLogging": [{"types": LOG_TYPES, "enabled": False}]},
    "accessConfig": {"authenticationMode": "CONFIG_MAP"}, "upgradePolicy": {"supportType": "EXTENDED"},
    "computeConfig": {"enabled": False}, "storageConfig": {"blockStorage": {"enabled": False}},
    "resourcesVpcConfig": {"subnetIds": [], "securityGroupIds": [], "endpointPublicAccess": True,
                           "endpointPrivateAccess": False, "publicAccessCidrs": ["0.0.0.0/0"]},
    "version": catalogue.DEFAULT_VERSION, "deletionProtection": False}
UPDATE_TYPES = {
    "logging": "LoggingUpdate", "accessConfig": "AccessConfigUpdate", "upgradePolicy": "UpgradePolicyUpdate",
    "zonalShiftConfig": "ZonalShiftConfigUpdate", "computeConfig": "AutoModeUpdate",
    "remoteNetworkConfig": "RemoteNetworkConfigUpdate", "deletionProtection": "DeletionProtectionUpdate",
    "controlPlaneScalingConfig": "ControlPlaneScalingConfigUpdate", "resourcesVpcConfig": "VpcConfigUpdate"}
MODE_STEPS = {("CONFIG_MAP", "API_AND_CONFIG_MAP"), ("API_AND_CONFIG_MAP", "API")}
ADMIN_POLICY = "arn:{}:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"

class Clusters:
    """The operations on clusters and updates."""

    def create_cluster(self, scope, p):
        name, network = p["name"], p["resourcesVpcConfig"]
        if name in scope.clusters:
            raise EksError("ResourceInUse", f"Cluster already exists with name: {name}", clusterName=name)
        if p.get("version", catalogue.DEFAULT_VERSION) not in catalogue.SUPPORTED_VERSIONS:
            raise EksError("InvalidParameter", "unsupported Kubernetes version")
        self._check_auto_mode(p)
        vpc = self._check_network(scope, network.get("subnetIds", []), network.get("securityGroupIds"), 2)
        self._check_role(scope, p["roleArn"], "eks.amazonaws.com")
        body = {**copy.deepcopy(CLUSTER_DEFAULTS), "arn": scope.arn(f"cluster/{name}"),
                "createdAt": self.clock.now()}
        skipped = ("clientRequestToken", "bootstrapSelfManagedAddons", "outpostConfig")
        merge(body, {k: v for k, v in p.items() if k not in skipped})
        boot = body["accessConfig"].pop("bootstrapClusterCreatorAdminPermissions", True)
        body["resourcesVpcConfig"]["vpcId"] = vpc
        cluster = self._add(scope.clusters, Resource("cluster", name, {**body, "status": None}))
        self._begin(cluster, "CREATING", "cluster", lambda: self._cluster_active(scope, cluster, boot))
        return cluster

    @staticmethod
    def _check_auto_mode(p):
        switches = (p.get("computeConfig", {}), p.get("storageConfig", {}).get("blockStorage", {}),
                    p.get("kubernetesNetworkConfig", {}).get("elasticLoadBalancing", {}))
        if len({bool(s.get("enabled")) for s in switches}) > 1:
            raise EksError("InvalidParameter", "For EKS Auto Mode, please ensure that all required configs, "
                           "including computeConfig, kubernetesNetworkConfig, and blockStorage are all "
                           "either fully enabled or fully disabled.")

    def _cluster_active(self, scope, cluster, boot):
        body, unique = cluster.body, "%032X" % self.random.getrandbits(128)
        body["endpoint"] = f"https://{unique}.gr7.{scope.region}.eks.amazonaws.com"
        body["certificateAuthority"] = {"data": catalogue.new_authority()}
        body["identity"] = {"oidc": {"issuer": f"https://oidc.eks.{scope.region}.amazonaws.com/id/{unique}"}}
        group_name = f"eks-cluster-sg-{cluster.name}-{self.random.getrandbits(31)}"
        group = scope.ec2.create_security_group(
            group_name, "EKS created security group applied to ENI that is attached to EKS Control Plane "
            "master nodes, as well as any managed workloads.", body["resourcesVpcConfig"]["vpcId"],
            tags={"Name": group_name, f"kubernetes.io/cluster/{cluster.name}": "owned",
                  "aws:eks:cluster-name": cluster.name})
        body["resourcesVpcConfig"]["clusterSecurityGroupId"] = group.id
        self._set_status(cluster, "ACTIVE")
        if boot and body["accessConfig"]["authenticationMode"] != "CONFIG_MAP":
            policy = ADMIN_POLICY.format(scope.partition)
            self._add_entry(scope, cluster, {"principalArn": scope.caller}).policies[policy] = self._stamped(
                {"policyArn": policy, "accessScope": {"type": "cluster", "namespaces": []}}, "associatedAt")

    def describe_cluster(self, scope, p):
        return self._cluster(scope, p["name"])

    def list_clusters(self, scope, p):
        return page(p, "clusters", sorted(scope.clusters))

    def delete_cluster(self, scope, p):
        cluster = self._cluster(scope, p["name"])
        problem = ("Cluster has nodegroups attached" if cluster.tables["nodegroup"] else
                   f"Cannot delete because cluster {cluster.name} currently has an update in progress"
                   if cluster.status in ("CREATING", "UPDATING") else None)
        if problem:
            raise EksError("ResourceInUse", problem, clusterName=cluster.name)
        if cluster.body["deletionProtection"]:
            raise EksError("InvalidRequest", f"Cluster {cluster.name} has deletion protection enabled")
        if cluster.status != "DELETING":
            self._begin(cluster, "DELETING", "cluster-delete", lambda: self._cluster_gone(scope, cluster))
        return cluster

    def _cluster_gone(self, scope, cluster):
        self._remove(scope.clusters, cluster)
        try:
            scope.ec2.delete_security_group(
                group_id=cluster.body["resourcesVpcConfig"]["clusterSecurityGroupId"])
        except ServiceException:
            pass  # still referenced, or already deleted: it stays as it is

    def describe_cluster_versions(self, scope, p):
        def wanted(v):
            listed = v["clusterVersion"] in p.get("clusterVersions", [v["clusterVersion"]])
            shown = p.get("includeAll") or "clusterVersions" in p or v["versionStatus"] != "UNSUPPORTED"
            return listed and shown and (v["defaultVersion"] or not p.get("defaultOnly")) and all(
                p.get(member, v[member]) == v[member] for member in ("status", "versionStatus"))
        return page(p, "clusterVersions", [v for v in catalogue.CLUSTER_VERSIONS if wanted(v)])

    # updates

    def _start_update(self, cluster, target, kind, p, apply, back):
        """Begin an update of a cluster, nodegroup or add-on; `apply` and `back` run when it is done."""
        if target.status == "UPDATING":
            raise EksError("ResourceInUse", f"Cannot {kind} because {target.kind} {target.name} currently "
                           "has an update in progress", clusterName=cluster.name)
        if target.status in ("CREATING", "DELETING"):
            raise EksError("InvalidRequest", f"{target.kind} '{target.name}' is not in ACTIVE status")
        names = wire.service_model("eks").shape_for("UpdateParamType").enum
        flat = {k[:1].upper() + k[1:]: v for part in p.values() if isinstance(part, dict)
                for k, v in part.items()} | {k[:1].upper() + k[1:]: v for k, v in p.items()}
        rows = [{"type": k, "value": v if isinstance(v, str) else json.dumps(v)}
                for k, v in flat.items() if k in names]
        update = Resource("update", self._uuid(), {"type": kind, "createdAt": self.clock.now(),
                                                   "params": rows, "errors": []})
        update.body.update(id=update.name, status=None)
        update.target = target

        def finish():
            apply()
            self._set_status(update, "Successful")
            back()
        self._set_status(self._add(cluster.tables["update"], update), "InProgress")
        self._begin(target, "UPDATING", f"{target.kind}-update", finish)
        return update

    def update_cluster_config(self, scope, p):
        cluster = self._cluster(scope, p["name"])
        change = {k: v for k, v in p.items() if k not in ("name", "clientRequestToken")}
        kinds = [kind for member, kind in UPDATE_TYPES.items() if member in change]
        if len(kinds) != 1:
            raise EksError("InvalidParameter", "Only one type of update can be allowed.")
        network = change.get("resourcesVpcConfig", {})
        if network and not pick(network, "subnetIds", "securityGroupIds"):
            kinds = ["EndpointAccessUpdate"]
        after = merge(copy.deepcopy(cluster.body), change)
        if after == cluster.body:
            raise EksError("InvalidParameter", "Cluster is already at the desired configuration")
        modes = tuple(body["accessConfig"]["authenticationMode"] for body in (cluster.body, after))
        if modes[0] != modes[1] and modes not in MODE_STEPS:
            raise EksError("InvalidParameter", "Unsupported authentication mode update from %s to %s" % modes)
        network = after["resourcesVpcConfig"]
        self._check_network(scope, network["subnetIds"], network["securityGroupIds"], 2)
        return self._start_update(cluster, cluster, kinds[0], p, lambda: merge(cluster.body, change),
                                  lambda: self._set_status(cluster, "ACTIVE"))

    def update_cluster_version(self, scope, p):
        cluster, wanted = self._cluster(scope, p["name"]), p["version"]
        before = cluster.body["version"]
        minors = [int(v.split(".")[1]) for v in (before, wanted)]
        if wanted not in catalogue.SUPPORTED_VERSIONS or minors[1] != minors[0] + 1:
            raise EksError("InvalidParameter",
                           f"Unsupported Kubernetes minor version update from {before} to {wanted}")
        return self._start_update(cluster, cluster, "VersionUpdate", p,
                                  lambda: cluster.body.update(version=wanted),
                                  lambda: self._set_status(cluster, "ACTIVE"))

    def _updates_of(self, scope, p):
        target = self._cluster(scope, p["name"])
        for kind in ("nodegroup", "addon"):
            if kind + "Name" in p:
                target = self._find(scope, p, kind, p[kind + "Name"])[1]
        updates = self._cluster(scope, p["name"]).tables["update"].values()
        return [u.name for u in updates if u.target is target]

    def describe_update(self, scope, p):
        found = p["updateId"] if p["updateId"] in self._updates_of(scope, p) else None
        return self._find(scope, p, "update", found)[1]

    def list_updates(self, scope, p):
        return page(p, "updateIds", self._updates_of(scope, p))

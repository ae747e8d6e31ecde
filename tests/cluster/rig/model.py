"""What a rig consists of: clusters and their nodes."""

from dataclasses import dataclass, field
from pathlib import Path

from .settings import REGION, ZONES


@dataclass
class Node:
    name: str
    address: str
    zone: str
    real: bool
    pods: str = ""  # range of pod addresses (real nodes)
    namespace: str = ""  # name of the network namespace (real nodes)

    @property
    def provider_id(self):
        digits = self.address.replace(".", "").rjust(17, "0")
        return f"aws:///{self.zone}/i-{digits}"

    def labels(self, cluster):
        return {
            "eks.amazonaws.com/nodegroup": f"{cluster}-ng",
            "eks.amazonaws.com/capacityType": "ON_DEMAND",
            "topology.kubernetes.io/zone": self.zone,
            "topology.kubernetes.io/region": REGION,
            "node.kubernetes.io/instance-type": "m5.large",
        }


@dataclass
class Cluster:
    name: str
    index: int
    host: str  # address of the API server
    directory: Path  # of the rig
    pods: str
    nodes: list = field(default_factory=list)

    @property
    def port(self):
        return 6443 + self.index

    @property
    def endpoint(self):
        return f"https://{self.host}:{self.port}"

    @property
    def dns_port(self):
        return 9053 + self.index

    @property
    def kubeconfig(self):
        return self.directory / "kubeconfigs" / f"{self.name}.yaml"

    @property
    def pki(self):
        return self.directory / "pki" / self.name

    @property
    def real_nodes(self):
        return [node for node in self.nodes if node.real]

    @property
    def fake_nodes(self):
        return [node for node in self.nodes if not node.real]


def make_clusters(plan, directory, parent, parent_nodes, members, real_members, fake_nodes=2):
    """The parent has real nodes; a member has one real node or a few fake ones."""
    clusters, number = [], 0
    for index, name in enumerate([parent, *members]):
        cluster = Cluster(name, index, plan.host, Path(directory), plan.cluster_pods(index))
        real = parent_nodes if index == 0 else int(name in real_members)
        for position in range(real or fake_nodes):
            zone = REGION + ZONES[position % len(ZONES)]
            if real:
                address = plan.node(number)
                pods, namespace = plan.node_pods(index, position), plan.namespace(number)
                number += 1
            else:
                address, pods, namespace = plan.fake_node(index, position), "", ""
            name_of_node = f"ip-{address.replace('.', '-')}.{REGION}.compute.internal"
            cluster.nodes.append(Node(name_of_node, address, zone, bool(real), pods, namespace))
        clusters.append(cluster)
    return clusters

"""Where the sources are, which versions they have, and the addresses inside every cluster."""

from pathlib import Path

HOME = Path(__file__).resolve().parent.parent  # the folder of this rig
GO_SOURCES = HOME / "go"
AWS_SIDE_SOURCES = HOME / "aws-side"

KUBERNETES_VERSION = "v1.35.2"
KARMADA_VERSION = "v1.18.2"
KARMADA_COMMIT = "0533b555"
ETCD_VERSION = "3.6.6"
REGION = "eu-west-1"
ZONES = ("a", "b", "c")
CLUSTER_DOMAIN = "cluster.local"
SERVICE_RANGE = "10.100.0.0/16"  # as EKS has it; clusters do not see each other's, so all use the same
SERVICE_ADDRESS = "10.100.0.1"
DNS_ADDRESS = "10.100.0.10"
REGISTRY_PORT = 5000
CNI_PLUGINS = "/usr/lib/cni"

"""Starts real nodes: namespaces, containerd, kubelet, kube-proxy. What runs inside is in nodeinit.py."""

import json
import os
import shutil
import sys
from pathlib import Path

from . import cgroups, images, network, pki
from .commands import RigError, run, wait_for, write
from .settings import CLUSTER_DOMAIN, CNI_PLUGINS, DNS_ADDRESS, HOME, REGISTRY_PORT
from .state import children

# Folders of the machine that a node has for itself.
PRIVATE = {"/var/lib": "var-lib", "/var/log": "var-log", "/run": "run"}

CONTAINERD_CONFIG = """\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]
[grpc]
address = "/run/containerd/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{pause}"
disable_apparmor = true
restrict_oom_score_adj = true
enable_unprivileged_ports = true
enable_unprivileged_icmp = true
[plugins."io.containerd.grpc.v1.cri".registry]
config_path = "{registries}"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{cni_plugins}"
conf_dir = "{cni_configuration}"
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "overlayfs"
default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
"""


def _cni_configuration(node):
    """`ptp` routes every pod through the node, so services work without bridge filtering, as with EKS' own plugin."""
    return {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": False,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": node.pods}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                    "dataDir": "/run/cni",
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }


def _kubelet_configuration(cluster, node, folder, certificate, key):
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(cluster.pki / "ca.crt")},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(certificate),
        "tlsPrivateKeyFile": str(key),
        "containerRuntimeEndpoint": "unix:///run/containerd/containerd.sock",
        "clusterDomain": CLUSTER_DOMAIN,
        "clusterDNS": [DNS_ADDRESS],
        "resolvConf": str(folder / "resolv.conf"),
        "providerID": node.provider_id,
        "cgroupDriver": "cgroupfs",
        "cgroupsPerQOS": False,
        "enforceNodeAllocatable": [],
        "failCgroupV1": False,
        "failSwapOn": False,
        "imageGCHighThresholdPercent": 100,
        "evictionHard": {name: "0%" for name in ("memory.available", "nodefs.available", "imagefs.available")},
        "serializeImagePulls": False,
        "volumeStatsAggPeriod": "-1s",
        "syncFrequency": "20s",
    }


def _proxy_configuration(cluster, node, kubeconfig):
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "hostnameOverride": node.name,
        "clusterCIDR": cluster.pods,
        "clientConnection": {"kubeconfig": str(kubeconfig)},
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
        "iptables": {"minSyncPeriod": "200ms", "syncPeriod": "30s"},
    }


def _copy_images(source, target):
    """Layers are hard-linked where possible: they never change. Databases (and all else) are copied."""
    if target.exists():
        return

    def place(file, new):
        if "/blobs/" in file or "/snapshots/" in file:
            try:
                return os.link(file, new, follow_symlinks=False)
            except OSError:  # another file system
                pass
        return shutil.copy2(file, new, follow_symlinks=False)

    shutil.copytree(source, target, symlinks=True, copy_function=place)


def start(state, plan, cluster, node, everybody, binaries, image_folder):
    """Starts one node; it is Ready some seconds later. `everybody`: all real nodes, whose pods it gets routes to."""
    folder = cluster.directory / "nodes" / node.name
    _copy_images(image_folder / "containerd", folder / "var-lib" / "containerd")
    _write_containerd_files(cluster, node, folder)
    kubelet_kubeconfig = _write_kubernetes_files(cluster, node, folder)
    init = _init(state, cluster, node, folder, binaries, kubelet_kubeconfig)
    write(folder / "init.json", json.dumps(init, indent=1))

    neighbours = [(other.address, other.pods) for other in everybody if other is not node]
    number = int(node.namespace.rpartition("-")[2])
    network.add_node(plan, number, node.pods, neighbours)
    groups = cgroups.places(node.namespace)
    state.save(cgroups=[*state.data.get("cgroups", []), *map(str, groups)])
    cgroups.create(groups)
    state.spawn(
        f"node-{node.name}",
        [
            *cgroups.enter(groups),
            "nsenter",
            f"--net=/run/netns/{node.namespace}",
            *"unshare --mount --uts --ipc --cgroup --pid --fork --kill-child=SIGKILL --mount-proc".split(),
            sys.executable,
            HOME / "rig" / "nodeinit.py",
            folder / "init.json",
        ],
    )


def _write_containerd_files(cluster, node, folder):
    write(folder / "cni" / "10-pods.conflist", json.dumps(_cni_configuration(node), indent=1))
    containerd = CONTAINERD_CONFIG.format(
        pause=images.PAUSE,
        cni_plugins=CNI_PLUGINS,
        cni_configuration=folder / "cni",
        registries=folder / "registries",
    )
    write(folder / "containerd.toml", containerd)
    registry = f"http://{cluster.host}:{REGISTRY_PORT}"
    hosts = f'server = "{registry}"\n[host."{registry}"]\ncapabilities = ["pull", "resolve"]\n'
    write(folder / "registries" / "_default" / "hosts.toml", hosts)


def _write_kubernetes_files(cluster, node, folder):
    """Certificates and configuration of kubelet and kube-proxy; returns the kubelet's kubeconfig."""
    authority = pki.Authority(cluster.pki, "ca")

    def kubeconfig(name, key, certificate):
        path = folder / f"{name}.kubeconfig"
        return pki.kubeconfig(path, cluster.name, cluster.endpoint, authority.certificate, key, certificate)

    user, addresses = f"system:node:{node.name}", [node.address, "127.0.0.1"]
    key, certificate = authority.issue(f"kubelet-{node.name}", user, "system:nodes", [node.name], addresses)
    proxy_kubeconfig = kubeconfig("kube-proxy", *authority.issue("kube-proxy", "system:kube-proxy"))
    kubelet = _kubelet_configuration(cluster, node, folder, certificate, key)
    write(folder / "kubelet.json", json.dumps(kubelet, indent=1))
    proxy = _proxy_configuration(cluster, node, proxy_kubeconfig)
    write(folder / "kube-proxy.json", json.dumps(proxy, indent=1))
    write(folder / "resolv.conf", f"nameserver {DNS_ADDRESS}\n")
    return kubeconfig("kubelet", key, certificate)


def _init(state, cluster, node, folder, binaries, kubeconfig):
    kubernetes = str(binaries["kubernetes"])
    labels = ",".join(f"{key}={value}" for key, value in node.labels(cluster.name).items())
    kubelet = [kubernetes, "kubelet", f"--config={folder / 'kubelet.json'}", f"--kubeconfig={kubeconfig}"]
    kubelet += [f"--hostname-override={node.name}", f"--node-ip={node.address}", f"--node-labels={labels}", "--v=2"]
    programs = {
        "containerd": {"command": ["containerd", "-c", str(folder / "containerd.toml")]},
        "kubelet": {"command": kubelet, "after": "/run/containerd/containerd.sock"},
        "kube-proxy": {"command": [kubernetes, "kube-proxy", f"--config={folder / 'kube-proxy.json'}", "--v=2"]},
    }
    for name, program in programs.items():
        program["log"] = str(state.log(f"node-{node.name}-{name}"))
    binds = [[str(folder / name), path] for path, name in PRIVATE.items()]
    return {"hostname": node.name, "binds": binds, "programs": programs}


def check_places(*paths):
    """Nodes have these folders for themselves, so nothing of the rig may be in them."""
    for path in paths:
        for private in PRIVATE:
            if Path(path).resolve().is_relative_to(private):
                raise RigError(f"{path} must not be under {private}: nodes see a folder of their own there")


def inside(record):
    """The command prefix that runs something inside a node; `record` is that of its process."""
    inits = children(record)
    if not inits:
        raise RigError(f"{record['name']} is not running")
    return ["nsenter", f"--target={inits[0]['pid']}", "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup"]


def load_image(record, archive, log):
    """Imports a docker or OCI archive into a running node."""
    prefix = inside(record)
    with open(archive, "rb") as file:
        run([*prefix, "ctr", "-n", "k8s.io", "images", "import", "-"], log, stdin=file)


def wait_ready(kube, cluster, state):
    def ready():
        wanted = {node.name for node in cluster.nodes}
        for item in kube.get("/api/v1/nodes")["items"]:
            conditions = {c["type"]: c["status"] for c in item["status"].get("conditions", [])}
            if conditions.get("Ready") == "True":
                wanted.discard(item["metadata"]["name"])
        return not wanted

    suspect = cluster.real_nodes[0] if cluster.real_nodes else None
    log = state.log(f"node-{suspect.name}-kubelet") if suspect else state.log(f"kwok-{cluster.name}")
    wait_for(f"nodes of {cluster.name} Ready", ready, 120, log)

"""The processes on the host: one etcd for all clusters; per cluster API server, controller manager, scheduler,
CoreDNS or kwok; and the AWS side."""

import json
import socket
import sys
import urllib.request

from . import pki
from .commands import wait_for, write
from .settings import (
    CLUSTER_DOMAIN,
    DNS_ADDRESS,
    HOME,
    KUBERNETES_VERSION,
    REGION,
    REGISTRY_PORT,
    SERVICE_ADDRESS,
    SERVICE_RANGE,
)
from .kube import Kube
from .state import gone


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(url):
    """True when the URL gives 200; OSError otherwise."""
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5) as response:
        return response.status == 200


def start_etcd(state, binaries):
    """Data written is not forced to the disk: nobody needs it after a power failure. Returns the client URL."""
    client, peer = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    command = [binaries["etcd"], "--name=rig", f"--data-dir={state.directory / 'etcd'}", "--unsafe-no-fsync"]
    command += [f"--listen-client-urls={client}", f"--advertise-client-urls={client}"]
    command += [f"--listen-peer-urls={peer}", f"--initial-advertise-peer-urls={peer}", f"--initial-cluster=rig={peer}"]
    command += ["--auto-compaction-mode=periodic", "--auto-compaction-retention=5m", "--log-level=warn"]
    record = state.spawn("etcd", command)
    wait_for("etcd", lambda: answers(f"{client}/readyz"), 60, record["log"], alive=lambda: gone(record))
    return client


def start_registry(state, plan, image_folder):
    command = [sys.executable, HOME / "rig" / "registry.py", image_folder / "oci", plan.host, REGISTRY_PORT]
    record = state.spawn("registry", command)
    url = f"http://{plan.host}:{REGISTRY_PORT}/v2/"
    wait_for("registry", lambda: answers(url), 30, record["log"], alive=lambda: gone(record))


def start_aws_side(state, plan, clusters, binaries, cloud):
    """Returns the URL of the AWS side."""
    folder = state.directory / "aws-side"
    folder.mkdir(exist_ok=True)
    listen = f"127.0.0.1:{free_port()}"
    command = [binaries["aws-side"], "--listen", listen, "--state", folder, "--region", REGION]
    command += ["--bridge-device", plan.bridge, "--pod-address-range", plan.aws_range]
    if cloud:
        command += ["--cloud", cloud]
    for cluster in clusters:
        command += ["--cluster", f"{cluster.name}={cluster.kubeconfig}"]
    record = state.spawn("aws-side", command)
    wait_for("aws-side", lambda: answers(f"http://{listen}/healthz"), 30, record["log"], alive=lambda: gone(record))
    return f"http://{listen}"


def make_credentials(cluster):
    """All that the control plane needs, and the administrator's kubeconfig."""
    folder = cluster.pki
    authority = pki.Authority(folder, "ca")
    front_proxy = pki.Authority(folder, "front-proxy-ca")
    front_proxy.issue("front-proxy-client", "front-proxy-client")
    names = ["localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"]
    names.append(f"kubernetes.default.svc.{CLUSTER_DOMAIN}")
    authority.issue("apiserver", "kube-apiserver", None, names, ["127.0.0.1", cluster.host, SERVICE_ADDRESS])
    authority.issue("apiserver-kubelet-client", "kube-apiserver-kubelet-client", "system:masters")
    pki.service_account_keys(folder)
    users = {
        "admin": ("kubernetes-admin", "system:masters"),
        "controller-manager": ("system:kube-controller-manager", None),
        "scheduler": ("system:kube-scheduler", None),
        "coredns": ("system:coredns", None),
    }
    for file, (user, group) in users.items():
        key, certificate = authority.issue(file, user, group)
        path = cluster.kubeconfig if file == "admin" else folder / f"{file}.kubeconfig"
        pki.kubeconfig(path, cluster.name, cluster.endpoint, authority.certificate, key, certificate)
    description = {"endpoint": cluster.endpoint, "certificateAuthorityData": pki.encoded(authority.certificate)}
    write(cluster.directory / "clusters" / f"{cluster.name}.json", json.dumps(description, indent=1))


def _token_webhook(cluster, aws_side):
    server = f"{aws_side}/authenticate/{cluster.name}"
    return write(
        cluster.pki / "token-webhook.json",
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "aws-side", "cluster": {"server": server}}],
                "users": [{"name": "apiserver"}],
                "contexts": [{"name": "webhook", "context": {"cluster": "aws-side", "user": "apiserver"}}],
                "current-context": "webhook",
            },
            indent=1,
        ),
    )


def start_apiserver(state, cluster, binaries, etcd, aws_side):
    """It listens on the bridge only, which the host, the nodes and all pods reach; nobody outside the machine does."""
    p = cluster.pki
    flags = {
        "advertise-address": cluster.host,
        "bind-address": cluster.host,
        "secure-port": cluster.port,
        "etcd-servers": etcd,
        "etcd-prefix": f"/registry/{cluster.name}",
        "allow-privileged": "true",
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "enable-bootstrap-token-auth": "true",
        "client-ca-file": p / "ca.crt",
        "tls-cert-file": p / "apiserver.crt",
        "tls-private-key-file": p / "apiserver.key",
        "kubelet-certificate-authority": p / "ca.crt",
        "kubelet-client-certificate": p / "apiserver-kubelet-client.crt",
        "kubelet-client-key": p / "apiserver-kubelet-client.key",
        "kubelet-preferred-address-types": "InternalIP,Hostname",
        "service-account-issuer": f"https://kubernetes.default.svc.{CLUSTER_DOMAIN}",
        "service-account-key-file": p / "service-accounts.pub",
        "service-account-signing-key-file": p / "service-accounts.key",
        "service-cluster-ip-range": SERVICE_RANGE,
        "requestheader-client-ca-file": p / "front-proxy-ca.crt",
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-username-headers": "X-Remote-User",
        "proxy-client-cert-file": p / "front-proxy-client.crt",
        "proxy-client-key-file": p / "front-proxy-client.key",
        "enable-aggregator-routing": "true",
        "profiling": "false",
        "v": "1",
    }
    if aws_side:
        flags["authentication-token-webhook-config-file"] = _token_webhook(cluster, aws_side)
        flags["authentication-token-webhook-version"] = "v1"
        flags["authentication-token-webhook-cache-ttl"] = "5s"
    return _spawn(state, f"kube-apiserver-{cluster.name}", [binaries["kubernetes"], "kube-apiserver"], flags)


def wait_apiserver(cluster, record):
    kube = Kube(cluster.kubeconfig)
    what = f"API server of {cluster.name}"
    wait_for(what, lambda: kube.answers("/readyz"), 180, record["log"], alive=lambda: gone(record))
    return kube


def start_controllers(state, cluster, binaries):
    """They serve no port: nobody asks them."""
    p = cluster.pki
    manager = {
        "kubeconfig": p / "controller-manager.kubeconfig",
        "secure-port": 0,
        "leader-elect": "false",
        "controllers": "*,bootstrapsigner,tokencleaner",
        "use-service-account-credentials": "true",
        "service-account-private-key-file": p / "service-accounts.key",
        "root-ca-file": p / "ca.crt",
        "cluster-signing-cert-file": p / "ca.crt",
        "cluster-signing-key-file": p / "ca.key",
        "cluster-name": cluster.name,
        "service-cluster-ip-range": SERVICE_RANGE,
        "allocate-node-cidrs": "false",
        "v": "1",
    }
    scheduler = {"kubeconfig": p / "scheduler.kubeconfig", "secure-port": 0, "leader-elect": "false", "v": "1"}
    for name, flags in (("kube-controller-manager", manager), ("kube-scheduler", scheduler)):
        _spawn(state, f"{name}-{cluster.name}", [binaries["kubernetes"], name], flags)


def _spawn(state, name, command, flags):
    return state.spawn(name, [*command, *(f"--{key}={value}" for key, value in flags.items())])


COREFILE = """\
.:{port} {{
    bind {host}
    errors
    ready {host}:{ready_port}
    cache {{
        success 2000 5
        denial 2000 2
    }}
    hosts {hosts} {{
        ttl 5
        reload 1s
        fallthrough
    }}
    kubernetes {domain} in-addr.arpa {{
        kubeconfig {kubeconfig}
        pods insecure
        ttl 5
        fallthrough in-addr.arpa
    }}
    template ANY ANY . {{
        rcode NXDOMAIN
    }}
}}
"""


def start_dns(state, cluster, binaries):
    """CoreDNS is a process of the host behind the usual Service; names it does not know do not exist."""
    ready_port = cluster.dns_port + 100
    corefile = COREFILE.format(
        port=cluster.dns_port,
        ready_port=ready_port,
        host=cluster.host,
        hosts=state.directory / "aws-side" / "hosts.pods",
        domain=CLUSTER_DOMAIN,
        kubeconfig=cluster.pki / "coredns.kubeconfig",
    )
    path = write(cluster.pki / "Corefile", corefile)
    record = state.spawn(f"coredns-{cluster.name}", [binaries["coredns"], "-conf", path])
    url = f"http://{cluster.host}:{ready_port}/ready"
    return lambda: wait_for(
        f"CoreDNS of {cluster.name}", lambda: answers(url), 60, record["log"], alive=lambda: gone(record)
    )


def make_dns_objects(cluster, kube):
    rules = [
        {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    rbac = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": "system:coredns"}}
    kube.apply(f"/apis/{rbac}/v1/clusterroles/system:coredns", {**role, "rules": rules})
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "system:coredns"},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": "system:coredns"},
        "subjects": [{"apiGroup": rbac, "kind": "User", "name": "system:coredns"}],
    }
    kube.apply(f"/apis/{rbac}/v1/clusterrolebindings/system:coredns", binding)
    protocols = (("dns", "UDP"), ("dns-tcp", "TCP"))
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
        "spec": {
            "clusterIP": DNS_ADDRESS,
            "ports": [{"name": name, "protocol": protocol, "port": 53} for name, protocol in protocols],
        },
    }
    kube.apply("/api/v1/namespaces/kube-system/services/kube-dns", service)
    endpoints = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": "kube-dns-host",
            "namespace": "kube-system",
            "labels": {"kubernetes.io/service-name": "kube-dns", "endpointslice.kubernetes.io/managed-by": "rig"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [cluster.host], "conditions": {"ready": True}}],
        "ports": [{"name": name, "protocol": protocol, "port": cluster.dns_port} for name, protocol in protocols],
    }
    kube.apply("/apis/discovery.k8s.io/v1/namespaces/kube-system/endpointslices/kube-dns-host", endpoints)


def start_fake_nodes(state, plan, cluster, kube, binaries):
    """Makes the Node objects and starts the kwok that keeps them Ready and their pods Running."""
    for node in cluster.fake_nodes:
        resources = {"cpu": "2", "memory": "4Gi", "pods": "110", "ephemeral-storage": "20Gi"}
        metadata = {
            "name": node.name,
            "annotations": {"kwok.x-k8s.io/node": "fake", "node.alpha.kubernetes.io/ttl": "0"},
            "labels": {**node.labels(cluster.name), "kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux"},
        }
        metadata["labels"]["kubernetes.io/arch"] = "amd64"
        kind = {"apiVersion": "v1", "kind": "Node", "metadata": metadata}
        kube.apply(f"/api/v1/nodes/{node.name}", {**kind, "spec": {"providerID": node.provider_id}})
        addresses = [
            {"type": "InternalIP", "address": node.address},
            {"type": "Hostname", "address": node.name},
        ]
        status = {"capacity": resources, "allocatable": resources, "addresses": addresses}
        status["nodeInfo"] = _node_info()
        path = f"/api/v1/nodes/{node.name}/status"
        code, text = kube.call("PATCH", path, {"status": status}, "application/merge-patch+json")
        if code != 200:
            raise OSError(f"status of {node.name}: {code} {text[:300]}")
    flags = {
        "kubeconfig": cluster.kubeconfig,
        "manage-all-nodes": "false",
        "manage-nodes-with-annotation-selector": "kwok.x-k8s.io/node=fake",
        "cidr": plan.fake_pods(cluster.index),
        "node-lease-duration-seconds": 40,
    }
    _spawn(state, f"kwok-{cluster.name}", [binaries["kwok"]], flags)


def _node_info():
    info = dict.fromkeys(["bootID", "machineID", "systemUUID", "kernelVersion", "osImage"], "fake")
    info.update(kubeletVersion=KUBERNETES_VERSION, kubeProxyVersion="", containerRuntimeVersion="kwok://0.7.0")
    info.update(operatingSystem="linux", architecture="amd64")
    return info

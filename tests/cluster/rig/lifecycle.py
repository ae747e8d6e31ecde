"""Bringing a rig up and taking it down."""

import fcntl
import json
import os
import shutil
import sys
import time
from pathlib import Path

from . import builder, cgroups, controlplane, images, model, network, node
from .commands import RigError, say, wait_for
from .settings import CLUSTER_DOMAIN, KARMADA_VERSION, KUBERNETES_VERSION, REGION
from .kube import Kube
from .state import State, alive, children, end, marked

INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_BEFORE = Path("/run/rig-inotify-before")
MANY_WATCHERS = 2048
HOSTS = Path("/etc/hosts")


def up(arguments):
    begin = time.monotonic()
    cache = Path(arguments.cache or builder.default_cache()).resolve()
    state = State(arguments.dir)
    node.check_places(state.directory, cache)
    if os.geteuid() != 0:
        raise RigError("the rig needs root")
    state.lock()
    if state.data:
        raise RigError(f"{state.directory} holds a rig already: `cluster down --dir {state.directory}` first")
    binaries, image_folder, definitions = build(cache)
    try:
        result = _bring_up(arguments, state, binaries, image_folder)
    except BaseException:
        if not arguments.keep_on_failure:
            say("failed; taking down what was started (the logs stay)")
            take_down(state)
        raise
    result["crds"] = str(definitions)
    result["seconds"] = round(time.monotonic() - begin, 1)
    state.save(result=result)
    say("ready")
    print(json.dumps(result))


def build(cache):
    builder.install()
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second build waits for the first
        binaries = builder.build_programs(cache)
        return binaries, images.build_images(cache, binaries), builder.custom_resource_definitions(cache)


def _bring_up(arguments, state, binaries, image_folder):
    state.save(version=1)
    shutil.rmtree(state.logs)  # those of an earlier rig in this folder
    plan = network.reserve(state)
    _allow_many_watchers()
    clusters = model.make_clusters(
        plan, state.directory, arguments.parent, arguments.nodes, arguments.members, arguments.real_members
    )
    say(f"rig {plan.bridge}: certificates")
    for cluster in clusters:
        controlplane.make_credentials(cluster)
    etcd = controlplane.start_etcd(state, binaries)
    aws_side = None
    if "aws-side" in binaries:
        aws_side = controlplane.start_aws_side(state, plan, clusters, binaries, arguments.cloud)
    controlplane.start_registry(state, plan, image_folder)
    say("control planes")
    servers = {c.name: controlplane.start_apiserver(state, c, binaries, etcd, aws_side) for c in clusters}
    kubes = {c.name: controlplane.wait_apiserver(c, servers[c.name]) for c in clusters}
    waits = []
    for cluster in clusters:
        controlplane.start_controllers(state, cluster, binaries)
        controlplane.make_dns_objects(cluster, kubes[cluster.name])
        if cluster.real_nodes:
            waits.append(controlplane.start_dns(state, cluster, binaries))
    say("nodes")
    everybody = [real for cluster in clusters for real in cluster.real_nodes]
    for cluster in clusters:
        for real in cluster.real_nodes:
            node.start(state, plan, cluster, real, everybody, binaries, image_folder)
        if cluster.fake_nodes:
            controlplane.start_fake_nodes(state, plan, cluster, kubes[cluster.name], binaries)
    for wait in waits:
        wait()
    for cluster in clusters:
        kube = kubes[cluster.name]
        node.wait_ready(kube, cluster, state)
        path = "/api/v1/namespaces/default/serviceaccounts/default"
        log = state.log(f"kube-controller-manager-{cluster.name}")
        wait_for(f"controllers of {cluster.name}", lambda: kube.answers(path), 60, log)
    return _describe(state, plan, clusters, binaries, aws_side)


def _describe(state, plan, clusters, binaries, aws_side):
    tools = _tools(state, binaries)
    return {
        "dir": str(state.directory),
        "parent": clusters[0].name,
        "members": [cluster.name for cluster in clusters[1:]],
        "clusters": {
            cluster.name: {
                "kubeconfig": str(cluster.kubeconfig),
                "endpoint": cluster.endpoint,
                "description": str(state.directory / "clusters" / f"{cluster.name}.json"),
                "nodes": [{"name": n.name, "address": n.address, "real": n.real} for n in cluster.nodes],
            }
            for cluster in clusters
        },
        "clustersDir": str(state.directory / "clusters"),
        "tools": tools,
        "awsSide": aws_side,
        "region": REGION,
        "hostAddress": plan.host,
        "clusterDomain": CLUSTER_DOMAIN,
        "versions": {"kubernetes": KUBERNETES_VERSION, "karmada": KARMADA_VERSION},
        "pids": {record["name"]: record["pid"] for record in state.processes()},
    }


def _tools(state, binaries):
    """Links by which tests call the command line tools."""
    folder = state.directory / "bin"
    folder.mkdir(exist_ok=True)
    tools = {}
    for tool, program in (("kubectl", "kubernetes"), ("karmadactl", "karmada"), ("etcdctl", "etcd")):
        path = folder / tool
        if not path.exists():
            path.symlink_to(binaries[program])
        tools[tool] = str(path)
    return tools


def _allow_many_watchers():
    """Kubelets and containerds watch many files; the usual limit of 128 per user is too small for several of each."""
    value = INOTIFY.read_text()
    if int(value) < MANY_WATCHERS:
        INOTIFY_BEFORE.write_text(value)  # all rigs share it; the last one restores it
        INOTIFY.write_text(str(MANY_WATCHERS))


def _restore_watchers():
    if INOTIFY_BEFORE.exists() and not any(Path("/sys/class/net").glob("rig[0-9]*")):
        INOTIFY.write_text(INOTIFY_BEFORE.read_text())
        INOTIFY_BEFORE.unlink()


def down(arguments):
    state = State(arguments.dir)
    if not state.directory.exists():
        say(f"{state.directory} does not exist: nothing to do")
        return
    state.lock()
    take_down(state)
    say("down")


def take_down(state):
    """Takes back everything recorded; every part may be missing."""
    records = state.processes()
    aws_side = [record for record in records if record["name"] == "aws-side"]
    nodes = [record for record in records if record["name"].startswith("node-")]
    end(aws_side, grace=15)  # it takes back its part of /etc/hosts
    inits = [child for record in nodes for child in children(record)]
    end(inits + nodes, grace=0)  # with the first process of a node the kernel ends all others in it
    left = end(records, grace=1) + end(marked(state.directory), grace=1)
    if left:
        raise RigError(f"these processes do not end: {left}")
    network.remove(state)
    cgroups.remove(state.data.get("cgroups", []))
    _clean_hosts(state)
    _restore_watchers()
    for folder in ("nodes", "etcd", "bin", "kubeconfigs", "clusters", "pki", "aws-side"):
        shutil.rmtree(state.directory / folder, ignore_errors=True)
    state.file.unlink(missing_ok=True)


def _clean_hosts(state):
    """Removes the lines of an aws-side that was killed. The file is rewritten in place: it may be a mount."""
    mark = f"# aws-side {state.directory / 'aws-side'}"
    lines = HOSTS.read_text().splitlines(keepends=True)
    kept = [line for line in lines if not line.rstrip().endswith(mark)]
    if kept != lines:
        HOSTS.write_text("".join(kept))


def status(arguments):
    state = State(arguments.dir)
    clusters = {}
    for name, values in state.data.get("result", {}).get("clusters", {}).items():
        clusters[name] = _nodes_of(values["kubeconfig"])
    processes = {
        r["name"]: {"pid": r["pid"], "alive": alive(r), "rss_mib": _memory(r["pid"]), "log": r["log"]}
        for r in state.processes()
    }
    print(json.dumps({"rig": state.data.get("result"), "clusters": clusters, "processes": processes}, indent=1))
    healthy = bool(processes) and all(values["alive"] for values in processes.values())
    return 0 if healthy else 1


def _nodes_of(kubeconfig):
    try:
        items = Kube(kubeconfig).get("/api/v1/nodes")["items"]
    except OSError as error:
        return {"error": str(error)}
    ready = {}
    for item in items:
        conditions = {c["type"]: c["status"] for c in item["status"].get("conditions", [])}
        ready[item["metadata"]["name"]] = conditions.get("Ready") == "True"
    return {"nodes": ready}


def _memory(pid):
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) >> 10 for line in text.splitlines() if line.startswith("VmRSS:")), 0)


def _node_records(state, wanted=None):
    records = [record for record in state.processes() if record["name"].startswith("node-")]
    if wanted:
        records = [record for record in records if record["name"] == f"node-{wanted}"]
        if not records:
            raise RigError(f"no real node {wanted}")
    return records


def load_image(arguments):
    state = State(arguments.dir)
    for record in _node_records(state, arguments.node):
        node.load_image(record, arguments.archive, state.log("load-image"))


def exec_node(arguments):
    state = State(arguments.dir)
    command = [*node.inside(_node_records(state, arguments.node)[0]), *(arguments.command or ["bash"])]
    sys.stdout.flush()
    os.execvp(command[0], command)

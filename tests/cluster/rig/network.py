"""The network: one bridge in the root namespace, one network namespace per real node, routes to the pods.

A rig has the slot S and with it the range 10.S.0.0/16:
  10.S.0.0/22      the bridge: the host is 10.S.0.1, node n is 10.S.0.(10+n), 10.S.1.0/26 is for aws-side
  10.S.(16+16i).0/20   the pods of cluster i: a /24 for each real node, the upper half for fake nodes
"""

import json
from pathlib import Path

from .commands import RigError, run

SLOTS = range(180, 230)
NAMESPACES = Path("/run/netns")


class Plan:
    """All addresses of a rig, computed from its slot."""

    def __init__(self, slot):
        self.slot = slot
        self.bridge = f"rig{slot}"
        self.host = f"10.{slot}.0.1"
        self.aws_range = f"10.{slot}.1.0/26"

    def node(self, number):
        return f"10.{self.slot}.0.{10 + number}"

    def cluster_pods(self, cluster):
        return f"10.{self.slot}.{16 + 16 * cluster}.0/20"

    def node_pods(self, cluster, number):
        return f"10.{self.slot}.{16 + 16 * cluster + number}.0/24"

    def fake_node(self, cluster, number):
        return f"10.{self.slot}.2.{16 * cluster + 1 + number}"

    def fake_pods(self, cluster):
        return f"10.{self.slot}.{24 + 16 * cluster}.1/21"

    def namespace(self, number):
        return f"{self.bridge}-{number}"


def _in_use():
    """Second numbers of all 10.x routes of this machine, and the bridges of other rigs."""
    used = set()
    for route in json.loads(run(["ip", "-json", "route", "show", "table", "all"])):
        parts = route["dst"].split(".")
        if parts[0] == "10" and len(parts) == 4:
            used.add(int(parts[1]))
    return used


def reserve(state):
    """Takes a free slot; creating the bridge is what reserves it."""
    used = _in_use()
    for slot in SLOTS:
        plan = Plan(slot)
        if slot in used or Path(f"/sys/class/net/{plan.bridge}").exists():
            continue
        state.save(slot=slot, had_netns_mount=_is_mount(NAMESPACES))
        run(["ip", "link", "add", plan.bridge, "type", "bridge"])
        _filter(plan, "-I")
        run(["ip", "address", "add", f"{plan.host}/22", "dev", plan.bridge])
        run(["ip", "link", "set", plan.bridge, "up"])
        return plan
    raise RigError("no free slot: are there rigs to take down?")


def _is_mount(path):
    """os.path.ismount does not see that a folder is mounted on itself, as `ip netns` does it."""
    return any(line.split()[1] == str(path) for line in Path("/proc/self/mounts").read_text().splitlines())


def _filter(plan, action, check=True):
    """Where frames on bridges pass the firewall and that forwards nothing (as Docker sets it), nodes need this."""
    setting = Path("/proc/sys/net/bridge/bridge-nf-call-iptables")
    if setting.exists() and setting.read_text().strip() == "1":
        run(["iptables", "-w", action, "FORWARD", "-i", plan.bridge, "-o", plan.bridge, "-j", "ACCEPT"], check=check)


def add_node(plan, number, pods, neighbours):
    """Makes the namespace of a node and wires it; `neighbours` are all other nodes as (address, pods).

    Pods reach those of other clusters too, as in one VPC with Amazon's network plugin.
    """
    namespace = plan.namespace(number)
    inside = ["ip", "-n", namespace]
    run(["ip", "netns", "add", namespace])
    run(["ip", "link", "add", namespace, "type", "veth", "peer", "name", "eth0", "netns", namespace])
    run(["ip", "link", "set", namespace, "master", plan.bridge, "up"])
    run([*inside, "link", "set", "lo", "up"])
    run([*inside, "link", "set", "eth0", "up"])
    run([*inside, "address", "add", f"{plan.node(number)}/22", "dev", "eth0"])
    run([*inside, "route", "add", "default", "via", plan.host])
    for address, range_ in neighbours:
        run([*inside, "route", "add", range_, "via", address])
    run(["ip", "route", "add", pods, "via", plan.node(number), "dev", plan.bridge])
    for key in ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding", "net.ipv4.conf.all.route_localnet"):
        run(["ip", "netns", "exec", namespace, "sysctl", "-q", "-w", f"{key}=1"])


def remove(state):
    """Removes everything; what is gone already is no error."""
    if "slot" not in state.data:
        return
    plan = Plan(state.data["slot"])
    for path in sorted(NAMESPACES.glob(f"{plan.bridge}-*")):
        run(["ip", "netns", "delete", path.name])
    for link in Path("/sys/class/net").glob(f"{plan.bridge}-*"):
        run(["ip", "link", "delete", link.name], check=False)
    if Path(f"/sys/class/net/{plan.bridge}").exists():
        run(["ip", "link", "delete", plan.bridge])  # its addresses and routes go with it
    _filter(plan, "-D", check=False)
    if not state.data.get("had_netns_mount") and _is_mount(NAMESPACES) and not any(NAMESPACES.iterdir()):
        run(["umount", NAMESPACES])
        NAMESPACES.rmdir()

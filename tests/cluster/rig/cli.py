"""The command line."""

import argparse
from pathlib import Path

from . import builder, lifecycle
from .commands import RigError, say


def _names(text):
    return [name for name in text.split(",") if name]


def _parser():
    parser = argparse.ArgumentParser(prog="cluster", description="a multi-cluster Kubernetes on this machine")
    commands = parser.add_subparsers(dest="name", required=True)

    commands.add_parser("install", help="install the Debian packages that are missing")

    build = commands.add_parser("build", help="build programs and images that are not in the cache")
    build.add_argument("--cache", help="default: runbook-cluster in the user's cache folder")

    up = commands.add_parser("up", help="bring a rig up; prints one JSON line")
    up.add_argument("--dir", required=True, help="a new or empty folder for everything the rig writes")
    up.add_argument("--cache")
    up.add_argument("--parent", default="karmada-parent", metavar="NAME")
    up.add_argument("--nodes", type=int, default=3, help="real nodes of the parent")
    up.add_argument("--members", type=_names, default=["ekseucl01", "ekseucl02", "eksuscl01"], metavar="A,B")
    up.add_argument("--real-members", type=_names, default=["eksuscl01"], metavar="A,B")
    up.add_argument("--cloud", metavar="URL", help="the test cloud, for the AWS side")
    up.add_argument("--keep-on-failure", action="store_true", help="leave a failed start as it is, to look at it")

    for name, text in (("status", "show processes and nodes as JSON"), ("down", "take a rig down")):
        commands.add_parser(name, help=text).add_argument("--dir", required=True)

    load = commands.add_parser("load-image", help="import a docker or OCI archive into real nodes")
    load.add_argument("--dir", required=True)
    load.add_argument("--node", help="default: all real nodes")
    load.add_argument("archive")

    inside = commands.add_parser("exec-node", help="run a command inside a real node")
    inside.add_argument("--dir", required=True)
    inside.add_argument("--node", required=True)
    inside.add_argument("command", nargs=argparse.REMAINDER)
    return parser


def main():
    arguments = _parser().parse_args()
    try:
        if arguments.name == "install":
            builder.install()
            return 0
        if arguments.name == "build":
            lifecycle.build(Path(arguments.cache or builder.default_cache()).resolve())
            return 0
        return getattr(lifecycle, arguments.name.replace("-", "_"))(arguments) or 0
    except (RigError, OSError) as error:
        say(f"error: {error}")
        return 1

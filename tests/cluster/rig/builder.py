"""Installs the Debian packages and builds the Go programs into a cache outside the repository.

The cache holds one folder per Go module, named by a hash of everything that goes into the build, so a change rebuilds
only what it touches. Old folders are not removed: delete the cache when it grows.
"""

import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

from .commands import RigError, failed, run, say
from .settings import AWS_SIDE_SOURCES, GO_SOURCES, KARMADA_COMMIT, KARMADA_VERSION, KUBERNETES_VERSION

PACKAGES = {  # Debian package: a file it brings
    "containerd": "/usr/bin/containerd",
    "runc": "/usr/sbin/runc",
    "containernetworking-plugins": "/usr/lib/cni/ptp",
    "iproute2": "/usr/sbin/ip",
    "iptables": "/usr/sbin/iptables",
    "conntrack": "/usr/sbin/conntrack",
    "ethtool": "/usr/sbin/ethtool",
    "ca-certificates": "/etc/ssl/certs/ca-certificates.crt",
    "openssl": "/usr/bin/openssl",
    "util-linux": "/usr/bin/unshare",
    "mount": "/usr/bin/mount",
}


def install():
    """Installs what is missing. No service is left running: the rig starts its own containerd processes."""
    missing = [package for package, file in PACKAGES.items() if not Path(file).exists()]
    if not missing:
        return
    say(f"installing {' '.join(missing)}")
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive", RUNLEVEL="1")
    run(["apt-get", "update", "-q"], env=environment)
    run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *missing], env=environment)


def _variables(package, **values):
    return [f"-X {package}.{name}={value}" for name, value in values.items()]


def _kubernetes_version():
    major, minor = KUBERNETES_VERSION.lstrip("v").split(".")[:2]
    values = dict(gitMajor=major, gitMinor=minor, gitVersion=KUBERNETES_VERSION, gitTreeState="clean")
    return [
        word
        for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version")
        for word in _variables(package, **values)
    ]


def _karmada_version():
    return _variables(
        "github.com/karmada-io/karmada/pkg/version",
        gitVersion=KARMADA_VERSION,
        gitCommit=KARMADA_COMMIT,
        gitShortCommit=KARMADA_COMMIT[:7],
        gitTreeState="clean",
        buildDate="1970-01-01T00:00:00Z",
    )


MODULES = {  # program: folder of its Go module, linker variables. The slow ones come first.
    "kubernetes": (GO_SOURCES / "kubernetes", _kubernetes_version()),
    "karmada": (GO_SOURCES / "karmada", _karmada_version()),
    "coredns": (GO_SOURCES / "coredns", []),
    "kwok": (GO_SOURCES / "kwok", []),
    "etcd": (GO_SOURCES / "etcd", []),
    "pause": (GO_SOURCES / "pause", []),
    "aws-side": (AWS_SIDE_SOURCES, []),
}


def default_cache():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "runbook-cluster"


def _digest(folder, variables):
    digest = hashlib.sha256(" ".join(variables).encode())
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (path.suffix == ".go" or path.name in ("go.mod", "go.sum")):
            if not path.name.endswith("_test.go"):
                digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def program(cache, name):
    """Where the binary of a program is (or will be)."""
    folder, variables = MODULES[name]
    return Path(cache) / f"{name}-{_digest(folder, variables)}" / name


def build_programs(cache):
    """Builds what is not built yet; returns {name: path of the binary}."""
    binaries = {name: program(cache, name) for name in MODULES if (MODULES[name][0] / "go.mod").exists()}
    for name, binary in binaries.items():
        if not binary.exists():
            _build(name, binary)
    return binaries


def _build(name, binary):
    if not shutil.which("go"):
        raise RigError("no `go` in PATH; building needs Go 1.26 or newer")
    folder, variables = MODULES[name]
    binary.parent.mkdir(parents=True, exist_ok=True)
    log = binary.parent / "build.log"
    say(f"building {name} (log: {log})")
    begin = time.monotonic()
    new = binary.with_suffix(".new")
    command = ["go", "build", "-p", str(os.cpu_count() or 2), "-trimpath", "-buildvcs=false"]
    command += ["-ldflags", " ".join(["-s -w", *variables]), "-o", str(new), "."]
    with open(log, "w") as file:
        environment = dict(os.environ, CGO_ENABLED="0", GOFLAGS="-mod=readonly")
        code = subprocess.run(command, cwd=folder, stdout=file, stderr=file, env=environment).returncode
    if code:
        raise failed(f"building {name} gave {code}", log)
    os.replace(new, binary)
    say(f"built {name} in {time.monotonic() - begin:.0f} s, {binary.stat().st_size >> 20} MiB")


def custom_resource_definitions(cache):
    """Karmada's definitions, packed from its Go module the way its releases carry them (crds.tar.gz)."""
    archive = Path(cache) / f"crds-{KARMADA_VERSION}.tar.gz"
    if archive.exists():
        return archive
    module = ["go", "mod", "download", "-json", "github.com/karmada-io/karmada"]
    source = Path(json.loads(run(module, cwd=GO_SOURCES / "karmada"))["Dir"]) / "charts/karmada/_crds"
    new = archive.with_suffix(".new")
    with open(new, "wb") as file, gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for path in [source, *sorted(source.rglob("*"))]:
                entry = tarfile.TarInfo(str(Path("crds") / path.relative_to(source)))
                if path.is_dir():
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                    tar.addfile(entry)
                else:
                    content = path.read_bytes()
                    entry.size = len(content)
                    tar.addfile(entry, io.BytesIO(content))
    os.replace(new, archive)
    return archive

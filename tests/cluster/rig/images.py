"""Builds the container images, without docker: a layer is a tar file, an image two small JSON files beside it.

Layers are shared: the images of Kubernetes have one layer with the multi-call binary under all its names, those of
Karmada another. All images go into one OCI layout (index.json and blobs), from which registry.py serves them too.
`_populate` unpacks them once into a containerd root folder that nodes then copy by hard links, so that a node starts
without importing anything and all nodes share the pages of the binaries.
"""

import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import time
from pathlib import Path

from .commands import run, say, wait_for
from .settings import ETCD_VERSION, KARMADA_VERSION, KUBERNETES_VERSION

PAUSE = "registry.k8s.io/pause:3.10.1"
KARMADA_PROGRAMS = ("aggregated-apiserver", "controller-manager", "scheduler", "webhook", "agent")
NGINX_CONFIGURATION = """\
user nobody nogroup;
worker_processes 1;
error_log /dev/stderr notice;
pid /run/nginx.pid;
events { worker_connections 256; }
http {
    include /etc/nginx/mime.types;
    access_log /dev/stdout;
    server {
        listen 80 default_server;
        root /usr/share/nginx/html;
        location / { index index.html; }
    }
}
"""
NGINX_PAGE = """\
<!DOCTYPE html>
<html><head><title>Welcome to nginx!</title></head><body><h1>Welcome to nginx!</h1></body></html>
"""


class Layer:
    """A tar file that grows; the digest of its content names it."""

    def __init__(self):
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w", format=tarfile.GNU_FORMAT)
        self._folders = set()

    def _add(self, name, kind, data=b"", mode=0o644, link=""):
        entry = tarfile.TarInfo(name.lstrip("/"))
        entry.type, entry.mode, entry.linkname, entry.size = kind, mode, link, len(data)
        self._tar.addfile(entry, io.BytesIO(data))

    def folder(self, name, mode=0o755):
        name = name.strip("/")
        if not name or name in self._folders:
            return
        self.folder(os.path.dirname(name))
        self._folders.add(name)
        self._add(name, tarfile.DIRTYPE, mode=mode)

    def file(self, name, data, mode=0o644):
        self.folder(os.path.dirname(name))
        self._add(name, tarfile.REGTYPE, data.encode() if isinstance(data, str) else data, mode)

    def copy(self, source, name=None):
        source = Path(source)
        self.file(name or str(source), source.read_bytes(), 0o755 if os.access(source, os.X_OK) else 0o644)

    def hard_link(self, name, target):
        self.folder(os.path.dirname(name))
        self._add(name, tarfile.LNKTYPE, mode=0o755, link=target.lstrip("/"))

    def link(self, name, target):
        self.folder(os.path.dirname(name))
        self._add(name, tarfile.SYMTYPE, mode=0o777, link=target)

    def multi_call(self, binary, names):
        """One binary under several names."""
        self.copy(binary, names[0])
        for name in names[1:]:
            self.hard_link(name, names[0])

    def content(self):
        self._tar.close()
        return self._buffer.getvalue()


def _base_layer():
    """What a distroless image has: the images of etcd and Kubernetes have no shell either."""
    layer = Layer()
    layer.file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n")
    layer.file("/etc/group", "root:x:0:\nnogroup:x:65534:\n")
    layer.file("/etc/nsswitch.conf", "hosts: files dns\n")
    layer.copy("/etc/ssl/certs/ca-certificates.crt")
    layer.folder("/tmp", 0o1777)
    layer.folder("/root")
    layer.folder("/run")
    return layer


def _unpack(work, *packages):
    """Downloads Debian packages and unpacks them into a folder; nothing is installed."""
    root = work / packages[0]
    root.mkdir(parents=True)
    run(["apt-get", "download", "-q", *packages], cwd=root)
    for package in root.glob("*.deb"):
        run(["dpkg-deb", "-x", package, root])
    return root


def _copy_program(layer, root, path):
    """Copies a program with the libraries it needs: from the unpacked packages, else from this machine."""
    libraries = ":".join(str(folder) for folder in root.rglob("lib/x86_64-linux-gnu"))
    closure = run(["ldd", root / path], env=dict(os.environ, LD_LIBRARY_PATH=libraries))
    layer.copy(root / path, f"/{path}")
    for name, file in re.findall(r"(?:(\S+) => )?(/\S+) \(0x", closure):
        layer.copy(os.path.realpath(file), f"/lib/x86_64-linux-gnu/{name}" if name else file)


def _shell_layer(work):
    """busybox, from Debian. Mind that `wget -T` crashes in it: use `timeout 5 wget`."""
    layer, root = Layer(), _unpack(work, "busybox")
    _copy_program(layer, root, "bin/busybox")
    for applet in run([root / "bin/busybox", "--list"]).split():
        if applet != "busybox":
            layer.link(f"/bin/{applet}", "busybox")
    return layer


def _pause_layer(binaries):
    layer = Layer()
    layer.copy(binaries["pause"], "/pause")
    return layer


def _etcd_layer(binaries):
    layer = Layer()
    layer.multi_call(binaries["etcd"], ["/usr/local/bin/etcd", "/usr/local/bin/etcdctl"])
    return layer


def _kubernetes_layer(binaries):
    layer = Layer()
    names = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")
    layer.multi_call(binaries["kubernetes"], [f"/usr/local/bin/{name}" for name in names])
    return layer


def _karmada_layer(binaries):
    layer = Layer()
    names = [f"/bin/karmada-{name}" for name in KARMADA_PROGRAMS] + ["/bin/karmadactl"]
    layer.multi_call(binaries["karmada"], names)
    return layer


def _nginx_layer(work):
    layer, root = Layer(), _unpack(work, "nginx", "nginx-common", "libpcre2-8-0", "libssl3", "zlib1g", "libcrypt1")
    _copy_program(layer, root, "usr/sbin/nginx")
    layer.copy(root / "etc/nginx/mime.types", "/etc/nginx/mime.types")
    layer.file("/etc/nginx/nginx.conf", NGINX_CONFIGURATION)
    layer.file("/usr/share/nginx/html/index.html", NGINX_PAGE)
    for folder in ("/var/log/nginx", "/var/lib/nginx"):
        layer.folder(folder)
    return layer


def _image_list():
    """(names, names of layers, configuration) of every image."""
    yield [PAUSE], ["pause"], {"Entrypoint": ["/pause"]}
    yield [f"registry.k8s.io/etcd:{ETCD_VERSION}-0"], ["base", "etcd"], {"Entrypoint": ["/usr/local/bin/etcd"]}
    for name in ("kube-apiserver", "kube-controller-manager", "kube-scheduler"):
        image = f"registry.k8s.io/{name}:{KUBERNETES_VERSION}"
        yield [image], ["base", "kubernetes"], {"Entrypoint": [f"/usr/local/bin/{name}"]}
    for name in KARMADA_PROGRAMS:
        image = f"docker.io/karmada/karmada-{name}:{KARMADA_VERSION}"
        yield [image], ["base", "shell", "karmada"], {"Entrypoint": [f"/bin/karmada-{name}"]}
    yield ["docker.io/library/busybox:latest"], ["base", "shell"], {"Cmd": ["/bin/sh"]}
    yield ["docker.io/library/nginx:latest"], ["base", "shell", "nginx"], {
        "Cmd": ["/usr/sbin/nginx", "-g", "daemon off;"],
        "ExposedPorts": {"80/tcp": {}},
        "StopSignal": "SIGQUIT",
    }


MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Layout:
    """An OCI layout: a folder of blobs named by their digests, and an index of the images."""

    def __init__(self, folder):
        self.folder, self.blobs = folder, folder / "blobs" / "sha256"
        self.blobs.mkdir(parents=True)
        self._entries = []

    def blob(self, data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        (self.blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def _json(self, value, media_type):
        return self.blob(json.dumps(value, sort_keys=True).encode(), media_type)

    def image(self, names, layers, configuration):
        """Adds an image; `layers` are descriptors of blobs already here. They are plain tars: digest = diff id."""
        image = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": [PATH], **configuration},
            "rootfs": {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST_TYPE,
            "config": self._json(image, "application/vnd.oci.image.config.v1+json"),
            "layers": layers,
        }
        descriptor = self._json(manifest, MANIFEST_TYPE)
        for name in names:
            self._entries.append({**descriptor, "annotations": {"io.containerd.image.name": name}})

    def close(self):
        index = {"schemaVersion": 2, "manifests": self._entries}
        (self.folder / "index.json").write_text(json.dumps(index, indent=1))
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')


def _write_layout(folder, layers):
    layout = Layout(folder)
    media_type = "application/vnd.oci.image.layer.v1.tar"
    blobs = {name: layout.blob(layer.content(), media_type) for name, layer in layers.items()}
    for names, layer_names, configuration in _image_list():
        layout.image(names, [blobs[name] for name in layer_names], configuration)
    layout.close()


def folder_for(cache, binaries):
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name in ("pause", "etcd", "kubernetes", "karmada"):
        digest.update(str(binaries[name]).encode())
    return Path(cache) / f"images-{digest.hexdigest()[:16]}"


def build_images(cache, binaries):
    """Builds the images; returns the folder with `oci`, their layout, and `containerd`, a root folder with them."""
    folder = folder_for(cache, binaries)
    root, layout = folder / "containerd", folder / "oci"
    if root.exists():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    begin, work = time.monotonic(), folder / "packages"
    say("building the images")
    layers = {
        "base": _base_layer(),
        "shell": _shell_layer(work),
        "pause": _pause_layer(binaries),
        "etcd": _etcd_layer(binaries),
        "kubernetes": _kubernetes_layer(binaries),
        "karmada": _karmada_layer(binaries),
        "nginx": _nginx_layer(work),
    }
    _write_layout(layout, layers)
    shutil.rmtree(work)
    _populate(layout, root, folder)
    say(f"built the images in {time.monotonic() - begin:.0f} s")
    return folder


def _populate(layout, root, work):
    """Imports all images with a containerd that lives only for this."""
    new, state = root.with_suffix(".new"), work / "state"
    socket, log, archive = state / "containerd.sock", work / "import.log", work / "images.tar"
    configuration = work / "import.toml"
    configuration.write_text(
        f'version = 2\nroot = "{new}"\nstate = "{state}"\n'
        f'disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs"]\n'
        f'[grpc]\naddress = "{socket}"\n'
    )
    run(["tar", "-cf", archive, "-C", layout, "."])
    with open(log, "w") as file:
        command = ["setpriv", "--pdeathsig=KILL", "containerd", "-c", configuration]  # it ends when we are killed
        daemon = subprocess.Popen(command, stdout=file, stderr=file)
    try:
        wait_for("containerd for the import", socket.exists, 30, log)
        run(["ctr", "-a", socket, "-n", "k8s.io", "images", "import", "--snapshotter", "overlayfs", archive], log)
    finally:
        daemon.terminate()
        daemon.wait(30)
    shutil.rmtree(state, ignore_errors=True)
    archive.unlink()
    stored = new / "io.containerd.content.v1.content" / "blobs" / "sha256"
    for blob in layout.joinpath("blobs", "sha256").iterdir():  # the same content once on the disk
        if (stored / blob.name).exists():
            blob.unlink()
            os.link(stored / blob.name, blob)
    new.rename(root)

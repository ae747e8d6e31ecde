"""Keys and certificates, made with the openssl command. Every cluster has its own authorities, as on EKS."""

import base64
import json
from pathlib import Path

from .commands import run, write

DAYS = "3650"


class Authority:
    """A certificate authority and the certificates it issued, all in one folder."""

    def __init__(self, folder, name):
        self.folder, self.name = Path(folder), name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.key, self.certificate = self.folder / f"{name}.key", self.folder / f"{name}.crt"
        if not self.certificate.exists():
            self._make()

    def _make(self):
        new_key(self.key)
        request = ["openssl", "req", "-x509", "-new", "-key", self.key, "-days", DAYS, "-subj", f"/CN={self.name}"]
        request += ["-addext", "basicConstraints=critical,CA:TRUE", "-out", self.certificate]
        run([*request, "-addext", "keyUsage=critical,digitalSignature,keyEncipherment,keyCertSign"])

    def issue(self, file, common_name, organization=None, names=(), addresses=()):
        """Issues a certificate; with names or addresses it may serve, without it is for clients only."""
        key, certificate = self.folder / f"{file}.key", self.folder / f"{file}.crt"
        if certificate.exists():
            return key, certificate
        new_key(key)
        subject = (f"/O={organization}" if organization else "") + f"/CN={common_name}"
        request = self.folder / f"{file}.csr"
        run(["openssl", "req", "-new", "-key", key, "-subj", subject, "-out", request])
        alternatives = [f"DNS:{name}" for name in names] + [f"IP:{address}" for address in addresses]
        usage = "serverAuth,clientAuth" if alternatives else "clientAuth"
        extensions = f"basicConstraints=CA:FALSE\nextendedKeyUsage={usage}\n"
        if alternatives:
            extensions += f"subjectAltName={','.join(alternatives)}\n"
        extension_file = write(self.folder / f"{file}.ext", extensions)
        sign = ["openssl", "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key]
        run([*sign, "-CAcreateserial", "-days", DAYS, "-extfile", extension_file, "-out", certificate])
        request.unlink()
        extension_file.unlink()
        return key, certificate


def new_key(path):
    run(["openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path])
    path.chmod(0o600)


def service_account_keys(folder):
    """RSA as on EKS. The API server takes the public half only as PEM of its own."""
    private, public = Path(folder) / "service-accounts.key", Path(folder) / "service-accounts.pub"
    if not public.exists():
        run(["openssl", "genrsa", "-out", private, "2048"])
        run(["openssl", "rsa", "-in", private, "-pubout", "-out", public])
    return private, public


def encoded(path):
    return base64.b64encode(Path(path).read_bytes()).decode()


def kubeconfig(path, cluster, server, authority, key, certificate):
    """Writes a kubeconfig with everything embedded (JSON is YAML too)."""
    credentials = {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}
    return write(
        path,
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [
                    {
                        "name": cluster,
                        "cluster": {"server": server, "certificate-authority-data": encoded(authority)},
                    }
                ],
                "users": [{"name": cluster, "user": credentials}],
                "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
                "current-context": cluster,
            },
            indent=1,
        ),
        0o600,
    )

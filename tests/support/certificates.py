"""A throw-away certificate authority, made with the openssl program: nothing of it outlives the tests."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_CA_EXTENSIONS = ("basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign,cRLSign")


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate and key, with the file of the authority that signed it."""

    file: Path
    key: Path
    ca: Path


class CertificateAuthority:
    """An authority in a folder of its own; each one is a stranger to the others."""

    def __init__(self, folder: Path, name: str = "Lockstep test authority") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.file = folder / "ca.pem"
        extensions = [part for extension in _CA_EXTENSIONS for part in ("-addext", extension)]
        own = ("-keyout", folder / "ca.key", "-out", self.file)
        _openssl("req", "-x509", *_NEW_KEY, "-days", "2", "-subj", f"/CN={name}", *extensions, *own)

    def issue(self, name: str, *alternatives: str) -> Certificate:
        """Sign a server certificate for `alternatives`, such as "DNS:localhost" or "IP:127.0.0.1"."""
        certificate = Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key", self.file)
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={','.join(alternatives)}\nextendedKeyUsage=serverAuth\n")
        _openssl("req", *_NEW_KEY, "-subj", f"/CN={name}", "-keyout", certificate.key, "-out", request)
        signer = ("-CA", self.file, "-CAkey", self.folder / "ca.key", "-CAcreateserial")
        _openssl(
            "x509", "-req", "-in", request, *signer, "-days", "2", "-extfile", extensions, "-out", certificate.file
        )
        return certificate


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

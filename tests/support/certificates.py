"""A throw-away certificate authority, made with the openssl program: nothing of it outlives the tests."""

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
_BOOKS = """[ca]
default_ca = books
[books]
database = {folder}/index.txt
new_certs_dir = {folder}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = anything
[anything]
commonName = supplied
"""
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

    def issue(
        self,
        name: str,
        *alternatives: str,
        usage: str = "serverAuth",
        days: tuple[int, int] = (0, 2),
        key: tuple[str, ...] = _NEW_KEY,
    ) -> Certificate:
        """Sign a server certificate for `alternatives`, such as "DNS:localhost" or "IP:127.0.0.1".

        `usage` is what it may be used for, `days` from when to when it is valid, counted from today.
        """
        certificate = Certificate(self.folder / f"{name}.pem", self.folder / f"{name}.key", self.file)
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        names = [f"subjectAltName={','.join(alternatives)}"] if alternatives else []
        extensions.write_text("\n".join([*names, f"extendedKeyUsage={usage}", ""]))
        _openssl("req", *key, "-subj", f"/CN={name}", "-keyout", certificate.key, "-out", request)
        self._sign(request, extensions, certificate.file, days)
        return certificate

    def _sign(self, request: Path, extensions: Path, certificate: Path, days: tuple[int, int]) -> None:
        if days[0] == 0:
            now = ("-CA", self.file, "-CAkey", self.folder / "ca.key", "-CAcreateserial", "-days", str(days[1]))
            _openssl("x509", "-req", "-in", request, *now, "-extfile", extensions, "-out", certificate)
            return
        # Only `openssl ca` lets the beginning be chosen, and it wants a place to keep its books.
        (self.folder / "index.txt").touch()
        books = self.folder / "ca.cnf"
        books.write_text(_BOOKS.format(folder=self.folder))
        begins, ends = (f"{datetime.now(UTC) + timedelta(days=day):%y%m%d%H%M%SZ}" for day in days)
        signer = ("-cert", self.file, "-keyfile", self.folder / "ca.key", "-startdate", begins, "-enddate", ends)
        _openssl("ca", "-batch", "-config", books, *signer, "-in", request, "-extfile", extensions, "-out", certificate)


def _openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

"""A throw-away certificate authority for the demonstration's directory, so that StartTLS is verified as anywhere."""

import subprocess
from pathlib import Path

_KEY = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
_AUTHORITY = (
    f"req -x509 {_KEY} -days 30 -subj /CN=Lockstep-demonstration -addext basicConstraints=critical,CA:TRUE "
    "-addext keyUsage=critical,keyCertSign,cRLSign -keyout ca.key -out ca.pem"
)
_REQUEST = f"req {_KEY} -subj /CN=localhost -keyout server.key -out server.csr"
_SIGNATURE = (
    "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile extensions -out server.pem"
)
_SERVER_EXTENSIONS = (
    "subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n"
)


def make_certificates(folder: Path, openssl: str) -> None:
    """Write ca.pem, server.pem and server.key into `folder`; the authority's own key is thrown away."""
    folder.mkdir(parents=True)
    (folder / "extensions").write_text(_SERVER_EXTENSIONS, encoding="utf-8")
    for step in (_AUTHORITY, _REQUEST, _SIGNATURE):
        subprocess.run([openssl, *step.split()], cwd=folder, check=True, capture_output=True)
    (folder / "server.key").chmod(0o600)
    for left_over in ("ca.key", "ca.srl", "server.csr", "extensions"):
        (folder / left_over).unlink(missing_ok=True)

"""How to reach one directory and what to read there: frozen values that `lockstep.wiring` fills from the settings."""

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from ims.errors import InvalidInput
from ims.passes import Circuit
from ims.people import DirectoryName

_PORTS = {"ldap": 389, "ldaps": 636}


class Tls(StrEnum):
    """How an ldap:// server is secured; ldaps:// always is, ldapi:// never leaves the machine."""

    LDAPS = "ldaps"
    STARTTLS = "starttls"
    PLAINTEXT = "plaintext"


class BindMethod(StrEnum):
    """How the agent proves itself."""

    SIMPLE = "simple"
    EXTERNAL = "external"
    """SASL EXTERNAL: over ldapi the operating system vouches for us (RFC 4513 section 5.2.3)."""
    ANONYMOUS = "anonymous"
    """Not at all, for a first look: settings do not offer it, as nobody in particular has no rights to speak of."""


class Scope(StrEnum):
    """How far below its base a search goes."""

    BASE = "base"
    LEVEL = "level"
    SUBTREE = "subtree"


class Secret(Protocol):
    """A secret that is read when it is needed, so that a changed one works without a restart."""

    def read(self) -> str:
        """Return the secret as it is now."""
        ...

    def fingerprint(self, salt: str = "") -> str:
        """Return what the secret is recognised by and cannot be guessed from; `salt` is whom it is for."""
        ...


class Circuits(Protocol):
    """Where refused secrets are remembered, for every process of the deployment (see `ims.ports.SyncState`)."""

    def circuit(self, secret: str) -> Circuit | None:
        """Return the open circuit of a secret's fingerprint, if there is one."""
        ...

    def open_circuit(self, circuit: Circuit) -> None:
        """Remember that a directory refused this secret."""
        ...


class PassingCircuits:
    """Circuits that last as long as this object: for a look at a directory before there is a store."""

    def __init__(self) -> None:
        self._open: dict[str, Circuit] = {}

    def circuit(self, secret: str) -> Circuit | None:
        """Return what was opened here."""
        return self._open.get(secret)

    def open_circuit(self, circuit: Circuit) -> None:
        """Remember a refusal for as long as this object."""
        self._open[circuit.secret] = circuit


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """One directory's servers, in the order in which they are tried, and how to come in there.

    Timeouts are whole seconds: ldap3 packs them into a C structure and dies of a float. `allow_plaintext` must have
    been written out by an operator; loopback needs none.
    """

    directory: DirectoryName
    servers: tuple[str, ...]
    method: BindMethod = BindMethod.SIMPLE
    dn: str = ""
    secret: Secret | None = field(default=None, repr=False)
    tls: Tls = Tls.STARTTLS
    ca_file: Path | None = None
    allow_plaintext: bool = False
    connect_timeout_s: int = 5
    receive_timeout_s: int = 10
    page_size: int = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadingRules:
    """Which entries of a directory are users, and what is read of them besides what the dialect itself needs.

    `attributes` are those of the mapping and of the affiliation rules. `default_policy` is the DN of the password
    policy for entries that name none; empty = not known, and then nothing is guessed. `root` is the directory's own
    base, where its policies are; empty = there is none but `base`.
    """

    base: str
    filter: str
    scope: Scope = Scope.SUBTREE
    attributes: tuple[str, ...] = ()
    default_policy: str = ""
    root: str = ""


@dataclass(frozen=True, slots=True)
class ServerUrl:
    """A server's address taken apart. `host` is the path of a socket for ldapi."""

    text: str
    scheme: str
    host: str
    port: int = 0

    @property
    def local(self) -> bool:
        """Return whether nothing sent there leaves this machine."""
        if self.scheme == "ldapi":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host.lower().rstrip(".") == "localhost"


def server_url(text: str) -> ServerUrl:
    """Take a server's address apart. Raises InvalidInput for anything but ldap, ldaps and ldapi."""
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise InvalidInput(f"{text!r} is no server address: {error}") from error
    if parts.scheme == "ldapi":
        return ServerUrl(text, "ldapi", unquote(parts.netloc + parts.path))
    if parts.scheme not in _PORTS or not host or parts.path.strip("/") or parts.username is not None:
        raise InvalidInput(f"{text!r} is no server address: write ldaps://host, ldap://host:port or ldapi://path")
    return ServerUrl(text, parts.scheme, host, port or _PORTS[parts.scheme])

"""The address of one directory server, taken apart once, with an error for each way to get an LDAP URL wrong."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated
from urllib.parse import SplitResult, unquote, urlsplit

from pydantic import PlainSerializer, PlainValidator

from config.kinds import is_loopback, wrong


class Scheme(StrEnum):
    """How a server is reached."""

    LDAP = "ldap"
    LDAPS = "ldaps"
    LDAPI = "ldapi"


_PORTS = {Scheme.LDAP: 389, Scheme.LDAPS: 636}
_HIGHEST_PORT = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server. `host` and `port` are set for ldap:// and ldaps://, `socket` (a path) for ldapi://."""

    url: str
    scheme: Scheme
    host: str = ""
    port: int = 0
    socket: str = ""

    @property
    def loopback(self) -> bool:
        """Whether what is sent to it never leaves this machine."""
        return self.scheme is Scheme.LDAPI or is_loopback(self.host)

    def __str__(self) -> str:
        """Return the URL as it was written, without a slash at its end."""
        return self.url


def parse_server(value: object) -> Server:
    """Return the server that an LDAP URL names. Raises an error that says what would be right.

    A URL may hold a password by mistake, so no error repeats more of it than its host.
    """
    if isinstance(value, Server):
        return value
    if not isinstance(value, str):
        raise wrong('must be a URL such as "ldaps://ldap.example.com"')
    text = value.strip()
    if "://" not in text:
        raise wrong('must be a URL with its scheme, such as "ldaps://ldap.example.com"')
    scheme = text.partition("://")[0].lower()
    if scheme not in set(Scheme):
        raise wrong(f'begins with "{scheme}://": it must be ldaps://, ldap:// (with StartTLS) or ldapi://')
    parts = _split(text)
    if Scheme(scheme) is Scheme.LDAPI:
        return _local(text, parts)
    return _remote(text, Scheme(scheme), parts)


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as error:
        raise wrong(f"is no URL: {str(error).lower()}") from None
    if "@" in parts.netloc:
        raise wrong("must not hold a user or password: they belong in the directory's [bind] table")
    return parts


def _local(text: str, parts: SplitResult) -> Server:
    socket = unquote(parts.netloc)
    if not socket.startswith("/") or parts.path not in {"", "/"}:
        raise wrong(
            'must name the socket with each / written as %2F, such as "ldapi://%2Frun%2Fslapd%2Fldapi"',
        )
    return Server(url=text.rstrip("/"), scheme=Scheme.LDAPI, socket=socket)


def _remote(text: str, scheme: Scheme, parts: SplitResult) -> Server:
    host = parts.hostname or ""
    port = _PORTS[scheme] if parts.port is None else parts.port
    if not host or any(character.isspace() or character in ",;" for character in host):
        raise wrong("must name one host; several servers are a list, one URL each")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise wrong("must end after the host and port: the base is a key of its own")
    if port < 1:
        raise wrong(f"must name a port from 1 to {_HIGHEST_PORT}")
    _refuse_the_other_port(scheme, port)
    return Server(url=text.rstrip("/"), scheme=scheme, host=host, port=port)


def _refuse_the_other_port(scheme: Scheme, port: int) -> None:
    """Refuse ldap:// on 636 and ldaps:// on 389: both would only hang until the timeout."""
    if scheme is Scheme.LDAP and port == _PORTS[Scheme.LDAPS]:
        raise wrong("names port 636, where servers speak TLS from the first byte: write ldaps://")
    if scheme is Scheme.LDAPS and port == _PORTS[Scheme.LDAP]:
        raise wrong("names port 389, where servers speak StartTLS: write ldap://, or leave the port out")


ServerUrl = Annotated[Server, PlainValidator(parse_server), PlainSerializer(str)]

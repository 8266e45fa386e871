"""How a connection to one server is made: with ldap3, and with none of its defaults.

ldap3's defaults trust any certificate, follow referrals with our password and never time out; each is decided here.
"""

import ssl
from typing import Any

import ldap3

from agent.directories.access import Access, ServerUrl, Tls
from agent.directories.errors import NotSecured
from agent.directories.wire import Wire

_IPC = "ldapi"
TLS_FIRST = "ldaps"


def tls_context(access: Access, url: ServerUrl) -> ssl.SSLContext | None:
    """Return what verifies the server, or None where plaintext is allowed. Raises NotSecured where it is not."""
    if url.scheme == _IPC:
        return None
    if url.scheme != TLS_FIRST and access.tls is Tls.LDAPS:
        raise NotSecured(f"{url.text}: the settings ask for ldaps, this address is another: correct one of them")
    if url.scheme != TLS_FIRST and access.tls is Tls.PLAINTEXT:
        if not (url.local or access.allow_plaintext):
            raise NotSecured(f"{url.text}: plaintext is refused off this machine: use ldaps or starttls")
        return None
    try:
        context = ssl.create_default_context(cafile=access.ca_file)
    except OSError as error:
        raise NotSecured(f"{url.text}: the CA file {access.ca_file} cannot be used: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def unopened(access: Access, url: ServerUrl, context: ssl.SSLContext | None) -> Any:  # noqa: ANN401 - ldap3 has no types
    """Return ldap3's connection, not yet connected. Its socket will be a `Wire`, secured at once for ldaps."""
    place = {"host": f"ldapi://{url.host}"} if url.scheme == _IPC else {"host": url.host, "port": url.port}
    server = ldap3.Server(
        **place,
        use_ssl=url.scheme == TLS_FIRST,
        tls=_VerifyingTls(context) if context else None,
        get_info=ldap3.NONE,
        allowed_referral_hosts=[],
        connect_timeout=access.connect_timeout_s,
    )
    connection = ldap3.Connection(
        server,
        client_strategy=ldap3.SYNC,
        auto_referrals=False,
        auto_range=False,
        check_names=False,
        raise_exceptions=False,
        return_empty_attributes=False,
        receive_timeout=access.receive_timeout_s,
    )
    _take_over_the_socket(connection)
    connection.post_send_search = _number_only
    return connection


class _VerifyingTls(ldap3.Tls):  # type: ignore[misc]  # ldap3 has no types
    """TLS that verifies certificate and host name, at least version 1.2; ldap3's own verifies nothing by default.

    ldap3 would check the name with a function that Python 3.12 no longer has; here OpenSSL does it in the handshake.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = context

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:  # noqa: ANN401, ARG002, FBT001, FBT002 - ldap3's signature
        """Secure the connection's socket, and fail the connection if that cannot be done."""
        _wired(connection).secure(self._context, connection.server.host)


def _wired(connection: Any) -> Wire:  # noqa: ANN401 - ldap3 has no types
    """Return the wire that is, or is put, in the place of a connection's socket."""
    if not isinstance(connection.socket, Wire):
        connection.socket = Wire(connection.socket, connection.receive_timeout)
    return connection.socket


def _take_over_the_socket(connection: Any) -> None:  # noqa: ANN401 - ldap3 has no types
    """Put a wire in the place of each socket that ldap3 opens, and close those that it could not connect or secure.

    It forgets them, one for each address that it tries.
    """
    open_socket = connection.strategy._open_socket  # noqa: SLF001 - no public place sees the socket before it is lost

    def opening(*arguments: object, **options: object) -> None:
        try:
            open_socket(*arguments, **options)
            _wired(connection)
        except BaseException:
            if connection.socket is not None:
                connection.socket.close()
                connection.socket = None
            raise

    connection.strategy._open_socket = opening  # noqa: SLF001 - see above


def _number_only(number: int) -> int:
    """Stand in for what ldap3 does once a search request is sent: its answer is received by us."""
    return number

"""One open, secured, bound connection to one server: the only module that calls ldap3.

ldap3's defaults trust any certificate, follow referrals with our password, never time out, and raise whatever a corrupt
answer provokes; each of them is decided here. An exception of any kind means: this session is over, the socket closed.
"""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import ldap3
from ldap3.core.exceptions import (
    LDAPCommunicationError,
    LDAPExceptionError,
    LDAPInvalidFilterError,
    LDAPResponseTimeoutError,
    LDAPStartTLSError,
)
from ldap3.operation.search import compile_filter, parse_filter
from ldap3.utils.asn1 import encode

from agent.directories.access import Access, BindMethod, Scope, ServerUrl, Tls
from agent.directories.controls import ASSERTION
from agent.directories.entry import Entry, entry_of
from agent.directories.errors import AnswerLost, NotSecured, ProtocolFault, Unreachable
from agent.directories.results import Result
from agent.directories.searches import Page, Search
from agent.directories.writes import Kind, Modify
from ims.errors import DirectoryUnreachable, InvalidInput, LockstepError

Control = tuple[str, bool, bytes | None]
"""OID, criticality and value."""
_IPC = "ldapi"
_TLS_FIRST = "ldaps"
_PAGED_RESULTS = "1.2.840.113556.1.4.319"
_SCOPES = {Scope.BASE: ldap3.BASE, Scope.LEVEL: ldap3.LEVEL, Scope.SUBTREE: ldap3.SUBTREE}
_KINDS = {Kind.ADD: ldap3.MODIFY_ADD, Kind.DELETE: ldap3.MODIFY_DELETE, Kind.REPLACE: ldap3.MODIFY_REPLACE}
_NO_ANSWER = (LDAPCommunicationError, LDAPResponseTimeoutError)
_NO_CONNECTION = (*_NO_ANSWER, LDAPStartTLSError, OSError)


class Session:
    """A connection to one server. After `open` it is secured; after any error it is closed."""

    def __init__(self, access: Access, url: ServerUrl) -> None:
        self.url = url
        self._access = access
        self._connection: Any = None

    def open(self) -> None:
        """Connect and secure the connection. Raises NotSecured, Unreachable or ProtocolFault; no credential is sent."""
        context = self._tls_context()
        try:
            with self._guard("connecting"):
                self._connection = self._unopened(context)
                self._connection.open(read_server_info=False)
        except Unreachable as error:
            if isinstance(error.__cause__, ssl.SSLError):
                raise NotSecured(str(error)) from error
            raise
        if context is not None and self.url.scheme != _TLS_FIRST:
            self._start_tls()

    def bind(self, method: BindMethod, dn: str, password: str, controls: list[Control] | None = None) -> Result:
        """Bind and return what the server says. An empty password is refused here, before anything is sent.

        Such a bind would be an unauthenticated one (RFC 4513 section 5.1.2), and some servers answer it with success.
        """
        connection = self._live()
        if method is BindMethod.SIMPLE:
            if not dn or not password:
                raise InvalidInput("a simple bind needs a DN and a password: an empty one would succeed anonymously")
            connection.authentication, connection.user, connection.password = ldap3.SIMPLE, dn, password
        else:
            connection.authentication, connection.sasl_mechanism = ldap3.SASL, ldap3.EXTERNAL
            connection.sasl_credentials = ""
        with self._guard("signing in"):
            connection.bind(read_server_info=False, controls=controls)
            return _result(connection.result)

    def search(self, search: Search, controls: tuple[Control, ...] = (), *, cookie: bytes | None = None) -> Page:
        """Ask for one page of a search, or with `cookie` None for all of it at once. Aliases are not followed.

        References to other servers among the results are left alone, always. Raises Unreachable or ProtocolFault.
        """
        paged = {} if cookie is None else {"paged_size": search.page_size or self._access.page_size}
        with self._guard(f"searching {search.base}"):
            self._live().search(
                search.base,
                search.filter,
                _SCOPES[search.scope],
                dereference_aliases=ldap3.DEREF_NEVER,
                attributes=list(search.attributes),
                controls=list(controls) or None,
                paged_criticality=True,
                paged_cookie=cookie,
                **paged,
            )
            return _page(self._connection)

    def modify(self, modify: Modify) -> Result:
        """Send a modify operation and return the answer. Raises AnswerLost where it may have been done all the same."""
        changes: dict[str, list[tuple[str, list[bytes]]]] = {}
        for change in modify.changes:
            changes.setdefault(change.attribute, []).append((_KINDS[change.kind], list(change.values)))
        connection = self._live()
        try:
            with self._guard(f"modifying {modify.dn}"):
                controls = [(ASSERTION, True, _encoded(modify.assertion))] if modify.assertion else None
                connection.modify(modify.dn, changes, controls)
                return _result(connection.result)
        except DirectoryUnreachable as error:
            raise AnswerLost(f"{error}; it may have been done: read the entry") from error

    def close(self) -> None:
        """Say good-bye if that is still possible, and close the socket whatever happens."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        raw = connection.socket
        with suppress(LDAPExceptionError, OSError):
            connection.unbind()
        if raw is not None:
            with suppress(OSError):
                raw.close()

    def _live(self) -> Any:  # noqa: ANN401 - ldap3 has no types
        if self._connection is None or self._connection.closed:
            raise Unreachable(f"{self.url.text}: the connection is closed")
        return self._connection

    @contextmanager
    def _guard(self, doing: str) -> Iterator[None]:
        """Turn whatever ldap3 raises into errors of ours, and end the session with it.

        270 corrupted answers made ldap3 raise KeyError, IndexError, UnicodeError and TypeError: any exception at all
        that comes out of it is a fault of the connection.
        """
        where = f"{self.url.text}: {doing}"
        try:
            yield
        except LockstepError:
            self.close()
            raise
        except LDAPInvalidFilterError as error:
            raise InvalidInput(f"{where}: the search filter is malformed") from error
        except _NO_CONNECTION as error:
            self.close()
            raise Unreachable(f"{where}: {_words(error)}") from error
        except Exception as error:
            self.close()
            raise ProtocolFault(f"{where}: the answer cannot be understood ({type(error).__name__})") from error

    # --- how a connection is made ------------------------------------------------------------------------------------

    def _unopened(self, context: ssl.SSLContext | None) -> Any:  # noqa: ANN401 - ldap3 has no types
        url, access = self.url, self._access
        place = {"host": f"ldapi://{url.host}"} if url.scheme == _IPC else {"host": url.host, "port": url.port}
        server = ldap3.Server(
            **place,
            use_ssl=url.scheme == _TLS_FIRST,
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
        _close_after_failure(connection)
        return connection

    def _tls_context(self) -> ssl.SSLContext | None:
        """Return what verifies the server, or None where plaintext is allowed. Raises NotSecured where it is not."""
        url, access = self.url, self._access
        if url.scheme == _IPC:
            return None
        if url.scheme != _TLS_FIRST and access.tls is Tls.LDAPS:
            raise NotSecured(f"{url.text}: the settings ask for ldaps, this address is another: correct one of them")
        if url.scheme != _TLS_FIRST and access.tls is Tls.PLAINTEXT:
            if not (url.local or access.allow_plaintext):
                raise NotSecured(f"{url.text}: plaintext is refused off this machine: use ldaps or starttls")
            return None
        try:
            context = ssl.create_default_context(cafile=access.ca_file)
        except OSError as error:
            raise NotSecured(f"{url.text}: the CA file {access.ca_file} cannot be used: {error}") from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _start_tls(self) -> None:
        try:
            with self._guard("securing the connection (StartTLS)"):
                started = self._connection.start_tls(read_server_info=False)
                secured = started and isinstance(self._connection.socket, ssl.SSLSocket)
        except (Unreachable, ProtocolFault) as error:
            if isinstance(error.__cause__, _NO_ANSWER):
                raise
            raise NotSecured(str(error)) from error
        if not secured:
            self.close()
            raise NotSecured(f"{self.url.text}: the server does not offer StartTLS; nothing was sent")


class _VerifyingTls(ldap3.Tls):  # type: ignore[misc]  # ldap3 has no types
    """TLS that verifies certificate and host name, at least version 1.2; ldap3's own verifies nothing by default.

    ldap3 would check the name with a function that Python 3.12 no longer has; here OpenSSL does it in the handshake.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(validate=ssl.CERT_REQUIRED)
        self._context = context

    def wrap_socket(self, connection: Any, do_handshake: bool = False) -> None:  # noqa: ANN401, ARG002, FBT001, FBT002 - ldap3's signature
        """Secure the connection's socket, and fail the connection if that cannot be done."""
        connection.socket = self._context.wrap_socket(connection.socket, server_hostname=connection.server.host)


def _close_after_failure(connection: Any) -> None:  # noqa: ANN401 - ldap3 has no types
    """Make ldap3 close a socket that it could not connect or secure: it forgets it, one for each address it tries."""
    open_socket = connection.strategy._open_socket  # noqa: SLF001 - no public place sees the socket before it is lost

    def closing(*arguments: object, **options: object) -> None:
        try:
            open_socket(*arguments, **options)
        except BaseException:
            if connection.socket is not None:
                connection.socket.close()
                connection.socket = None
            raise

    connection.strategy._open_socket = closing  # noqa: SLF001 - see above


def _words(error: Exception) -> str:
    """Return an error's text without the brackets and quotes that ldap3 wraps around texts of texts."""
    return re.sub(r" \(_ssl\.c:\d+\)", "", str(error)).strip("()'\", ")


def _page(connection: Any) -> Page:  # noqa: ANN401 - ldap3 has no types
    items = connection.response or ()
    entries = tuple(_entry(item) for item in items if item["type"] == "searchResEntry")
    paging = connection.result.get("controls", {}).get(_PAGED_RESULTS)
    cookie = bytes(paging["value"]["cookie"]) if paging else None
    return Page(entries=entries, result=_result(connection.result), cookie=cookie)


def _entry(item: dict[str, Any]) -> Entry:
    """Take over one entry. A DN that is no UTF-8 stays recognisable; no entry is found under what it becomes."""
    values = {name: tuple(value for value in found or ()) for name, found in item["raw_attributes"].items()}
    controls = {oid: control["value"] or b"" for oid, control in item.get("controls", {}).items()}
    return entry_of(bytes(item["raw_dn"]).decode(errors="backslashreplace"), values, controls)


def _encoded(assertion: str) -> bytes:
    """Return a filter as the assertion control carries it: BER, as in a search request (RFC 4528 section 3)."""
    parsed = parse_filter(assertion, None, True, False, None, False)
    return bytes(encode(compile_filter(parsed.elements[0])))


def _result(found: dict[str, Any]) -> Result:
    """Take over a result; controls keep their raw values, but for the one that ldap3 always decodes (paging)."""
    controls = {oid: control["value"] for oid, control in found.get("controls", {}).items()}
    raw = {oid: value for oid, value in controls.items() if isinstance(value, bytes)}
    return Result(int(found["result"]), str(found["description"]), raw)

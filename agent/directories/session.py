"""One open, secured, bound connection to one server: what is asked over it, with ldap3, and how answers are received.

ldap3 encodes every request and understands the answers to all but searches. It raises whatever a corrupt answer
provokes. An exception of any kind means: this session is over, the socket closed.
"""

import re
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import ldap3
from ldap3.core.exceptions import (
    LDAPCommunicationError,
    LDAPExceptionError,
    LDAPInvalidFilterError,
    LDAPResponseTimeoutError,
    LDAPStartTLSError,
)

from agent.directories.access import Access, BindMethod, ServerUrl
from agent.directories.answers import Answer, RawEntry, collect, told
from agent.directories.connecting import TLS_FIRST, tls_context, unopened
from agent.directories.controls import ASSERTION, NO_OPERATION
from agent.directories.decoding import Decoder
from agent.directories.entry import Entry
from agent.directories.errors import AnswerLost, NotSecured, ProtocolFault, Unreachable
from agent.directories.forms import SCOPES, changes_of, code_name, encoded_filter, result_of, values_of
from agent.directories.framing import messages
from agent.directories.limits import LIMITS
from agent.directories.results import Result
from agent.directories.searches import Control, Page, Search, Watch
from agent.directories.signing import SignedStream
from agent.directories.wire import Wire
from agent.directories.writes import AddEntry, DeleteEntry, Modify, Rehearsal, RenameEntry
from ims.errors import DirectoryUnreachable, InvalidInput, LockstepError

_NO_ANSWER = (LDAPCommunicationError, LDAPResponseTimeoutError)
_NO_CONNECTION = (*_NO_ANSWER, LDAPStartTLSError, OSError)


@dataclass(slots=True, eq=False)
class Asked:
    """A search request that was sent. Its answer is received when it is wanted, or before anything else is asked."""

    base: str
    number: int
    answer: Answer | None = None


class Session:
    """A connection to one server. After `open` it is secured; after any error it is closed.

    One thread uses it; `abort` may come from another. Each operation has the access's `receive_timeout_s` for its whole
    answer, longer only where octets keep coming (see `Wire`).
    """

    def __init__(self, access: Access, url: ServerUrl) -> None:
        self.url = url
        self._access = access
        self._connection: Any = None
        self._asked: Asked | None = None
        self._signed: SignedStream | None = None
        self._decoder = Decoder(LIMITS)
        self._aborted = False

    def open(self) -> None:
        """Connect and secure the connection. Raises NotSecured, Unreachable or ProtocolFault; no credential is sent."""
        context = tls_context(self._access, self.url)
        try:
            with self._guard("connecting"):
                self._connection = unopened(self._access, self.url, context)
                self._go_on()
                self._connection.open(read_server_info=False)
                self._go_on()
        except Unreachable as error:
            if isinstance(error.__cause__, ssl.SSLError):
                raise NotSecured(str(error)) from error
            raise
        if context is not None and self.url.scheme != TLS_FIRST:
            self._start_tls()

    def bind(self, method: BindMethod, dn: str, password: str, controls: list[Control] | None = None) -> Result:
        """Bind and return what the server says. An empty password is refused here, before anything is sent.

        Such a bind would be an unauthenticated one (RFC 4513 section 5.1.2), and some servers answer it with success.
        """
        connection = self._free()
        if method is BindMethod.SIMPLE:
            if not dn or not password:
                raise InvalidInput("a simple bind needs a DN and a password: an empty one would succeed anonymously")
            connection.authentication, connection.user, connection.password = ldap3.SIMPLE, dn, password
        else:
            connection.authentication, connection.sasl_mechanism = ldap3.SASL, ldap3.EXTERNAL
            connection.sasl_credentials = ""
        with self._guard("signing in"):
            connection.bind(read_server_info=False, controls=controls)
            return result_of(connection.result)

    def search(self, search: Search, controls: tuple[Control, ...] = (), *, cookie: bytes | None = None) -> Page:
        """Return what a search finds, or one page of it (see `ask`). Raises Unreachable or ProtocolFault."""
        asked = self.ask(search, controls, cookie=cookie)
        answer = self.receive(asked)
        return Page(entries=self.decode(asked, answer.entries), result=answer.result, cookie=answer.cookie)

    def ask(self, search: Search, controls: tuple[Control, ...] = (), *, cookie: bytes | None = None) -> Asked:
        """Ask for one page of a search, or with `cookie` None for all of it at once. Aliases are not followed.

        The server works on it while the caller does something else. Raises Unreachable, or InvalidInput for a filter
        that is none; then nothing was sent.
        """
        paged = {} if cookie is None else {"paged_size": search.page_size or self._access.page_size}
        connection = self._free()
        with self._guard(f"searching {search.base}"):
            number = self._send(connection, search, controls, paged_cookie=cookie, **paged)
        self._asked = Asked(search.base, number)
        return self._asked

    def watch(self, watch: Watch, for_s: float) -> Iterator[None]:
        """Ask to be told of changes; yield once when that is asked, then for each message, until the time is over.

        What the messages say is not read. The session is good for nothing else meanwhile. Raises NotTold where the
        server ends the search, Unreachable and ProtocolFault.
        """
        connection, search = self._free(), watch.search
        with self._guard(f"listening at {search.base or 'the root'}"):
            number = self._send(connection, search, (watch.control,))
            connection.socket.begin(for_s)
            yield
            with suppress(TimeoutError):
                for _ in told(messages(connection.socket.recv, LIMITS.message), number, LIMITS, code_name):
                    yield

    def receive(self, asked: Asked) -> Answer:
        """Return the whole answer to a search; its entries are as they came. Raises Unreachable or ProtocolFault.

        References to other servers among the results are left alone, always.
        """
        if asked is self._asked:
            self._free()
        if asked.answer is None:
            raise Unreachable(f"{self.url.text}: searching {asked.base}: the connection is closed")
        return asked.answer

    def decode(self, asked: Asked, raws: Iterable[RawEntry]) -> tuple[Entry, ...]:
        """Return what entries of an answer say. Raises ProtocolFault if one of them cannot be understood."""
        with self._guard(f"searching {asked.base}"):
            return self._decoder.entries(raws)

    def modify(self, modify: Modify) -> Result:
        """Send a modify operation and return the answer. Raises AnswerLost where it may have been done all the same."""
        changes = changes_of(modify)
        connection = self._free()
        try:
            with self._guard(f"modifying {modify.dn}"):
                controls = [(ASSERTION, True, encoded_filter(modify.assertion))] if modify.assertion else None
                connection.modify(modify.dn, changes, controls)
                return result_of(connection.result)
        except DirectoryUnreachable as error:
            raise AnswerLost(f"{error}; it may have been done: read the entry") from error

    def rehearse(self, rehearsal: Rehearsal) -> Result:
        """Have the server go through an operation without doing it, and return what it says.

        The control that forbids doing it is critical: a server without it refuses (12). NO_OPERATION means: it would
        have been done. An assertion is not sent, as a false one would hide whether there is the right. Raises
        Unreachable and ProtocolFault.
        """
        controls, connection = [(NO_OPERATION, True, None)], self._free()
        with self._guard(f"rehearsing a change of {rehearsal.dn}"):
            match rehearsal:
                case Modify():
                    connection.modify(rehearsal.dn, changes_of(rehearsal), controls)
                case AddEntry():
                    connection.add(rehearsal.dn, attributes=values_of(rehearsal), controls=controls)
                case DeleteEntry():
                    connection.delete(rehearsal.dn, controls)
                case RenameEntry():
                    connection.modify_dn(rehearsal.dn, rehearsal.rdn, delete_old_dn=False, controls=controls)
            return result_of(connection.result)

    def who_am_i(self) -> str:
        """Return as whom the server sees us ("dn:cn=agent,..."), empty for nobody (RFC 4532). Raises as `search`."""
        connection = self._free()
        with self._guard("asking who we are"):
            return connection.extend.standard.who_am_i() or ""

    def close(self) -> None:
        """Say good-bye if that is still possible, and close the socket whatever happens."""
        connection = self._connection
        if connection is not None and isinstance(connection.socket, Wire):
            connection.socket.begin()
            with suppress(LDAPExceptionError, OSError):
                connection.unbind()
        self._drop()

    def abort(self) -> None:
        """End the session from another thread, for good: whatever waits for the server is woken at once.

        That raises Unreachable there. A session that is being opened is not opened.
        """
        self._aborted = True
        raw = self._connection.socket if self._connection is not None else None
        if isinstance(raw, Wire):
            raw.abort()
        elif raw is not None:
            with suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)

    # --- in common ---------------------------------------------------------------------------------------------------

    def _send(self, connection: Any, search: Search, controls: tuple[Control, ...], **paged: Any) -> int:  # noqa: ANN401 - ldap3 has no types
        """Send a search request and return its number; the answer is received by us."""
        number: int = connection.search(
            search.base,
            search.filter,
            SCOPES[search.scope],
            dereference_aliases=ldap3.DEREF_NEVER,
            attributes=list(search.attributes),
            controls=list(controls) or None,
            paged_criticality=True,
            **paged,
        )
        connection.strategy._outstanding.pop(number)  # noqa: SLF001 - ldap3 keeps what it is to receive itself
        return number

    def _free(self) -> Any:  # noqa: ANN401 - ldap3 has no types
        """Return the connection with nothing on its way: an answer that is comes before that to anything new."""
        asked, self._asked = self._asked, None
        if self._connection is None or self._connection.closed:
            raise Unreachable(f"{self.url.text}: the connection is closed")
        if asked is not None:
            with self._guard(f"searching {asked.base}"):
                asked.answer = self._collected(asked.number)
        return self._connection

    def _collected(self, number: int) -> Answer:
        """Receive the answer to a search."""
        wire: Wire = self._connection.socket
        signed = self._signed or _signed(self._connection)
        self._signed = signed
        receive = wire.recv if signed is None else signed.receive
        answer, rest = collect(messages(receive, LIMITS.message), number, LIMITS, code_name)
        if signed is None:
            wire.unread(rest)
        elif rest:
            raise ProtocolFault("more comes than was asked for")
        return answer

    def _drop(self) -> None:
        """Close the socket."""
        connection, self._connection, self._asked = self._connection, None, None
        if connection is not None and connection.socket is not None:
            with suppress(OSError):
                connection.socket.close()

    def _go_on(self) -> None:
        if self._aborted:
            raise Unreachable("it is not wanted any more")

    @contextmanager
    def _guard(self, doing: str) -> Iterator[None]:
        """Give an operation its time, turn whatever it raises into errors of ours, and end the session with them.

        270 corrupted answers made ldap3 raise KeyError, IndexError, UnicodeError and TypeError: any exception at all
        that comes out of it is a fault of the connection.
        """
        where = f"{self.url.text}: {doing}"
        if self._connection is not None and isinstance(self._connection.socket, Wire):
            self._connection.socket.begin()
        try:
            yield
        except LDAPInvalidFilterError as error:
            raise InvalidInput(f"{where}: the search filter is malformed") from error
        except (Unreachable, ProtocolFault) as error:
            self._drop()
            raise type(error)(f"{where}: {error}") from error
        except LockstepError:
            self._drop()
            raise
        except _NO_CONNECTION as error:
            self._drop()
            raise Unreachable(f"{where}: {_words(error)}") from error
        except Exception as error:
            self._drop()
            raise ProtocolFault(f"{where}: the answer cannot be understood ({type(error).__name__})") from error

    def _start_tls(self) -> None:
        try:
            with self._guard("securing the connection (StartTLS)"):
                started = self._connection.start_tls(read_server_info=False)
                secured = started and self._connection.socket.tls is not None
        except (Unreachable, ProtocolFault) as error:
            if isinstance(error.__cause__, _NO_ANSWER):
                raise
            raise NotSecured(str(error)) from error
        if not secured:
            self.close()
            raise NotSecured(f"{self.url.text}: the server does not offer StartTLS; nothing was sent")


def _words(error: Exception) -> str:
    """Return an error's text without the brackets and quotes that ldap3 wraps around texts of texts."""
    return re.sub(r" \(_ssl\.c:\d+\)", "", str(error)).strip("()'\", ")


def _signed(connection: Any) -> SignedStream | None:  # noqa: ANN401 - ldap3 has no types
    """Return what takes the signatures off what the server sends, where the sign-in was one that asks for them."""
    key = connection._digest_md5_kis  # noqa: SLF001 - ldap3 shows it nowhere else
    return SignedStream(connection.socket.recv, key) if key and connection.sasl_mechanism == ldap3.DIGEST_MD5 else None

"""A client of one directory: its servers in order, our credentials, and the few operations that Lockstep needs.

A `Client` is a context manager for one piece of work (a pass, an unlock). It never reconnects by itself: after an error
the work is done again from its beginning, with a new client, so that no write is ever sent twice.
"""

from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from agent.directories.access import Access, BindMethod, Circuits, Scope, ServerUrl, server_url
from agent.directories.answers import Answer, RawEntry
from agent.directories.controls import ACCOUNT_USABILITY, EFFECTIVE_RIGHTS, PASSWORD_POLICY, Usability, usability
from agent.directories.entry import Entry
from agent.directories.errors import InvalidCredentials, NotSecured, ProtocolFault, Refused, Unreachable
from agent.directories.results import CREDENTIALS_REFUSED, TRY_LATER, Code, Result
from agent.directories.searches import ANY, NOTHING, Page, Search, Watch
from agent.directories.session import Asked, Session
from agent.directories.writes import Modify, Rehearsal
from ims.errors import DirectoryUnreachable, InvalidInput
from ims.passes import Circuit
from ims.ports import Clock


class Client:
    """One directory, as seen through the first of its servers that answers."""

    def __init__(self, access: Access, circuits: Circuits, clock: Clock, servers: tuple[str, ...] = ()) -> None:
        self.access = access
        self._circuits = circuits
        self._clock = clock
        self._servers = servers or access.servers
        self._session: Session | None = None
        self._others: list[Client] = []
        self._aborted = False

    def __enter__(self) -> Self:
        """Connect to the first server that answers.

        Raises InvalidCredentials where the agent's own are refused: no other server is asked then, and nobody asks
        again before the secret changes. Raises Unreachable if no server answers, naming what each one did; NotSecured
        if that is what stands in the way at every one.
        """
        password, fingerprint = self._credentials()
        failures: list[DirectoryUnreachable] = []
        for text in self._servers:
            try:
                self._sign_in(server_url(text), password, fingerprint)
            except (Unreachable, NotSecured, ProtocolFault) as error:
                failures.append(error)
            else:
                return self
        kind = NotSecured if all(isinstance(failure, NotSecured) for failure in failures) else Unreachable
        raise kind(f"{self.access.directory}: no server can be used: {'; '.join(map(str, failures))}")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection, whatever state it is in."""
        if self._session is not None:
            self._session.close()

    def abort(self) -> None:
        """End it all at once, from another thread: this client and those that `connect_to` has made.

        Whoever waits for a server is woken and gets an Unreachable. Only the thread that opened a client closes it.
        """
        self._aborted = True
        for other in self._others:
            other.abort()
        if self._session is not None:
            self._session.abort()

    def connect_to(self, server: str) -> "Client":
        """Return a client, not yet connected, of one of this directory's servers and of no other."""
        if server not in self.access.servers:
            raise InvalidInput(f"{server} is no server of {self.access.directory}: our credentials do not go there")
        other = Client(self.access, self._circuits, self._clock, (server,))
        self._others.append(other)
        if self._aborted:
            other.abort()
        return other

    @property
    def server(self) -> str:
        """Return the address of the server that answers, as it stands in the settings."""
        return self._open().url.text

    # --- operations --------------------------------------------------------------------------------------------------

    def search_one(self, dn: str, attributes: tuple[str, ...] = NOTHING, filter_: str = ANY) -> Entry | None:
        """Return one entry by its DN, None if it is not there, not visible, or does not satisfy `filter_`.

        Raises Refused for any other answer.
        """
        search = Search(base=dn, filter=filter_, scope=Scope.BASE, attributes=attributes)
        page = self._open().search(search)
        if page.result.code == Code.NO_SUCH_OBJECT:
            return None
        self._raise_unless_ok(page.result, f"reading {dn}")
        if len(page.entries) > 1:
            raise ProtocolFault(f"{self.server}: reading {dn}: several entries with one name")
        return page.entries[0] if page.entries else None

    def page(self, search: Search, cookie: bytes = b"") -> Page:
        """Return one page of a search; `cookie` is the last page's. What its result means is the reader's to judge."""
        return self._open().search(search, cookie=cookie)

    def whole(self, search: Search) -> Page:
        """Return all of a small search in one page, for where slapd takes no paged search (cn=config)."""
        return self._open().search(search)

    def ask(self, search: Search, cookie: bytes = b"") -> Asked:
        """Ask for a page of a search without waiting for it."""
        return self._open().ask(search, cookie=cookie)

    def receive(self, asked: Asked) -> Answer:
        """Wait for a page that was asked for, and return it as it came."""
        return self._open().receive(asked)

    def decode(self, asked: Asked, raws: Iterable[RawEntry]) -> tuple[Entry, ...]:
        """Return what entries of such a page say."""
        return self._open().decode(asked, raws)

    def watch(self, watch: Watch, for_s: float) -> Iterator[None]:
        """Yield once when the server was asked to tell what changes, then for each thing that it tells (see `Session`).

        Raises NotTold where it does not, or no longer; Unreachable and ProtocolFault.
        """
        return self._open().watch(watch, for_s)

    def modify(self, modify: Modify) -> Result:
        """Send a modification and return the server's answer, yes or no.

        Raises Unreachable where the server cannot do it now (busy, unavailable: nothing was done), AnswerLost where
        nobody knows whether it was done.
        """
        result = self._open().modify(modify)
        if result.code in TRY_LATER:
            raise Unreachable(f"{self.server}: modifying {modify.dn}: {result.name}")
        return result

    def rehearse(self, rehearsal: Rehearsal) -> Result:
        """Have the server go through an operation without doing it, and return its answer. Raises Unreachable."""
        result = self._open().rehearse(rehearsal)
        if result.code in TRY_LATER:
            raise Unreachable(f"{self.server}: rehearsing a change of {rehearsal.dn}: {result.name}")
        return result

    def who_am_i(self) -> str:
        """Return the DN as which the server knows us, empty where it knows none. Raises Unreachable."""
        identity = self._open().who_am_i()
        return identity.removeprefix("dn:") if identity.startswith("dn:") else ""

    def usability(self, dn: str) -> Usability | None:
        """Return what the server itself thinks of an account; None where it does not say.

        slapd tells it to whoever may compare userPassword, of entries that have a password and a policy.
        """
        search = Search(base=dn, scope=Scope.BASE)
        page = self._open().search(search, ((ACCOUNT_USABILITY, False, None),))
        said = [entry.controls[ACCOUNT_USABILITY] for entry in page.entries if ACCOUNT_USABILITY in entry.controls]
        return usability(said[0]) if said else None

    def own_rights(self, dn: str, account: str, names: tuple[str, ...]) -> Entry | None:
        """Return an entry with the rights that we have on attributes of it; None where the server does not say.

        389 Directory Server tells everybody about themselves, `account`, and nobody else.
        """
        search = Search(base=dn, scope=Scope.BASE, attributes=names)
        page = self._open().search(search, ((EFFECTIVE_RIGHTS, True, f"dn:{account}".encode()),))
        return next(iter(page.entries), None) if page.result.ok else None

    def bind_as(self, dn: str, password: str) -> Result:
        """Try somebody's sign-in on a connection of its own, and return the server's answer with its controls.

        Raises InvalidInput for an empty password, before anything is sent, and Unreachable.
        """
        if not password:
            raise InvalidInput("an empty password is no password")
        session = Session(self.access, self._open().url)
        try:
            session.open()
            return session.bind(BindMethod.SIMPLE, dn, password, [(PASSWORD_POLICY, False, None)])
        finally:
            session.close()

    # --- credentials -------------------------------------------------------------------------------------------------

    def _credentials(self) -> tuple[str, str]:
        """Return the password and its fingerprint, both empty where none is needed. Raises InvalidCredentials."""
        access = self.access
        if access.method is not BindMethod.SIMPLE:
            return "", ""
        if access.secret is None:
            raise InvalidCredentials(f"{access.directory}: there is no secret to sign in with")
        try:
            # The fingerprint first: if the secret changes in between, a new one is never remembered as refused.
            fingerprint = access.secret.fingerprint(f"{access.directory} {access.dn}")
            password = access.secret.read()
        except Exception as error:  # the provider's own errors, which say where the secret is and never what
            raise InvalidCredentials(f"{access.directory}: the bind secret cannot be read: {error}") from error
        circuit = self._circuits.circuit(fingerprint)
        if circuit is not None:
            raise InvalidCredentials(
                f"{access.directory}: the secret of {access.dn} was refused on {circuit.opened:%Y-%m-%d %H:%M:%S} UTC "
                f"({circuit.why}); it is not tried again before it changes",
            )
        return password, fingerprint

    def _sign_in(self, url: ServerUrl, password: str, fingerprint: str) -> None:
        """Open the session of this client. It is known before it is open, so that `abort` finds it."""
        session = self._session = Session(self.access, url)
        if self._aborted:
            session.abort()
        session.open()
        if self.access.method is BindMethod.ANONYMOUS:
            return
        result = session.bind(self.access.method, self.access.dn, password)
        if result.ok:
            return
        session.close()
        if result.code in CREDENTIALS_REFUSED:
            self._remember_refusal(url, result, fingerprint)
            raise InvalidCredentials(
                f"{self.access.directory}: {url.text} refuses {self.access.dn or 'us'} ({result.name}): "
                "correct the secret; it is not tried again before it changes",
            )
        raise Unreachable(f"{url.text}: signing in: {result.name}")

    def _remember_refusal(self, url: ServerUrl, result: Result, fingerprint: str) -> None:
        if fingerprint:
            why = f"{result.name} at {url.text}"
            opened = self._clock.now()
            self._circuits.open_circuit(
                Circuit(secret=fingerprint, directory=self.access.directory, opened=opened, why=why),
            )

    # --- in common ---------------------------------------------------------------------------------------------------

    def _open(self) -> Session:
        if self._session is None:
            raise Unreachable(f"{self.access.directory}: the connection is not open")
        return self._session

    def _raise_unless_ok(self, result: Result, doing: str) -> None:
        if result.code in TRY_LATER:
            raise Unreachable(f"{self.server}: {doing}: {result.name}")
        if not result.ok:
            raise Refused(f"{self.server}: {doing}: {result.name}", result)

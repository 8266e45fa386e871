"""F12, F13: nobody but the right server, on a way that is secured, gets a byte of our credentials."""

import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from agent.directories.access import Tls
from agent.directories.errors import InvalidCredentials, NotSecured, ProtocolFault, Unreachable
from ims.errors import DirectoryUnreachable
from tests.support.agent_side import FixedSecret, MemoryCircuits, client_of
from tests.support.ber import Op, answer, entry, parsed
from tests.support.certificates import Certificate, CertificateAuthority
from tests.support.fault_proxy import Answer, Disturbance, Line, Messages, fault_proxy
from tests.support.office import Office
from tests.support.slapd import Slapd
from tests.support.slapd_config import AGENT_DN, AGENT_PASSWORD, BASE
from tests.support.wire import behind_tls

pytestmark = pytest.mark.servers
HERE = "IP:127.0.0.1"
OURS = (AGENT_PASSWORD.encode(), AGENT_DN.encode())
OK = 0


# --- F12: certificates -----------------------------------------------------------------------------------------------


def expired(authority: CertificateAuthority, folder: Path) -> Certificate:
    """Return one that ended yesterday."""
    del folder
    return authority.issue("expired", HERE, days=(-30, -1))


def not_yet_valid(authority: CertificateAuthority, folder: Path) -> Certificate:
    """Return one that begins tomorrow."""
    del folder
    return authority.issue("not-yet-valid", HERE, days=(1, 30))


def of_a_stranger(authority: CertificateAuthority, folder: Path) -> Certificate:
    """Return one of an authority of the same name, which nobody trusts."""
    del authority
    return CertificateAuthority(folder / "stranger").issue("stranger", HERE)


def signed_by_itself(authority: CertificateAuthority, folder: Path) -> Certificate:
    """Return one that vouches for itself."""
    del authority
    own = CertificateAuthority(folder / "itself", name="127.0.0.1")
    return Certificate(own.file, own.folder / "ca.key", own.file)


def for_another_name(authority: CertificateAuthority, folder: Path) -> Certificate:
    """Return one for a name and an address that are not this server's."""
    del folder
    return authority.issue("another-name", "DNS:ldap.example.test", "IP:127.0.0.2", "DNS:*.0.0.1")


def without_a_name(authority: CertificateAuthority, folder: Path) -> Certificate:
    """Return one whose address stands in the subject only, which counts no more (RFC 6125 section 6.4.4)."""
    del folder
    return authority.issue("127.0.0.1")


def for_clients_only(authority: CertificateAuthority, folder: Path) -> Certificate:
    """Return one by which people prove who they are, and no server."""
    del folder
    return authority.issue("client", HERE, usage="clientAuth")


def signed_by_a_server(authority: CertificateAuthority, folder: Path) -> Certificate:
    """Return one that another server's certificate has signed, which is no authority; the whole chain is sent."""
    server = authority.issue("server-as-authority", HERE)
    pretender = CertificateAuthority.__new__(CertificateAuthority)
    pretender.folder, pretender.file = folder / "pretender", folder / "pretender" / "ca.pem"
    pretender.folder.mkdir()
    shutil.copy(server.file, pretender.file)
    shutil.copy(server.key, pretender.folder / "ca.key")
    issued = pretender.issue("below", HERE)
    issued.file.write_text(issued.file.read_text() + server.file.read_text())
    return issued


BAD: tuple[Callable[[CertificateAuthority, Path], Certificate], ...] = (
    expired,
    not_yet_valid,
    of_a_stranger,
    signed_by_itself,
    for_another_name,
    without_a_name,
    for_clients_only,
    signed_by_a_server,
)


@pytest.mark.parametrize("made", BAD, ids=lambda made: made.__name__)
def test_f12_a_bad_certificate_gets_nothing(
    slapd: Slapd,
    authority: CertificateAuthority,
    tmp_path: Path,
    made: Callable[[CertificateAuthority, Path], Certificate],
) -> None:
    """Refused in the handshake; nothing of ours comes after it."""
    certificate = made(authority, tmp_path)
    with behind_tls(certificate) as listener:
        url = f"ldaps://127.0.0.1:{listener.port}"
        with pytest.raises(NotSecured), client_of(slapd, servers=(url,), tls=Tls.LDAPS, connect_timeout_s=2):
            pass
        assert bytes(listener.received) == b""


def test_f12_a_good_certificate_is_taken(slapd: Slapd, authority: CertificateAuthority) -> None:
    """The way in which the bad ones are made is not what is refused."""
    with behind_tls(authority.issue("good", HERE, days=(-1, 1))) as listener:
        url = f"ldaps://127.0.0.1:{listener.port}"
        with pytest.raises(Unreachable), client_of(slapd, servers=(url,), tls=Tls.LDAPS, receive_timeout_s=1):
            pass
        assert AGENT_DN.encode() in bytes(listener.received)


# --- F13: StartTLS ---------------------------------------------------------------------------------------------------


class Stripped(Disturbance):
    """Claims that TLS begins, and then reads along in plaintext."""

    def requests(self, data: bytes, line: Line) -> Iterable[bytes]:
        """Agree to StartTLS, and swallow what comes then."""
        if data[:1] == b"\x30" and (message := parsed(data)).op == Op.EXTENDED:
            line.answer(answer(message.number, Op.EXTENDED_ANSWER, OK))
        return ()


class Injected(Messages):
    """Lets StartTLS pass and adds answers of its own to the server's, in plaintext: taken for answers inside TLS."""

    def __init__(self, *forged: bytes) -> None:
        super().__init__()
        self._forged = b"".join(forged)
        self._secured = False

    def requests(self, data: bytes, line: Line) -> Iterator[bytes]:
        """Let everything pass: after StartTLS nobody can read along."""
        return iter((data,)) if self._secured else super().requests(data, line)

    def replies(self, data: bytes, line: Line) -> Iterator[bytes]:
        """Add to the answer that begins TLS."""
        del line
        if self._secured:
            return iter((data,))
        self._secured = True
        return iter((data + self._forged,))


@pytest.mark.parametrize("code", [1, 2, 10, 12, 49, 50, 51, 52, 53, 80])
def test_f13_start_tls_refused(slapd: Slapd, code: int) -> None:
    """With any code: nothing is said in the clear instead."""
    with fault_proxy(slapd.port) as proxy:
        proxy.disturb(lambda: Answer(Op.EXTENDED, code))
        _assert_refused(slapd, proxy.url)
        assert not any(ours in proxy.received for ours in OURS)


def test_f13_start_tls_stripped(slapd: Slapd) -> None:
    """Agreed to, and then no handshake comes."""
    with fault_proxy(slapd.port) as proxy:
        proxy.disturb(Stripped)
        _assert_refused(slapd, proxy.url)
        assert not any(ours in proxy.received for ours in OURS)


def test_f13_answers_injected_before_the_handshake(slapd: Slapd) -> None:
    """A success for every number that a bind could have: a wrong password stays a wrong one, or the way is refused."""
    forged = [answer(number, Op.BIND_ANSWER, OK) for number in range(1, 8)]
    with fault_proxy(slapd.port) as proxy:
        proxy.disturb(lambda: Injected(*forged))
        expected = (NotSecured, InvalidCredentials, Unreachable, ProtocolFault)
        wrong = FixedSecret("a wrong password")
        with pytest.raises(expected), client_of(slapd, servers=(proxy.url,), secret=wrong, receive_timeout_s=2):
            pass


def test_f13_entries_injected_before_the_handshake(slapd: Slapd) -> None:
    """Nor does an entry of the attacker's come out of a search."""
    forged = [
        part
        for number in range(1, 8)
        for part in (
            entry(number, BASE, {"description": [b"forged"]}),
            answer(number, Op.SEARCH_DONE, OK),
        )
    ]
    with fault_proxy(slapd.port) as proxy:
        proxy.disturb(lambda: Injected(*forged))
        try:
            with client_of(slapd, servers=(proxy.url,), receive_timeout_s=2) as client:
                found = client.search_one(BASE, ("description",))
        except DirectoryUnreachable:
            return
        assert found is not None
        assert not found.values("description")


def test_f13_a_pass_over_a_bad_way_changes_nothing(office: Office) -> None:
    """And it mends itself when the way is good again."""
    office.world.configure(tls={"mode": "starttls", "ca_file": str(office.world.slapd.ca_file)})
    office.assert_heals()
    office.happen()
    made: tuple[Callable[[], Disturbance], ...] = (lambda: Answer(Op.EXTENDED, 2), Stripped)
    for each in made:
        assert len(office.endure(each)) == 2
    office.assert_heals()


def _assert_refused(slapd: Slapd, url: str) -> None:
    circuits = MemoryCircuits()
    with (
        pytest.raises((NotSecured, Unreachable)),
        client_of(slapd, circuits, servers=(url,), connect_timeout_s=1, receive_timeout_s=1),
    ):
        pass
    assert circuits.opened == {}

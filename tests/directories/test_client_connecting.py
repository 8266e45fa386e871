"""How a client comes in: over verified TLS only, server after server, with one try per secret."""

import gc
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.directories.access import BindMethod, Tls, server_url
from agent.directories.errors import InvalidCredentials, NotSecured, Unreachable
from agent.directories.session import Session
from ims.errors import InvalidInput
from tests.support.agent_side import FixedSecret, MemoryCircuits, access_to, client_of
from tests.support.certificates import CertificateAuthority
from tests.support.slapd import Slapd
from tests.support.slapd_config import AGENT_DN, AGENT_PASSWORD, BASE
from tests.support.wire import behind_tls, proxy, silent

pytestmark = pytest.mark.servers
CLOSED = "ldap://127.0.0.1:1"


@pytest.mark.parametrize("address", ["url", "tls_url"])
def test_tls_is_used_and_verified(slapd: Slapd, address: str) -> None:
    """StartTLS and ldaps both end in a socket of TLS 1.2 at least."""
    with client_of(slapd, servers=(getattr(slapd, address),)) as client:
        raw = client._open()._connection.socket.tls
        assert isinstance(raw, ssl.SSLSocket)
        assert raw.context.verify_mode is ssl.CERT_REQUIRED
        assert raw.context.check_hostname
        assert raw.context.minimum_version is ssl.TLSVersion.TLSv1_2
        assert client.search_one(BASE) is not None


def test_a_unix_socket_needs_neither_tls_nor_a_secret(slapd: Slapd) -> None:
    """Over ldapi the operating system says who we are (SASL EXTERNAL)."""
    with client_of(slapd, servers=(slapd.ipc_url,), method=BindMethod.EXTERNAL, secret=None) as client:
        assert client.search_one(AGENT_DN, ("cn",)) is not None


def test_plaintext_works_on_loopback_only(slapd: Slapd) -> None:
    """Off this machine it must have been written out."""
    with client_of(slapd, tls=Tls.PLAINTEXT) as client:
        assert client.search_one(BASE) is not None
    elsewhere = access_to(slapd, tls=Tls.PLAINTEXT)
    with pytest.raises(NotSecured, match="plaintext is refused off this machine"):
        Session(elsewhere, server_url("ldap://directory.example.test")).open()


def test_an_address_without_tls_contradicts_ldaps(slapd: Slapd) -> None:
    """`tls = "ldaps"` never falls back to an ldap:// address."""
    with pytest.raises(NotSecured, match="the settings ask for ldaps"), client_of(slapd, tls=Tls.LDAPS):
        pass


@pytest.mark.parametrize("names", [("DNS:elsewhere.example.test",), ("IP:127.0.0.2",)])
def test_a_wrong_name_sends_no_credential(
    slapd: Slapd, authority: CertificateAuthority, names: tuple[str, ...]
) -> None:
    """A certificate of the right authority for another host is refused in the handshake."""
    certificate = authority.issue("wrong-name", *names)
    with behind_tls(certificate) as listener:
        url = f"ldaps://127.0.0.1:{listener.port}"
        with pytest.raises(NotSecured, match="certificate"), client_of(slapd, servers=(url,)):
            pass
        assert listener.connections == 1
    assert bytes(listener.received) == b""


def test_a_stranger_s_certificate_sends_no_credential(slapd: Slapd, tmp_path: Path) -> None:
    """The right name of a wrong authority is refused in the handshake."""
    certificate = CertificateAuthority(tmp_path, "Somebody else").issue("right-name", "IP:127.0.0.1")
    with behind_tls(certificate) as listener:
        url = f"ldaps://127.0.0.1:{listener.port}"
        with pytest.raises(NotSecured, match="certificate"), client_of(slapd, servers=(url,)):
            pass
        assert listener.connections == 1
    assert bytes(listener.received) == b""


def test_start_tls_with_a_stranger_sends_no_credential(slapd: Slapd, tmp_path: Path) -> None:
    """What goes over the wire before the handshake fails holds neither the password nor the DN."""
    stranger = CertificateAuthority(tmp_path, "Somebody else")
    with proxy(slapd.port) as listener, pytest.raises(NotSecured, match="certificate"):
        client_of(slapd, servers=(listener.url,), ca_file=stranger.file).__enter__()
    assert listener.received
    assert AGENT_PASSWORD.encode() not in listener.received
    assert AGENT_DN.encode() not in listener.received


def test_start_tls_refused_sends_no_credential(start_slapd: Callable[..., Slapd]) -> None:
    """A server without TLS is not spoken to in the clear."""
    bare = start_slapd(tls=False)
    with proxy(bare.port) as listener, pytest.raises(NotSecured, match="StartTLS"):
        client_of(bare, servers=(listener.url,)).__enter__()
    assert listener.received
    assert AGENT_PASSWORD.encode() not in listener.received
    assert AGENT_DN.encode() not in listener.received


def test_a_missing_ca_file_is_said(slapd: Slapd, tmp_path: Path) -> None:
    """Nothing is trusted instead."""
    missing = tmp_path / "missing.pem"
    with pytest.raises(NotSecured, match=r"missing\.pem cannot be used"), client_of(slapd, ca_file=missing):
        pass


def test_servers_are_tried_in_their_order(slapd: Slapd) -> None:
    """A closed port and a wrong certificate are passed over; the first that works is used."""
    with client_of(slapd, servers=(CLOSED, slapd.tls_url, slapd.url)) as client:
        assert client.server == slapd.tls_url


def test_no_server_at_all_names_each(slapd: Slapd) -> None:
    """Nobody has to guess which server did what."""
    with pytest.raises(Unreachable) as caught:
        client_of(slapd, servers=(CLOSED, "ldap://localhost:2")).__enter__()
    assert "127.0.0.1:1: connecting: socket connection error" in str(caught.value)
    assert "localhost:2: connecting" in str(caught.value)


def test_not_secured_is_told_from_not_reached(slapd: Slapd, tmp_path: Path) -> None:
    """Another authority or another network is to be mended: whoever reads it wants to know which."""
    stranger = CertificateAuthority(tmp_path, "Somebody else").file
    with pytest.raises(NotSecured):
        client_of(slapd, servers=(slapd.url, slapd.tls_url), ca_file=stranger).__enter__()
    with pytest.raises(Unreachable):
        client_of(slapd, servers=(slapd.url, CLOSED), ca_file=stranger).__enter__()
    with silent() as listener, pytest.raises(Unreachable, match="StartTLS"):
        client_of(slapd, servers=(listener.url,), connect_timeout_s=1, receive_timeout_s=1).__enter__()


def test_no_socket_is_left_open(slapd: Slapd, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where a name has several addresses and all refuse: an open one is a warning, which is an error here."""
    addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port)) for port in (1, 2, 3)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: addresses)
    with pytest.raises(Unreachable):
        client_of(slapd, servers=("ldap://directory.example.test",)).__enter__()
    gc.collect()


def test_wrong_credentials_are_tried_once(slapd: Slapd) -> None:
    """Neither the next server nor the next client tries a refused secret again; a changed one is tried."""
    circuits, secret = MemoryCircuits(), FixedSecret("stale")
    with proxy(slapd.port) as listener:
        servers = {"servers": (listener.url, slapd.url), "secret": secret, "tls": Tls.PLAINTEXT}
        for _ in range(3):
            with pytest.raises(InvalidCredentials), client_of(slapd, circuits, **servers):
                pass
        assert listener.received.count(b"stale") == 1
        assert listener.connections == 1
        secret.text = AGENT_PASSWORD
        with client_of(slapd, circuits, **servers) as client:
            assert client.server == listener.url


def test_a_refusal_is_remembered_without_the_secret(slapd: Slapd) -> None:
    """What the store keeps names directory, server and result."""
    circuits = MemoryCircuits()
    with pytest.raises(InvalidCredentials, match="invalidCredentials"):
        client_of(slapd, circuits, secret=FixedSecret("stale")).__enter__()
    (circuit,) = circuits.opened.values()
    assert circuit.directory == "corp"
    assert circuit.why == f"invalidCredentials at {slapd.url}"
    assert AGENT_DN in circuit.secret


def test_an_empty_password_is_never_sent(slapd: Slapd) -> None:
    """An unauthenticated bind would succeed on some servers."""
    with silent() as listener:
        session = Session(access_to(slapd, tls=Tls.PLAINTEXT), server_url(listener.url))
        session.open()
        for dn, password in ((AGENT_DN, ""), ("", "password"), ("", "")):
            with pytest.raises(InvalidInput, match="empty"):
                session.bind(BindMethod.SIMPLE, dn, password)
        session.close()
    assert len(listener.received) < 10, "nothing but an unbind request"


def test_our_credentials_go_to_configured_servers_only(slapd: Slapd) -> None:
    """A server that an entry or a referral names is none of ours."""
    with client_of(slapd) as client:
        assert client.connect_to(slapd.url) is not client
        with pytest.raises(InvalidInput, match="is no server of corp"):
            client.connect_to("ldap://elsewhere.example.test")


def test_each_configured_server_can_be_asked(slapd: Slapd) -> None:
    """`connect_to` asks that server and no other."""
    with client_of(slapd, servers=(slapd.url, slapd.tls_url, CLOSED)) as client:
        with client.connect_to(slapd.tls_url) as other:
            assert other.server == slapd.tls_url
        with pytest.raises(Unreachable), client.connect_to(CLOSED):
            pass


def test_an_unreadable_secret_is_said(slapd: Slapd) -> None:
    """The directory is not asked, and the text is the provider's."""

    class Gone(FixedSecret):
        def read(self) -> str:
            raise OSError("the file /run/secret is gone")

    with pytest.raises(InvalidCredentials, match="the file /run/secret is gone"):
        client_of(slapd, secret=Gone()).__enter__()

"""Server addresses, and what of the way in may be printed."""

import pytest

from agent.directories.access import Access, server_url
from agent.directories.results import Result
from agent.directories.searches import Ended, Page, completeness_after
from ims.errors import InvalidInput
from ims.people import DirectoryName
from tests.support.agent_side import FixedSecret


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port", "local"),
    [
        ("ldap://ldap.example.test", "ldap", "ldap.example.test", 389, False),
        ("LDAPS://Ldap.Example.Test:1636/", "ldaps", "ldap.example.test", 1636, False),
        ("ldap://127.0.0.1:3389", "ldap", "127.0.0.1", 3389, True),
        ("ldap://127.8.9.1", "ldap", "127.8.9.1", 389, True),
        ("ldaps://[::1]:636", "ldaps", "::1", 636, True),
        ("ldap://[2001:db8::1]", "ldap", "2001:db8::1", 389, False),
        ("ldap://localhost.", "ldap", "localhost.", 389, True),
        ("ldap://localhost.example.test", "ldap", "localhost.example.test", 389, False),
        ("ldapi:///run/slapd/ldapi", "ldapi", "/run/slapd/ldapi", 0, True),
        ("ldapi://%2Frun%2Fslapd%2Fldapi", "ldapi", "/run/slapd/ldapi", 0, True),
    ],
)
def test_addresses(text: str, scheme: str, host: str, port: int, local: bool) -> None:  # noqa: FBT001 - a parameter
    """Ports by scheme, IPv6, sockets in both spellings, and what stays on this machine."""
    url = server_url(text)
    assert (url.text, url.scheme, url.host, url.port, url.local) == (text, scheme, host, port, local)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ldap.example.test",
        "http://x",
        "ldap://",
        "ldap://x:port",
        "ldap://x:99999",
        "ldap://[::1",
        "ldap://u@x",
        "ldap://x/dc=y",
    ],
)
def test_no_address(text: str) -> None:
    """Said with the text and what would be right."""
    with pytest.raises(InvalidInput, match="is no server address"):
        server_url(text)


def test_a_secret_is_not_printed() -> None:
    """Not with the access that holds it."""
    access = Access(directory=DirectoryName("corp"), servers=("ldap://x",), secret=FixedSecret("very secret"))
    assert "very secret" not in repr(access)


@pytest.mark.parametrize(
    ("code", "cookie", "ended"),
    [
        (0, b"", Ended.COMPLETE),
        (0, b"more", Ended.UNFINISHED),
        (0, None, Ended.UNFINISHED),
        (4, b"", Ended.LIMITED),
        (3, b"", Ended.LIMITED),
        (11, None, Ended.LIMITED),
        (32, b"", Ended.REFUSED),
        (50, None, Ended.REFUSED),
        (10, b"", Ended.REFUSED),
    ],
)
def test_only_success_and_an_empty_cookie_are_complete(code: int, cookie: bytes | None, ended: Ended) -> None:
    """Everything else says what is missing."""
    completeness = completeness_after(Page(entries=(), result=Result(code, "nameOfIt"), cookie=cookie), 7)
    assert (completeness.ended, completeness.entries) == (ended, 7)
    assert completeness.complete is (ended is Ended.COMPLETE)
    assert bool(completeness.why) is (ended is not Ended.COMPLETE)

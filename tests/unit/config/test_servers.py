"""Server URLs: each right form is taken apart, each usual slip is refused with what would be right."""

import pytest
from pydantic_core import PydanticCustomError

from config.servers import Scheme, Server, parse_server


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "socket", "loopback"),
    [
        ("ldaps://ldap.example.com", Scheme.LDAPS, "ldap.example.com", 636, "", False),
        ("ldap://ldap.example.com/", Scheme.LDAP, "ldap.example.com", 389, "", False),
        ("LDAP://10.0.0.1:3389", Scheme.LDAP, "10.0.0.1", 3389, "", False),
        ("ldap://[::1]:1389", Scheme.LDAP, "::1", 1389, "", True),
        ("ldap://localhost:1389", Scheme.LDAP, "localhost", 1389, "", True),
        ("ldaps://127.0.0.77", Scheme.LDAPS, "127.0.0.77", 636, "", True),
        ("ldapi://%2Frun%2Fslapd%2Fldapi", Scheme.LDAPI, "", 0, "/run/slapd/ldapi", True),
        ("ldapi://%2frun%2Fslapd%2Fldapi/", Scheme.LDAPI, "", 0, "/run/slapd/ldapi", True),
    ],
)
def test_urls_are_taken_apart(url: str, scheme: Scheme, host: str, port: int, socket: str, *, loopback: bool) -> None:
    server = parse_server(url)
    assert server == Server(url=url.rstrip("/"), scheme=scheme, host=host, port=port, socket=socket)
    assert server.loopback is loopback
    assert str(server) == url.rstrip("/")
    assert parse_server(server) is server


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ldap.example.com", "with its scheme"),
        ("ldap.example.com:636", "with its scheme"),
        ("https://ldap.example.com", 'begins with "https://"'),
        ("ldap//ldap.example.com", "with its scheme"),
        ("ldaps://", "must name one host"),
        ("ldaps://a.example, ldaps://b.example", "must name one host"),
        ("ldaps://a.example b.example", "must name one host"),
        ("ldaps://ldap.example.com/dc=example,dc=com", "the base is a key of its own"),
        ("ldaps://ldap.example.com?x", "the base is a key of its own"),
        ("ldaps://ldap.example.com:port", "is no URL"),
        ("ldaps://ldap.example.com:70000", "is no URL"),
        ("ldaps://ldap.example.com:0", "from 1 to 65535"),
        ("ldaps://[::1", "is no URL"),
        ("ldap://ldap.example.com:636", "write ldaps://"),
        ("ldaps://ldap.example.com:389", "write ldap://"),
        ("ldapi:///run/slapd/ldapi", "each / written as %2F"),
        ("ldapi://", "each / written as %2F"),
        ("ldapi://run%2Fldapi", "each / written as %2F"),
        (636, "must be a URL"),
        (None, "must be a URL"),
    ],
)
def test_slips_are_refused_with_what_would_be_right(url: object, reason: str) -> None:
    with pytest.raises(PydanticCustomError) as refused:
        parse_server(url)
    assert reason in str(refused.value)


@pytest.mark.parametrize("url", ["ldap://cn=admin:hunter2@ldap.example.com", "ldaps://hunter2@h"])
def test_a_password_in_a_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(PydanticCustomError) as refused:
        parse_server(url)
    assert "[bind]" in str(refused.value)
    assert "hunter2" not in str(refused.value)

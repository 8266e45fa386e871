"""Distinguished names: one entry is one name, however it is written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.directories.errors import MalformedName
from agent.directories.names import Name, parse, same, within


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=lena,ou=people,dc=test", "UID=Lena, OU=People , DC=TEST"),
        ("cn=Lena Hofer,dc=test", "cn=  Lena   Hofer  ,dc=test"),
        ("cn=Hofer\\, Lena,dc=test", "cn=Hofer\\2c Lena,dc=test"),
        ("cn=Hofer\\, Lena,dc=test", "cn=hofer\\2C\\20lena,dc=test"),
        ("cn=a+uid=b,dc=test", "UID=B + CN=A,dc=test"),
        ("cn=Zo\\c3\\ab,dc=test", "cn=zoë,dc=test"),
        ("cn=STRASSE,dc=test", "cn=straße,dc=test"),
        ("cn=ﬁn,dc=test", "cn=FIN,dc=test"),
        ("cn=Zoe\u0308,dc=test", "cn=Zoë,dc=test"),
        ("2.5.4.3=a,dc=test", "commonName=A,domainComponent=test"),
        ("oid.0.9.2342.19200300.100.1.1=a", "userid=A"),
        ("cn=\\ a\\ ,dc=test", "cn=\\20a\\20,dc=test"),
        ("cn=#0401FF,dc=test", "cn=#0401ff,dc=test"),
        ("cn=a=b,dc=test", "cn=a\\=b,dc=test"),
        ("", "  "),
    ],
)
def test_the_same(one: str, other: str) -> None:
    """Case, spaces, escapes, order within a multi-valued name, spelling of types, Unicode forms."""
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("uid=lena,dc=test", "cn=lena,dc=test"),
        ("uid=lena,dc=test", "uid=lena2,dc=test"),
        ("cn=a\\,dc=test", "cn=a,dc=test"),
        ("cn=a,dc=test", "cn=a,cn=a,dc=test"),
        ("cn=ab,dc=test", "cn=a b,dc=test"),
        ("cn=\u0430,dc=test", "cn=a,dc=test"),
        ("cn=a+uid=b,dc=test", "cn=a,uid=b,dc=test"),
    ],
)
def test_not_the_same(one: str, other: str) -> None:
    """Another type, another value, an escaped comma, look-alikes of another script."""
    assert not same(one, other)


def test_within() -> None:
    """A base holds itself and what is below; a name that only ends alike is elsewhere."""
    assert within("uid=lena,OU=people,dc=test", "ou=People,dc=test")
    assert within("ou=people,dc=test", "ou=people,dc=test")
    assert within("ou=people,dc=test", "")
    assert not within("dc=test", "ou=people,dc=test")
    assert not within("uid=lena,ou=notpeople,dc=test", "ou=people,dc=test")
    assert not within("uid=x\\,ou=people,dc=test", "ou=people,dc=test")
    assert parse("uid=a,ou=b").parent == parse("OU=B")
    assert parse("").parent == Name(())


@pytest.mark.parametrize(
    "dn",
    [
        "lena",
        "uid",
        "=lena",
        "uid=a,",
        ",uid=a",
        "uid=a,,dc=test",
        "uid=a+",
        "u d=a",
        "1=a",
        "uid=a\\",
        "uid=a\\x",
        "uid=a\\2",
        "uid=\\ff\\fe",
        "-uid=a",
        "uid=a;dc=test,x",
    ],
)
def test_malformed(dn: str) -> None:
    """The error names the text."""
    with pytest.raises(MalformedName, match="is no DN"):
        parse(dn)


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4))
def test_any_value_survives_hexadecimal_escapes(values: list[str]) -> None:
    """A value written in escapes throughout is the value itself, whatever signs it holds."""
    plain = ["".join(f"\\{octet:02x}" for octet in value.encode("utf-8", "replace")) for value in values]
    dn = ",".join(f"cn={value}" for value in plain)
    assert len(parse(dn).rdns) == len(values)
    assert same(dn, dn.upper().replace("\\C", "\\c"))


@given(st.text(max_size=60))
def test_no_text_does_anything_else(text: str) -> None:
    """A name or the one error."""
    try:
        name = parse(text)
    except MalformedName:
        return
    assert name.within(Name(()))

"""DNs and filters: right ones pass, wrong ones are refused with a reason, and one DN in two spellings is one DN."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.names import dn_key, is_at_or_below, why_no_dn, why_no_filter


@pytest.mark.parametrize(
    "text",
    [
        "dc=example,dc=com",
        "uid=a b,ou=x\\, y,o=z",
        "cn=Smith\\, John+uid=js,dc=x",
        "2.5.4.3=x",
        "cn=\\C3\\A4,dc=x",
        "cn = spaced , dc = x",
        "cn=a=b,dc=x",
        "cn=\\ lead,dc=x",
    ],
)
def test_dns_are_accepted(text: str) -> None:
    assert why_no_dn(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("example.com", "lacks name=value"),
        ("cn=Smith, John,dc=x", "comma inside a value"),
        ("cn=,dc=x", "has no value"),
        ("=x,dc=y", "no attribute name"),
        ("cn=a,,dc=x", "lacks name=value"),
        ("cn=a,dc=x,", "lacks name=value"),
        ("c n=a", "no attribute name"),
        ("cn=a\\z,dc=x", "escapes nothing"),
        ('cn="Smith",dc=x', "quotation marks"),
    ],
)
def test_what_is_no_dn_is_refused_with_the_reason(text: str, reason: str) -> None:
    assert reason in (why_no_dn(text) or "")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("DC=Example,dc=COM", "dc=example, dc=com"),
        ("cn=Smith\\, J,dc=x", "cn=smith\\2c j,dc=x"),
        ("cn=\\C3\\84,dc=x", "cn=ä,dc=x"),
        ("cn=a+uid=b,dc=x", "uid=b+cn=a,dc=x"),
        ("cn=a  b,dc=x", "cn=a b,dc=x"),
    ],
)
def test_two_spellings_of_one_dn_are_the_same(one: str, other: str) -> None:
    assert dn_key(one) == dn_key(other)


def test_different_dns_are_different() -> None:
    assert dn_key("cn=a,dc=x") != dn_key("cn=b,dc=x")
    assert dn_key("cn=a\\,dc=x") != dn_key("cn=a,dc=x")


@pytest.mark.parametrize(
    ("dn", "base", "below"),
    [
        ("uid=a,dc=x", "dc=x", True),
        ("DC=X", "dc=x", True),
        ("dc=x", "uid=a,dc=x", False),
        ("uid=a,dc=xx", "dc=x", False),
        ("uid=a\\,dc=x", "dc=x", False),
    ],
)
def test_below_is_by_parts_and_not_by_letters(dn: str, base: str, *, below: bool) -> None:
    assert is_at_or_below(dn, base) is below


@pytest.mark.parametrize(
    "text",
    [
        "(objectClass=*)",
        "(&(objectClass=person)(!(uid=svc-*)))",
        "(|(a=1)(b=2)(c=\\28x\\29))",
        "(uid>=a)",
        "(memberOf:1.2.840.113556.1.4.1941:=cn=x,dc=y)",
        "(cn;lang-de=x)",
        "(cn=)",
    ],
)
def test_filters_are_accepted(text: str) -> None:
    assert why_no_filter(text) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("uid=*", "in parentheses"),
        ("", "in parentheses"),
        ("(uid=*", "1 opening and 0 closing"),
        ("(uid=*))", "1 opening and 2 closing"),
        ("(uid)", "does not begin with (attribute=value)"),
        ("()", "does not begin with (attribute=value)"),
        ("(&)", "takes filters"),
        ("(!(a=1)(b=2))", "takes one filter"),
        ("(&(a=1)b=2)", "must close before"),
        ("(a=1)(b=2)", "may follow its end"),
        ("(u id=1)", "does not begin with (attribute=value)"),
        ("(a=(b=1))", "does not begin with (attribute=value)"),
        ("(!" * 5000 + "(a=1)" + ")" * 5000, "more than 200"),
    ],
)
def test_what_is_no_filter_is_refused_with_the_reason(text: str, reason: str) -> None:
    assert reason in (why_no_filter(text) or "")


@given(st.text(alphabet='()&|!=*\\ab,+"c =<>:', max_size=40))
def test_any_text_is_judged_without_an_error(text: str) -> None:
    for judge in (why_no_dn, why_no_filter):
        assert judge(text) is None or judge(text)


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), min_size=1), min_size=1))
def test_escaped_values_of_any_kind_make_a_dn_that_is_below_its_base(values: list[str]) -> None:
    """Escaping every octet is always right (RFC 4514 section 2.4)."""
    rdns = ["cn=" + "".join(f"\\{octet:02X}" for octet in value.encode()) for value in values]
    assert why_no_dn(",".join(rdns)) is None
    assert is_at_or_below(",".join(rdns), rdns[-1])

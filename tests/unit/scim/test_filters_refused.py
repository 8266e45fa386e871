"""Filters that are not answered: each with a clear 400, and before anything expensive happens."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ims.query import EVERYTHING, NOTHING, Attribute, Compare, Operator
from scim.errors import BadRequest, ScimType, Sensitive
from scim.filters import CHARACTERS_MAX, CLAUSES_MAX, NESTING_MAX, compiled
from scim.schemas import USERS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "()",
        "userName",
        "userName eq",
        'eq "x"',
        'userName regex "x"',
        'userName eq "x" )',
        '(userName eq "x"',
        'userName eq "x',
        "userName eq 'x'",
        "userName eq x",
        "userName eq 10",
        "userName eq true",
        "userName = 1",
        'userName eq "x";',
        'userName eq "x" and',
        'and userName eq "x"',
        'not userName eq "x"',
        'usernam eq "x"',
        'nobody eq "x"',
        'userName eq "x" or nobody eq "x"',
        'not (nobody eq "x")',
        'name eq "x"',
        'meta eq "x"',
        'emails.nothing eq "x"',
        'emails[nothing eq "x"]',
        'emails[urn:x:y:value eq "x"]',
        'emails[value.x eq "x"]',
        'emails[type eq "x"',
        'emails[emails[type eq "x"]]',
        'emails[type eq "x"][type eq "y"]',
        'emails[type eq "x"] eq "y"',
        'emails[type eq "x"] pr',
        'emails.value[type eq "x"]',
        'userName[value eq "x"]',
        "active gt true",
        "active co true",
        'active eq "yes"',
        "active eq 1",
        "locked le false",
        'meta.created eq "yesterday"',
        'meta.created eq "2026-01-31"',
        'meta.created eq "2026-01-31T12:00:00"',
        'meta.created eq "2026-02-31T12:00:00Z"',
        'meta.created eq "0001-01-01T00:00:00+10:00"',
        'meta.created sw "2026"',
        "meta.created gt 5",
        "userName gt null",
        "emails co null",
        "lastUnlock pr",
        'locks.display eq "x"',
        "meta.location pr",
        'meta.version eq "x"',
        'affiliation.value eq "acme"',
        'userName eq "\\ud800"',
        'userName eq "\\u0000"',
        'userName eq "line\nbreak"',
        'userName eq "\\x"',
        'ümlaut eq "x"',
        "\0",
        'http://x/a:userName eq "x"',
        'urn:unheard:of:userName eq "x"',
        "title pr title pr",
    ],
)
def test_what_is_no_filter_is_invalid(text: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        compiled(text, USERS, evidence=True)
    assert refusal.value.scim_type is ScimType.INVALID_FILTER


@pytest.mark.parametrize(
    "text", ['password eq "x"', 'PassWord sw "x"', "not (password pr)", 'userName pr and password eq "x"']
)
def test_a_password_in_a_url_is_sensitive(text: str) -> None:
    with pytest.raises(Sensitive) as refusal:
        compiled(text, USERS, evidence=True)
    assert '"x"' not in str(refusal.value)


def test_the_place_of_a_mistake_is_told() -> None:
    with pytest.raises(BadRequest, match="position 10 on"):
        compiled('userName ? "x"', USERS, evidence=False)
    with pytest.raises(BadRequest, match="position 17 on"):
        compiled('userName eq "x" "y"', USERS, evidence=False)
    with pytest.raises(BadRequest, match="ends too early"):
        compiled("userName eq ", USERS, evidence=False)


@pytest.mark.parametrize("name", ["locks.evidence", "directories.dn", 'directories[dn eq "x"]', "locks[evidence pr]"])
def test_evidence_is_unknown_to_a_connection(name: str) -> None:
    text = name if name.endswith("]") else f'{name} eq "x"'
    with pytest.raises(BadRequest) as refusal:
        compiled(text, USERS, evidence=False)
    assert refusal.value.scim_type is ScimType.INVALID_FILTER


def test_as_much_as_allowed_is_allowed() -> None:
    compiled(" or ".join(["title pr"] * CLAUSES_MAX), USERS, evidence=False)
    compiled("(" * NESTING_MAX + "title pr" + ")" * NESTING_MAX, USERS, evidence=False)
    text = 'title eq "' + "x" * (CHARACTERS_MAX - len('title eq ""')) + '"'
    assert isinstance(compiled(text, USERS, evidence=False), Compare)


@pytest.mark.parametrize(
    "text",
    [
        " and ".join(["title pr"] * (CLAUSES_MAX + 1)),
        "(" * (NESTING_MAX + 1) + "title pr" + ")" * (NESTING_MAX + 1),
        "not (" * (NESTING_MAX + 1) + "title pr" + ")" * (NESTING_MAX + 1),
        "x" * (CHARACTERS_MAX + 1),
        "(" * 1_000_000,
        "title pr or " * 100_000,
        '"' * 1_000_000,
    ],
)
def test_more_than_allowed_is_refused_at_once(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(BadRequest):
        compiled(text, USERS, evidence=False)
    assert time.perf_counter() - began < 1


def test_values_keep_their_types() -> None:
    """The library's own syntax tree does not tell them apart."""
    assert compiled('userName eq "true"', USERS, evidence=False) == Compare(Attribute.USER_NAME, Operator.EQ, "true")
    assert compiled("active eq TRUE", USERS, evidence=False) == Compare(Attribute.ACTIVE, Operator.EQ, value=True)
    assert compiled('active eq "False"', USERS, evidence=False) == Compare(Attribute.ACTIVE, Operator.EQ, value=False)
    assert compiled('userName eq "null"', USERS, evidence=False) == Compare(Attribute.USER_NAME, Operator.EQ, "null")
    assert compiled(r'userName eq "a\"\u0041\\"', USERS, evidence=False) == Compare(
        Attribute.USER_NAME, Operator.EQ, 'a"A\\'
    )


def test_what_every_user_has_is_decided_at_once() -> None:
    assert compiled('meta.resourceType eq "user"', USERS, evidence=False) == EVERYTHING
    assert compiled('meta.resourceType eq "Group"', USERS, evidence=False) == NOTHING
    assert compiled("active pr", USERS, evidence=False) == EVERYTHING


def test_a_compiled_filter_is_remembered() -> None:
    text = 'userName eq "remembered"'
    assert compiled(text, USERS, evidence=False) is compiled(text, USERS, evidence=False)


def test_a_lexer_serves_one_filter_only() -> None:
    """One shared by threads has mixed up two filters; here each call has its own, so results never mix."""
    texts = [f'userName eq "u{number}" and title pr or nickName co "{number}"' for number in range(400)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda text: compiled(text, USERS, evidence=True), texts))
    assert results == [compiled.__wrapped__(text, USERS, evidence=True) for text in texts]

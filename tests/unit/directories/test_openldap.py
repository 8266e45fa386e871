"""OpenLDAP's ids, filters, writes and answers, as far as they need no server."""

from datetime import UTC, datetime, timedelta

import pytest

from agent.directories.access import ReadingRules
from agent.directories.controls import PASSWORD_POLICY
from agent.directories.dialect import AttributeValue, Dialect, GroupMembership, NotWritable, SignIn
from agent.directories.entry import entry_of
from agent.directories.errors import BadEntry, ProtocolFault
from agent.directories.openldap import OVERLAP, OpenLdap
from agent.directories.reader import user_with_id, users
from agent.directories.results import Result
from agent.directories.watermarks import Watermark, decode
from ims.errors import InvalidInput
from ims.locks import LockFact, LockReason
from ims.people import DirectoryName, EntryId
from ims.ports import Outcome

DIALECT: Dialect = OpenLdap(DirectoryName("corp"))
ID = "2c1f0e7e-7bc5-1041-9d44-255e5bee222d"
CSN = "20261123200654.028677Z#000000#000#000000"
MARKER = ("pwdAccountLockedTime", "20261123200654Z")
FAILURE = ("pwdFailureTime", "20261123200654.028670Z")
RULES = ReadingRules(base="ou=people,dc=test", filter="(objectClass=person)", attributes=("mail", "ENTRYUUID"))


def fact(*evidence: tuple[str, str], reason: LockReason = LockReason.PASSWORD_ATTEMPTS) -> LockFact:
    """Return a lock with this evidence."""
    return LockFact(reason=reason, source="corp", evidence=evidence)


def test_an_entry_id_has_one_form() -> None:
    """However the server writes it."""
    assert DIALECT.entry_id(entry_of("uid=x", {"entryUUID": [ID.upper().encode()]})) == ID
    assert DIALECT.entry_filter(EntryId(ID)) == f"(entryUUID={ID})"


@pytest.mark.parametrize("values", [[], [b""], [b"x"], [b"1", b"2"], [b"\xff"]])
def test_an_entry_without_an_id_is_bad(values: list[bytes]) -> None:
    """Nothing else can take its place."""
    with pytest.raises(BadEntry, match="entryUUID"):
        DIALECT.entry_id(entry_of("uid=x", {"entryUUID": values}))


@pytest.mark.parametrize("text", ["", "*", f"{ID})(uid=*", "uid=x"])
def test_no_other_text_becomes_a_filter(text: str) -> None:
    """A lookup by id has one shape."""
    with pytest.raises(InvalidInput):
        DIALECT.entry_filter(EntryId(text))


def test_searches_ask_for_each_attribute_once() -> None:
    """The dialect's own and the mapping's, whatever their case."""
    search = users(DIALECT, RULES, "(a=b)")
    assert search.filter == "(&(objectClass=person)(a=b))"
    assert len({name.lower() for name in search.attributes}) == len(search.attributes)
    assert "mail" in search.attributes
    assert users(DIALECT, RULES).filter == RULES.filter
    by_id = user_with_id(DIALECT, RULES, EntryId(ID))
    assert (by_id.base, by_id.filter) == (RULES.base, f"(entryUUID={ID})")


def test_an_unlock_is_one_conditional_deletion() -> None:
    """Of the value that was seen, while the entry is as it was and nobody failed since: shown as it is sent."""
    write = DIALECT.unlock_modify("uid=x", CSN, [fact(MARKER, FAILURE)])
    assert write.lines() == (
        "modify uid=x",
        f"only if (&(entryCSN={CSN})(!(pwdFailureTime>=20261123200654.028671Z)))",
        "delete pwdAccountLockedTime: 20261123200654Z",
    )
    assert DIALECT.unlock_modify("uid=x", CSN, [fact(MARKER)]).assertion == f"(entryCSN={CSN})"
    assert DIALECT.unlock_modify("uid=x", "", [fact(MARKER)]).assertion == ""


def test_several_facts_are_one_write() -> None:
    """What can be removed is; the directory's own reasons stay and are seen by the reading after."""
    write = DIALECT.unlock_modify("uid=x", CSN, [fact(("pwdEndTime", "20200101000000Z")), fact(MARKER)])
    assert [change.values for change in write.changes] == [(b"20261123200654Z",)]


@pytest.mark.parametrize("evidence", [("pwdEndTime", "20200101000000Z"), ("pwdLastSuccess", "20200101000000Z")])
def test_what_only_administrators_can_end(evidence: tuple[str, str]) -> None:
    """There is no write for it."""
    with pytest.raises(NotWritable, match="administrators"):
        DIALECT.unlock_modify("uid=x", CSN, [fact(evidence, reason=LockReason.EXPIRED)])
    with pytest.raises(NotWritable):
        DIALECT.unlock_modify("uid=x", CSN, [])


def test_a_rewrite_and_affiliations() -> None:
    """A replacement by nothing on the provider; additions only."""
    assert DIALECT.rewrite_modify("uid=x", CSN).lines() == (
        "modify uid=x",
        f"only if (entryCSN={CSN})",
        "replace pwdAccountLockedTime",
    )
    member = DIALECT.affiliate_modify("uid=zoë", GroupMembership(group_dn="cn=staff"))
    assert member.lines() == ("modify cn=staff", "add member: uid=zoë")
    value = DIALECT.affiliate_modify("uid=x", AttributeValue(attribute="o", value="Acme"))
    assert value.lines() == ("modify uid=x", "add o: Acme")


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (0, Outcome.DONE),
        (16, Outcome.ALREADY),
        (20, Outcome.ALREADY),
        (122, Outcome.CHANGED),
        (32, Outcome.CHANGED),
        (10, Outcome.REFUSED),
        (19, Outcome.REFUSED),
        (50, Outcome.REFUSED),
        (53, Outcome.REFUSED),
        (65, Outcome.REFUSED),
    ],
)
def test_what_answers_mean(code: int, outcome: Outcome) -> None:
    """Only success is success."""
    assert DIALECT.outcome(Result(code, "name")) is outcome
    assert DIALECT.is_copy(Result(code, "name")) is (code in {10, 53})


@pytest.mark.parametrize(
    ("code", "said", "outcome"),
    [
        (0, "", SignIn.WELCOME),
        (0, "3003810102", SignIn.MUST_CHANGE),
        (0, "3003810101", SignIn.WELCOME),
        (49, "", SignIn.WRONG),
        (49, "3003810100", SignIn.PASSWORD_EXPIRED),
        (49, "3003810101", SignIn.LOCKED),
        (49, "3003810108", SignIn.WRONG),
        (53, "", SignIn.UNDECIDED),
        (51, "", SignIn.UNDECIDED),
    ],
)
def test_what_a_sign_in_means(code: int, said: str, outcome: SignIn) -> None:
    """Result code first, control second."""
    controls = {PASSWORD_POLICY: bytes.fromhex(said)} if said else {}
    assert DIALECT.sign_in_outcome(Result(code, "name", controls)) is outcome


def test_a_malformed_control_decides_nothing() -> None:
    """Not even beside a success."""
    with pytest.raises(ProtocolFault):
        DIALECT.sign_in_outcome(Result(0, "success", {PASSWORD_POLICY: b"\x30\x7f"}))


def test_a_watermark_goes_back_by_the_reading_s_length() -> None:
    """And by what other providers' changes may be late."""
    mark = decode(DIALECT.watermark("ldap://a", CSN, timedelta(seconds=10)))
    expected = datetime(2026, 11, 23, 20, 6, 54, 28677, tzinfo=UTC) - OVERLAP - timedelta(seconds=10)
    assert mark == Watermark(
        dialect="openldap",
        server="ldap://a",
        position=f"{expected:%Y%m%d%H%M%S.%f}Z#000000#000#000000",
    )
    assert DIALECT.watermark("ldap://a", "nonsense", timedelta(0)) == ""


def test_stamps_are_texts() -> None:
    """None is an empty one."""
    assert DIALECT.stamp(entry_of("uid=x", {"entryCSN": [CSN.encode()]})) == CSN
    assert DIALECT.stamp(entry_of("uid=x", {})) == ""
    assert DIALECT.last_failure(entry_of("uid=x", {})) is None
    assert "(pwdAccountLockedTime=*)" in DIALECT.locked_filter()

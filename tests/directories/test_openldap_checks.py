"""What `lockstep check --online` finds on a real slapd: what is missing, which rights are too much; and no change."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from agent.directories.checks import Grade
from lockstep.probing import Finding, probe
from tests.support.fault_proxy import Disturbance, Line, fault_proxy
from tests.support.rights import FOR_GOOD, GENEROUS, MEAGRE, Firm, apply, everything
from tests.support.slapd import Slapd
from tests.support.slapd_config import ADMIN_DN, ADMIN_PASSWORD, AGENT_DN, AGENT_PASSWORD, BASE, POLICIES, policy_dn

pytestmark = pytest.mark.servers
DATABASE = "olcDatabase={1}mdb,cn=config"
INDEX = f"""\
dn: {DATABASE}
changetype: modify
delete: olcDbIndex
olcDbIndex: pwdAccountLockedTime eq
-
add: olcDbIndex
olcDbIndex: pwdAccountLockedTime eq,pres
"""


def found(firm: Firm, *, enforced: bool = True) -> dict[str, Finding]:
    """Return what is found, by what was looked at; of several the worst."""
    findings: dict[str, Finding] = {}
    for finding in probe(firm.world.directory, enforced=enforced):
        known = findings.get(finding.what)
        if known is None or known.grade is Grade.OK:
            findings[finding.what] = finding
    return findings


def graded(firm: Firm, *grades: Grade, enforced: bool = True) -> list[Finding]:
    """Return the findings of these grades."""
    return [finding for finding in probe(firm.world.directory, enforced=enforced) if finding.grade in grades]


BAD = (Grade.MISSING, Grade.TOO_MUCH, Grade.WARNING, Grade.UNREACHABLE)


@pytest.mark.parametrize("access", [GENEROUS, MEAGRE], ids=["generous", "meagre"])
def test_with_the_recipe_nothing_is_missing_or_too_much(firm: Callable[..., Firm], access: tuple[str, ...]) -> None:
    """The recipe and the checks are made from the same needs, and slapd agrees with both."""
    one = firm(access)
    one.grant(restore=True)
    before = everything(one.slapd)
    findings = probe(one.world.directory, enforced=True)
    assert [finding for finding in findings if finding.grade in BAD] == []
    seen = {finding.what: finding.found for finding in findings}
    assert seen["unlocking"] == "lock markers may be removed"
    assert seen["other writes"].endswith("all refused")
    assert len([what for what in seen if what.startswith("restoring")]) == 2
    assert everything(one.slapd) == before


def test_an_account_that_may_do_everything_is_told_what_is_too_much(firm: Callable[..., Firm]) -> None:
    """And although it might, nothing at all is changed by finding out: not one change stamp moves."""
    one = firm(GENEROUS)
    before = everything(one.slapd)
    findings = found(one)
    assert everything(one.slapd) == before
    told = findings["other writes"]
    assert told.grade is Grade.TOO_MUCH
    people = ("userPassword", "pwdAccountLockedTime", "pwdPolicySubentry", "mail", "rename users", "add entries")
    groups = ("add members to", "remove members from", one.world.staff, one.other, one.auditors)
    for part in (*people, *groups, "the default policy", "which policy it is under itself"):
        assert part in told.found
    assert "lockstep rights" in told.advice
    assert findings["passwords"].grade is Grade.TOO_MUCH
    assert findings["canary's lock"].grade is Grade.WARNING


def test_an_administrator_s_account_is_too_much(firm: Callable[..., Firm]) -> None:
    """slapd's own root may do everything, and no rule can take that away."""
    one = firm(GENEROUS)
    one.world.configure(bind={"dn": ADMIN_DN, "password": ADMIN_PASSWORD})
    before = everything(one.slapd)
    told = found(one)["other writes"]
    assert (told.grade, "use another account" in told.advice) == (Grade.TOO_MUCH, True)
    assert everything(one.slapd) == before


def test_without_the_right_to_restore_it_is_missing(firm: Callable[..., Firm]) -> None:
    """The settings ask for it, so the recipe without it is not enough; observing needs no write."""
    one = firm(MEAGRE)
    one.grant(restore=False)
    missing = graded(one, Grade.MISSING)
    assert [finding.what for finding in missing] == [
        f"restoring {one.world.staff}",
        r"restoring departmentNumber=Help Desk \ (1)",
    ]
    assert "lockstep rights --restore" in missing[0].advice
    assert graded(one, Grade.MISSING, enforced=False) == []


@pytest.mark.parametrize(
    ("hidden", "grade"),
    [
        ("pwdAccountLockedTime", Grade.MISSING),
        ("pwdFailureTime", Grade.MISSING),
        ("entryCSN", Grade.MISSING),
        ("entryUUID", Grade.MISSING),
        ("employeeType", Grade.WARNING),
        ("mobile", Grade.WARNING),
    ],
)
def test_an_attribute_that_is_hidden_is_named(firm: Callable[..., Firm], hidden: str, grade: Grade) -> None:
    """Whether somebody has it or not: a lock that cannot be seen looks like none."""
    one = firm((f'access to dn.subtree="{BASE}" attrs={hidden} by dn.exact="{AGENT_DN}" none by * break', *GENEROUS))
    told = [finding for finding in graded(one, grade) if finding.what == "attributes of users"]
    assert [hidden in finding.found for finding in told] == [True]


def test_an_attribute_that_may_be_searched_and_not_read_is_hidden(firm: Callable[..., Firm]) -> None:
    """The filter finds it, the entry does not show it."""
    one = firm((f'access to attrs=mail by dn.exact="{AGENT_DN}" =sc by * break', *GENEROUS))
    assert "mail" in found(one)["attributes of users"].found


def test_an_attribute_that_the_server_does_not_know_is_named(firm: Callable[..., Firm]) -> None:
    """A slip of the pen in the mapping."""
    one = firm(MEAGRE)
    one.grant(restore=True)
    one.world.configure(attributes={"nickName": "knickname"})
    assert "knickname" in found(one)["attributes of users"].found


def test_no_right_to_unlock_is_missing(firm: Callable[..., Firm]) -> None:
    """An account that reads everything and writes nothing."""
    one = firm((f'access to * by dn.exact="{AGENT_DN}" read by anonymous auth by * read',))
    assert found(one)["unlocking"].grade is Grade.MISSING
    assert found(one, enforced=False)["unlocking"].grade is Grade.WARNING
    assert "may not be removed" in found(one)["unlocking"].found


def test_a_size_limit_is_found_by_reading_everybody(firm: Callable[..., Firm]) -> None:
    """A reading that is cut short proves no absence."""
    one = firm(GENEROUS)
    one.world.people(7)
    (users,) = [finding for what, finding in found(one).items() if what.startswith("users ")]
    assert (users.grade, "cut short" in users.found, "limits" in users.advice) == (Grade.MISSING, True, True)


def test_our_own_account_should_not_be_lockable(firm: Callable[..., Firm]) -> None:
    """Anybody who knows its name could keep Lockstep out."""
    one = firm(GENEROUS)
    assert found(one)["Lockstep's account"].grade is Grade.OK
    one.slapd.modify(AGENT_DN, pwdPolicySubentry=policy_dn("timed"))
    told = found(one)["Lockstep's account"]
    assert (told.grade, "after 3 wrong passwords" in told.found) == (Grade.WARNING, True)
    one.slapd.modify(AGENT_DN, pwdPolicySubentry=f"cn=gone,{POLICIES}")
    assert found(one)["Lockstep's account"].grade is Grade.UNKNOWN


def test_policies_that_lock_nobody_are_told(firm: Callable[..., Firm]) -> None:
    """With pwdLockout FALSE wrong passwords lock nobody, and slapd never says so by itself."""
    one = firm(GENEROUS)
    one.slapd.modify(one.ada.dn, pwdPolicySubentry=policy_dn("none"))
    told = found(one)[f"policy {policy_dn('none')}"]
    assert (told.grade, "lock nobody" in told.found) == (Grade.WARNING, True)


def test_a_policy_that_crashes_slapd_is_told(firm: Callable[..., Firm]) -> None:
    """pwdMinDelay on slapd 2.5.13: the first wrong password of anybody under it ends the server."""
    one = firm(GENEROUS)
    one.slapd.modify(policy_dn("brief"), pwdMinDelay="1", pwdMaxDelay="2")
    assert "crashes" in found(one)[f"policy {policy_dn('brief')}"].found


def test_indexes_are_told_where_they_can_be_seen(firm: Callable[..., Firm]) -> None:
    """An index for equality does not find who has a marker at all."""
    one = firm(GENEROUS)
    assert found(one)["indexes"].grade is Grade.UNKNOWN
    rule = f'olcAccess: {{0}}to * by dn.exact="{AGENT_DN}" read by * none'
    apply(one.slapd, f"dn: olcDatabase={{0}}config,cn=config\nchangetype: modify\nadd: olcAccess\n{rule}\n")
    told = found(one)["indexes"]
    assert (told.grade, "pwdAccountLockedTime pres" in told.found) == (Grade.WARNING, True)
    apply(one.slapd, INDEX)
    assert found(one)["indexes"].grade is Grade.OK


def test_the_overlay_must_be_there(firm: Callable[..., Firm]) -> None:
    """A root DSE that cannot be read is no proof that it is not."""
    one = firm(GENEROUS)
    assert found(one)["controls"].grade is Grade.OK
    rule = f'olcAccess: {{0}}to dn.base="" attrs=supportedControl by dn.exact="{AGENT_DN}" none by * read'
    apply(one.slapd, f"dn: olcDatabase={{-1}}frontend,cn=config\nchangetype: modify\nadd: olcAccess\n{rule}\n")
    assert found(one)["controls"].grade is Grade.UNKNOWN


# --- the clock -------------------------------------------------------------------------------------------------------


def test_a_clock_that_nothing_shows_is_not_guessed(firm: Callable[..., Firm]) -> None:
    """slapd tells its time nowhere by default."""
    one = firm(GENEROUS)
    assert found(one)["clock"].grade is Grade.UNKNOWN
    assert "cannot be measured" in found(one)["clock"].found


@pytest.mark.parametrize(
    "options",
    [{"extra": ("database monitor", "access to * by * read")}, {"lastbind": True}],
    ids=["monitor", "own sign-in"],
)
def test_a_clock_that_shows_is_compared(firm: Callable[..., Firm], options: dict[str, Any]) -> None:
    """Where the monitor may be read, or where slapd keeps when somebody signed in last."""
    one = firm(GENEROUS, **options)
    one.grant(restore=True)
    assert found(one)["clock"].grade is Grade.OK
    one.world.later(minutes=7)
    told = found(one)["clock"]
    assert (told.grade, "7 min behind" in told.found or "behind" in told.found) == (Grade.WARNING, True)
    one.world.later(minutes=-14)
    assert "ahead" in found(one)["clock"].found


def test_a_change_that_lies_ahead_shows_a_clock_that_does(firm: Callable[..., Firm]) -> None:
    """At least: somebody's entry was written later than now."""
    one = firm(GENEROUS)
    one.world.later(hours=-1)
    assert "ahead" in found(one)["clock"].found


# --- copies ----------------------------------------------------------------------------------------------------------


def test_writes_are_tried_where_they_are_taken(firm: Callable[..., Firm], start_slapd: Callable[..., Slapd]) -> None:
    """A copy first in the list: the next server is asked."""
    one = firm(GENEROUS)
    copy = start_slapd(tls=False, provider=one.slapd.url, access=GENEROUS)
    one.world.follow(copy, one.ada)
    one.world.configure(servers=[copy.url])
    told = found(one)["writing"]
    assert (told.grade, "servers" in told.advice) == (Grade.MISSING, True)
    one.world.configure(servers=[copy.url, one.slapd.url])
    assert found(one)["unlocking"].grade is Grade.OK


def test_rights_that_are_lacking_on_one_server_only_are_found(
    firm: Callable[..., Firm], start_slapd: Callable[..., Slapd]
) -> None:
    """Configuration is not replicated, and a lock may be on the copy alone."""
    one = firm(GENEROUS)
    hidden = f'access to attrs=pwdAccountLockedTime by dn.exact="{AGENT_DN}" none by * break'
    one.slapd.restart(access=MEAGRE)
    one.grant(restore=True)
    copy = start_slapd(tls=False, provider=one.slapd.url, access=(hidden, *GENEROUS))
    one.world.follow(copy, one.ada)
    one.world.configure(servers=[one.slapd.url, copy.url])
    findings = found(one)
    assert findings["attributes of users"].grade is Grade.OK
    told = findings[f"attributes of users on {copy.url}"]
    assert (told.grade, "pwdAccountLockedTime" in told.found) == (Grade.MISSING, True)
    assert findings[f"canary {one.canary.dn} on {copy.url}"].grade is Grade.MISSING
    kept = "access to attrs=userPassword,pwdHistory by anonymous auth by * none"
    copy.restart(access=(kept, GENEROUS[1]))
    assert found(one)[f"reading on {copy.url}"].grade is Grade.OK


def test_an_account_that_cannot_come_in_is_all_that_is_told(firm: Callable[..., Firm]) -> None:
    """Nothing else could be looked at."""
    one = firm(GENEROUS)
    one.world.configure(bind={"dn": AGENT_DN, "password": f"not {AGENT_PASSWORD}"})
    (only,) = probe(one.world.directory, enforced=True)
    assert only.grade is Grade.UNREACHABLE


def test_when_everybody_is_locked_nothing_is_tried(firm: Callable[..., Firm]) -> None:
    """What could end somebody's lock is not even rehearsed."""
    one = firm(GENEROUS)
    for person in (one.ada, one.world.keeper):
        one.slapd.modify(person.dn, pwdAccountLockedTime=FOR_GOOD)
    assert found(one)["writing"].grade is Grade.UNKNOWN


# --- servers that do not rehearse ------------------------------------------------------------------------------------

NO_OP = b"1.3.6.1.4.1.4203.666.5.2"
STRANGE = b"1.3.6.1.4.1.4203.666.5.9"
CRITICAL, OPTIONAL = b"\x01\x01\xff", b"\x01\x01\x00"


class WithoutNoOp(Disturbance):
    """Makes the no-op control one that the server does not know, so that it refuses."""

    def requests(self, data: bytes, line: Line) -> Iterable[bytes]:
        """Yield another control's OID."""
        del line
        yield data.replace(NO_OP, STRANGE)


class Careless(Disturbance):
    """Makes it one that the server may pass over, so that it does what it is told."""

    def requests(self, data: bytes, line: Line) -> Iterable[bytes]:
        """Yield a control that is neither known nor critical."""
        del line
        yield data.replace(NO_OP + CRITICAL, STRANGE + OPTIONAL)


def test_a_server_without_the_control_is_not_judged(firm: Callable[..., Firm]) -> None:
    """It refuses, and what cannot be tried is said to be unknown."""
    one = firm(GENEROUS)
    before = everything(one.slapd)
    with fault_proxy(one.slapd.port) as proxy:
        proxy.disturb(WithoutNoOp)
        one.world.configure(servers=[proxy.url])
        findings = found(one)
    assert (findings["unlocking"].grade, findings["other writes"].grade) == (Grade.UNKNOWN, Grade.UNKNOWN)
    assert everything(one.slapd) == before


def test_a_server_that_does_what_it_should_rehearse_is_asked_once(firm: Callable[..., Firm]) -> None:
    """About what changes nothing but a stamp; then no more."""
    one = firm(GENEROUS)
    before = everything(one.slapd)
    with fault_proxy(one.slapd.port) as proxy:
        proxy.disturb(Careless)
        one.world.configure(servers=[proxy.url])
        told = found(one)["reading"]
    assert (told.grade, "although told only to rehearse" in told.found) == (Grade.UNREACHABLE, True)
    after = everything(one.slapd)
    changed = {(dn, name) for dn in before for name in before[dn] if before[dn][name] != after[dn][name]}
    assert {name for _, name in changed} <= {"entryCSN", "modifyTimestamp", "modifiersName", "contextCSN"}
    assert {dn for dn, name in changed if name != "contextCSN"} == {one.world.keeper.dn}

"""`lockstep check --online` is not deceived: rights that are too much, or lacking, where nobody would look first."""

from collections.abc import Callable

import pytest

from agent.directories.checks import Grade
from lockstep.probing import Finding, probe
from tests.support.rights import MEAGRE, Firm, apply, as_agent, everything, modified
from tests.support.slapd import Slapd
from tests.support.slapd_config import AGENT_DN, BASE, DEFAULT_POLICY, GROUPS, POLICIES, policy_dn

pytestmark = pytest.mark.servers
DATABASE = "olcDatabase={1}mdb,cn=config"
AGENT = f'by dn.exact="{AGENT_DN}"'


def found(firm: Firm) -> dict[str, Finding]:
    """Return what is found where locks are in force, by what was looked at."""
    return {finding.what: finding for finding in probe(firm.world.directory, enforced=True)}


def granted(firm: Callable[..., Firm], *rules: str) -> Firm:
    """Return a firm with the recipe, and these rules of somebody else before it."""
    one = firm(MEAGRE)
    one.grant(restore=True)
    if rules:
        lines = [f"olcAccess: {{{place}}}to {rule} by * break" for place, rule in enumerate(rules)]
        apply(one.slapd, "\n".join([f"dn: {DATABASE}", "changetype: modify", "add: olcAccess", *lines, ""]))
    return one


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (f"attrs=description {AGENT} write", "description"),
        (f'dn.subtree="{BASE}" attrs=userCertificate {AGENT} =zrsc', "userCertificate"),
        (f"attrs=manager {AGENT} manage", "manager"),
        (f"attrs=authzTo {AGENT} write", "authzTo"),
        (f'dn.exact="{AGENT_DN}" attrs=userPassword {AGENT} =w', "its own password"),
        (f'dn.exact="{DEFAULT_POLICY}" attrs=pwdMaxFailure {AGENT} =wrsc', "the default policy"),
        (f'dn.subtree="{POLICIES}" attrs=pwdLockout {AGENT} =wrsc', f"the policy {policy_dn('timed')}"),
        (f'dn.subtree="{GROUPS}" attrs=children,entry {AGENT} write', f"add entries below {GROUPS}"),
    ],
)
def test_a_right_too_much_is_found(firm: Callable[..., Firm], rule: str, told: str) -> None:
    """Beside a recipe that is right in all the rest."""
    one = granted(firm, rule)
    before = everything(one.slapd)
    writes = found(one)["other writes"]
    assert (writes.grade, told in writes.found) == (Grade.TOO_MUCH, True)
    assert everything(one.slapd) == before


def test_rights_in_another_unit_are_tried_too(firm: Callable[..., Firm]) -> None:
    """What holds for the first users does not hold for all."""
    one = firm(MEAGRE)
    unit = f"ou=annex,{one.world.unit}"
    with one.slapd.connected() as admin:
        admin.add(unit, "organizationalUnit", {"ou": "annex"})
    one.world.people(25)
    zoe = one.slapd.add_person(one.world.name("zoe"), parent=unit)
    one.grant(restore=True)
    rules = (
        f'dn.subtree="{unit}" attrs=pwdAccountLockedTime {AGENT} read',
        f'dn.subtree="{unit}" attrs=mail {AGENT} write',
        f'dn.subtree="{unit}" attrs=pwdFailureTime {AGENT} none',
    )
    lines = [f"olcAccess: {{{place}}}to {rule} by * break" for place, rule in enumerate(rules)]
    apply(one.slapd, "\n".join([f"dn: {DATABASE}", "changetype: modify", "add: olcAccess", *lines, ""]))
    with as_agent(one.slapd) as agent:
        assert modified(agent, zoe.dn, "MODIFY_REPLACE", "pwdAccountLockedTime") == 50
    findings = found(one)
    assert (findings["unlocking"].grade, unit in findings["unlocking"].found) == (Grade.MISSING, True)
    assert (findings["other writes"].grade, "mail" in findings["other writes"].found) == (Grade.TOO_MUCH, True)
    told = findings["attributes of users"]
    assert (told.grade, "pwdFailureTime" in told.found) == (Grade.MISSING, True)


@pytest.mark.parametrize("secret", ["userPassword", "pwdHistory"])
def test_hashes_of_passwords_are_not_to_be_seen(firm: Callable[..., Firm], secret: str) -> None:
    """The present one's, and those of before."""
    told = found(granted(firm, f"attrs={secret} {AGENT} =rsc"))["passwords"]
    assert (told.grade, secret in told.found) == (Grade.TOO_MUCH, True)


def test_the_server_s_own_passwords_are_not_to_be_seen(firm: Callable[..., Firm]) -> None:
    """Who reads cn=config reads its administrator's password."""
    one = granted(firm)
    assert found(one)["passwords"].grade is Grade.OK
    rule = f"olcAccess: {{0}}to * {AGENT} read by * none"
    apply(one.slapd, f"dn: olcDatabase={{0}}config,cn=config\nchangetype: modify\nadd: olcAccess\n{rule}\n")
    told = found(one)["passwords"]
    assert (told.grade, "olcRootPW in cn=config" in told.found) == (Grade.TOO_MUCH, True)


def test_what_could_not_be_tried_is_not_said_to_be_right(firm: Callable[..., Firm]) -> None:
    """Without the right to unlock no server shows that it rehearses."""
    one = firm((f"access to attrs=userPassword {AGENT} none by anonymous auth", f"access to * {AGENT} read by * read"))
    writes = found(one)["other writes"]
    assert (writes.grade, "could not be tried" in writes.found) == (Grade.UNKNOWN, True)


def test_every_server_that_takes_writes_is_tried(firm: Callable[..., Firm], start_slapd: Callable[..., Slapd]) -> None:
    """Rights are configured on each: one of several masters may grant more, or less."""
    one = granted(firm)
    other = start_slapd(tls=False, provider=one.slapd.url, access=(f"access to * {AGENT} write by * read",))
    one.world.follow(other, one.ada)
    apply(other, f"dn: {DATABASE}\nchangetype: modify\nreplace: olcMultiProvider\nolcMultiProvider: TRUE\n")
    one.world.configure(servers=[one.slapd.url, other.url])
    findings = found(one)
    assert findings["other writes"].grade is Grade.OK
    assert findings[f"other writes on {other.url}"].grade is Grade.TOO_MUCH

"""The recipe of `lockstep rights` on a real domain controller, what the check makes of it, and who is protected."""

from dataclasses import dataclass, replace

import pytest

from agent.directories.ad_rights import recipe
from agent.directories.checks import Check, Grade
from agent.directories.rights import Needs, Restorable
from agent.directories.writes import Kind, Modification, Modify
from ims.errors import InvalidInput
from tests.support.ad_side import DIALECT, NEEDS, RULES, client_of, grant, look
from tests.support.agent_side import FixedSecret, WallClock
from tests.support.samba_dc import SambaDc
from tests.support.samba_domain import ADMIN_PASSWORD, AGENT_DN, BASE, GROUPS, READER_DN, password_of

pytestmark = pytest.mark.servers


@dataclass(frozen=True)
class Granted:
    """The domain after the larger recipe was applied to a unit of its own, and the group that it names."""

    dc: SambaDc
    unit: str
    staff: str
    needs: Needs


@pytest.fixture(scope="module")
def granted(domain: SambaDc) -> Granted:
    """Apply the larger recipe: to one unit only, since other tests share the domain."""
    unit, staff = domain.add_unit("restorable-unit"), domain.add_group("restorable-staff", [])
    restorable = (Restorable(group=staff), Restorable(attribute="department", value="7"))
    needs = replace(NEEDS, reading=replace(RULES, base=unit), restorable=restorable)
    grant(domain, recipe(needs))
    return Granted(dc=domain, unit=unit, staff=staff, needs=needs)


def checked(dc: SambaDc, needs: Needs) -> list[Check]:
    """Return what `lockstep check --online` finds."""
    with client_of(dc) as client:
        return [*DIALECT.checks(client, needs, WallClock().now), *(DIALECT.writing_checks(client, needs) or ())]


def found(checks: list[Check], what: str) -> Check:
    """Return one finding."""
    return next(check for check in checks if check.what == what)


def test_the_check_is_content_with_the_recipe(granted: Granted) -> None:
    """The controller is the PDC emulator, its clock is ours, and the lock may be written."""
    granted.dc.add_person(parent=granted.unit)
    checks = checked(granted.dc, granted.needs)
    for what in ("controls", "domain controller", "Lockstep's account", "clock", "attributes of users", "unlocking"):
        assert found(checks, what).grade is Grade.OK, what
    assert [check.grade for check in checks if check.what.startswith("restoring")] == [Grade.OK, Grade.OK]


def test_the_account_restores_and_nothing_else(granted: Granted) -> None:
    """Members of the group that was named, and of no other."""
    dc, staff = granted.dc, granted.staff
    other, person = dc.add_group("unnamed-staff", []), dc.add_person(parent=granted.unit)

    def tried(dn: str, name: str, value: str) -> str:
        change = Modification(kind=Kind.ADD, attribute=name, values=(value.encode(),))
        with client_of(dc) as client:
            return client.modify(Modify(dn=dn, changes=(change,))).name

    assert tried(staff, "member", person.dn) == "success"
    assert tried(person.dn, "department", "7") == "success"
    assert tried(other, "member", person.dn) == "insufficientAccessRights"
    assert tried(staff, "description", "x") == "insufficientAccessRights"
    assert tried(person.dn, "description", "x") == "insufficientAccessRights"


def test_without_the_recipe_the_check_says_what_is_missing(domain: SambaDc) -> None:
    """As an account that only reads."""
    domain.add_person()
    needs = replace(NEEDS, account=READER_DN, restorable=(Restorable(group=f"CN=Staff,{GROUPS}"),))
    with client_of(domain, dn=READER_DN, secret=FixedSecret(password_of("reader"))) as client:
        checks = list(DIALECT.writing_checks(client, needs) or ())
    assert found(checks, "unlocking").grade is Grade.MISSING
    assert found(checks, f"restoring CN=Staff,{GROUPS}").grade is Grade.MISSING


def test_rights_that_nothing_needs_are_found(domain: SambaDc) -> None:
    """The administrator may write everything."""
    domain.add_person()
    with client_of(domain, dn=f"CN=Administrator,CN=Users,{BASE}", secret=FixedSecret(ADMIN_PASSWORD)) as client:
        checks = list(DIALECT.writing_checks(client, NEEDS) or ())
    assert found(checks, "other writes").grade is Grade.TOO_MUCH


def test_an_attribute_that_the_recipe_does_not_know_is_named() -> None:
    """With those that it does."""
    with pytest.raises(InvalidInput, match="department"):
        recipe(replace(NEEDS, restorable=(Restorable(attribute="carLicense", value="x"),)))


def test_the_recipe_says_what_it_cannot_keep_apart() -> None:
    """In both spellings, for the account that was named."""
    text = recipe(NEEDS).text
    assert "Known limits" in text
    assert AGENT_DN in text
    assert "dsacls" in text
    assert "samba-tool dsacl set" in text


@pytest.mark.parametrize(
    ("attributes", "why"),
    [({"adminCount": "1"}, "adminCount = 1"), ({"servicePrincipalName": "HTTP/x"}, "servicePrincipalName"), ({}, "")],
)
def test_privileged_and_service_accounts_are_protected(domain: SambaDc, attributes: dict[str, str], why: str) -> None:
    """By the directory's own marks."""
    person = domain.add_person(**attributes)
    with client_of(domain) as client:
        assert why in DIALECT.protects(look(client, person).entry)
        assert bool(DIALECT.protects(look(client, person).entry)) is bool(why)

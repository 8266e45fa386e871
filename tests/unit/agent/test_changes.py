"""What a plan tells the audit and the history."""

from dataclasses import replace

from agent.changes import audit_of, change_of, history_of, import_rows
from agent.context import Context
from agent.plan import Planned
from ims.audit import Action
from ims.locks import LockReason
from ims.people import Revision, Role
from tests.support.clock import NOON
from tests.support.people import ACME, GLOBEX, lock
from tests.support.sightings import AGO, OTHERS, TEMPS, context, fact, known, planned, seen, shown, unaffiliated


def acts(result: Planned, pass_: Context | None = None) -> list[Action]:
    """Return what the audit will say."""
    return [row.action for row in audit_of(result, pass_ or context())]


def test_a_newcomer_has_a_row_but_for_a_first_import() -> None:
    """There one row stands for all, and locks have their own all the same."""
    result = planned(None, seen(locks=(shown(fact()),)))
    assert acts(result) == [Action.USER_CREATED, Action.LOCK_RAISED]
    assert acts(result, context(first_import=True)) == [Action.LOCK_RAISED]


def test_a_first_imports_row_proves_whom_it_brought() -> None:
    """The digest depends on who, and not on the order."""
    one, two = planned(None, seen("ada")), planned(None, seen("bob"))
    pass_ = context(first_import=True)
    (row,) = import_rows([one, two, planned(known("eva"), seen("eva"))], pass_)
    assert (row.action, row.after, row.subject) == (Action.FIRST_IMPORT, "2 users", "corp")
    assert import_rows([two, one], pass_)[0].detail == row.detail
    assert import_rows([one], pass_)[0].detail != row.detail
    assert import_rows([one], context()) == ()
    assert import_rows([planned(known(), seen())], pass_) == ()


def test_a_transfer_is_told_in_both_tenants_and_names_neither_to_the_other() -> None:
    """What ended in the old one is told there."""
    stored = known(locks=(lock(LockReason.HELD, source="lockstep"),))
    rows = audit_of(planned(stored, seen(matches=(OTHERS,))), context())
    assert [(row.action, row.tenant) for row in rows] == [
        (Action.TRANSFERRED, ACME),
        (Action.TRANSFERRED, GLOBEX),
        (Action.LOCK_LIFTED, ACME),
    ]
    told = {tenant: [row for row in rows if row.tenant == tenant] for tenant in (ACME, GLOBEX)}
    assert not any("globex" in f"{row.before} {row.after} {row.detail}" for row in told[ACME])
    assert not any("acme" in f"{row.before} {row.after} {row.detail}" for row in told[GLOBEX])


def test_losing_and_finding_an_affiliation_are_told_and_remembered() -> None:
    """Each with the rule."""
    lost = planned(known(unmatched_since=NOON - AGO), seen(matches=()))
    assert acts(lost) == [Action.UNAFFILIATED, Action.LOCK_RAISED]
    assert history_of(lost) == (lost.user.affiliation,)
    found = planned(unaffiliated(known(), AGO), seen())
    assert acts(found) == [Action.AFFILIATED, Action.LOCK_LIFTED]
    assert history_of(found) == (found.user.affiliation,)


def test_another_rule_of_the_same_tenant_is_no_history() -> None:
    """Nothing about the person's standing has changed."""
    result = planned(known(), seen(matches=(TEMPS,)))
    assert history_of(result) == ()
    assert acts(result) == []


def test_name_role_and_protection_are_told() -> None:
    """A telephone number is not."""
    result = planned(known(), seen("ada", roles=((ACME, Role.CO_ADMINISTRATOR),), protected="listed"))
    rows = audit_of(result, context())
    assert [(row.detail, row.before, row.after) for row in rows] == [
        ("role", "", "co_administrator"),
        ("protected", "", "listed"),
    ]
    renamed = replace(seen("eva"), entry_id=known().entries[0].entry_id)
    (row,) = audit_of(planned(known(), renamed), context())
    assert (row.detail, row.before, row.after, row.subject) == ("user name", "ada", "eva", "eva")


def test_a_link_to_a_known_user_is_told() -> None:
    """From now on a directory decides about them."""
    stored = replace(known(), entries=())
    (row,) = audit_of(planned(stored, seen()), context())
    assert (row.action, row.detail) == (Action.USER_CHANGED, "linked to the entry uid=ada,ou=people")


def test_a_change_carries_the_revision_that_it_was_planned_on() -> None:
    """The store drops it if the user was written after that."""
    change = change_of(planned(known(), seen(locks=(shown(fact()),))), Revision(7), context())
    assert (change.base, change.user.modified) == (7, NOON)

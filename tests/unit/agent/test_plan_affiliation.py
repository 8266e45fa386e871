"""Who belongs where: un-affiliation in two readings, return, transfer, conflict."""

from dataclasses import replace
from datetime import timedelta

import pytest

from agent.plan import Planned, plan
from agent.sightings import Untrusted
from ims.locks import LedgerRules, LockReason, Stickiness
from ims.passes import Mode
from ims.people import AffiliationStatus, ConnectionName, Role
from tests.support.clock import NOON
from tests.support.people import ACME, GLOBEX, lock, user
from tests.support.sightings import (
    AGO,
    LAB,
    OTHERS,
    STAFF,
    TEMPS,
    context,
    fact,
    known,
    link,
    planned,
    reasons,
    seen,
    shown,
    unaffiliated,
)

LOST = LockReason.UNAFFILIATED
TEN = timedelta(minutes=10)
AFFILIATED, UNAFFILIATED = AffiliationStatus.AFFILIATED, AffiliationStatus.UNAFFILIATED


def status(result: Planned) -> AffiliationStatus | None:
    """Return the planned standing."""
    return result.user.affiliation.status if result.user.affiliation else None


# --- losing it -------------------------------------------------------------------------------------------------------


def test_the_first_reading_without_a_match_only_remembers_it() -> None:
    """One reading un-affiliates nobody."""
    result = planned(known(), seen(matches=()))
    assert result.user.locks == ()
    assert result.user.entries[0].unmatched_since == NOON
    assert status(result) is AFFILIATED


@pytest.mark.parametrize(("apart", "lost"), [(TEN - timedelta(seconds=1), False), (TEN, True)])
def test_the_second_reading_un_affiliates_if_it_is_late_enough(*, apart: timedelta, lost: bool) -> None:
    """The readings must be `confirm` apart."""
    result = planned(known(unmatched_since=NOON - apart), seen(matches=()))
    assert (LOST in reasons(result)) is lost
    assert (status(result) is UNAFFILIATED) is lost
    assert [lock.reason for lock in result.counted] == ([LOST] if lost else [])


def test_without_a_time_to_confirm_the_first_reading_is_enough() -> None:
    """`confirm = 0`."""
    assert reasons(planned(known(), seen(matches=()), confirm=timedelta(0))) == [LOST]


def test_a_match_in_between_starts_anew() -> None:
    """The first reading that found no match is forgotten."""
    back = planned(known(unmatched_since=NOON - TEN), seen())
    assert back.user.entries[0].unmatched_since is None


@pytest.mark.parametrize(
    "changes",
    [
        {"complete": False},
        {"silent_rules": frozenset({STAFF.rule})},
    ],
)
def test_what_proves_nothing_changes_nothing(changes: dict[str, object]) -> None:
    """An incomplete reading, or a rule about which it knows nothing, un-affiliates nobody and starts nothing."""
    stored = known(unmatched_since=NOON - AGO)
    result = planned(stored, seen(matches=()), **changes)
    assert not result.changed
    assert not planned(known(), seen(matches=()), **changes).changed


def test_an_observed_directory_un_affiliates_nobody() -> None:
    """It says that it would, as often as it is asked."""
    result = planned(known(unmatched_since=NOON - AGO), seen(matches=()), mode=Mode.OBSERVE)
    assert result.would_lock == (LOST,)
    assert status(result) is AFFILIATED


def test_a_directory_that_is_observed_again_affiliates_whom_it_had_lost() -> None:
    """Nobody is unaffiliated by a directory that only looks."""
    result = planned(unaffiliated(known(), AGO), seen(matches=()), mode=Mode.OBSERVE)
    assert result.user.locks == ()
    assert status(result) is AFFILIATED


def test_another_directory_that_affiliates_takes_over() -> None:
    """The person still belongs to the company account."""
    stored = replace(known(), entries=(link(), link(directory=LAB, rule="lab/staff")))
    result = planned(stored, seen(matches=()), confirm=timedelta(0))
    assert result.user.locks == ()
    assert result.user.affiliation is not None
    assert result.user.affiliation.rule == "lab/staff"


def test_a_directory_that_never_affiliated_un_affiliates_nobody() -> None:
    """Another one's rule decides."""
    stored = replace(known(), entries=(link(rule="corp/staff"), link(directory=LAB, rule="lab/staff")))
    assert stored.affiliation is not None
    stored = replace(stored, affiliation=replace(stored.affiliation, rule="lab/staff"))
    result = planned(stored, seen(matches=()), confirm=timedelta(0))
    assert result.user.locks == ()
    assert result.user.entries[0].rule == ""


# --- coming back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ago", "free"), [(timedelta(hours=24), True), (timedelta(hours=25), False)])
def test_back_within_the_grace_is_free_again(*, ago: timedelta, free: bool) -> None:
    """Later a Co-Administrator decides, and until then the standing stays as it is."""
    result = planned(unaffiliated(known(), ago), seen())
    assert (result.user.locks == ()) is free
    assert (status(result) is AFFILIATED) is free
    assert result.user.entries[0].rule == STAFF.rule


def test_on_return_it_never_sticks() -> None:
    """`affiliation.clears = "on_return"`."""
    rules = LedgerRules(stickiness=Stickiness.ON_RETURN)
    assert planned(unaffiliated(known(), timedelta(days=90)), seen(), rules=rules).user.locks == ()


# --- moving ----------------------------------------------------------------------------------------------------------


def test_a_transfer_ends_what_the_old_tenant_had_said() -> None:
    """Its hold and its connection's lock end; what the directory says goes along."""
    own = (lock(LockReason.HELD, source="lockstep"), lock(LockReason.DEPROVISIONED, source="idp"))
    stored = replace(known(locks=(*own, lock(since=NOON - AGO))), connection=ConnectionName("idp"), role=Role.AUDITOR)
    result = planned(stored, seen(matches=(OTHERS,), locks=(shown(fact()),)))
    assert result.user.tenant == GLOBEX
    assert [(one.reason, one.tenant) for one in result.user.locks] == [(LockReason.PASSWORD_ATTEMPTS, GLOBEX)]
    assert (result.user.connection, result.user.role) == (None, None)
    assert status(result) is AFFILIATED


def test_whoever_was_unaffiliated_stays_so_in_the_new_tenant() -> None:
    """The new tenant's Co-Administrators decide, within the grace and after it."""
    moved = planned(unaffiliated(known(), AGO), seen(matches=(OTHERS,)))
    assert moved.user.tenant == GLOBEX
    assert [(one.reason, one.tenant) for one in moved.user.locks] == [(LOST, GLOBEX)]
    assert status(moved) is UNAFFILIATED
    again = planned(moved.user, seen(matches=(OTHERS,)))
    assert not again.changed


def test_nobody_moves_while_nothing_is_known_about_the_present_rule() -> None:
    """A group that cannot be read must not hand its people to whoever else matches."""
    result = planned(known(), seen(matches=(OTHERS,)), silent_rules=frozenset({STAFF.rule}))
    assert not result.changed


def test_two_tenants_match_and_the_present_one_keeps_the_user() -> None:
    """The conflict is shown."""
    result = planned(known(), seen(matches=(OTHERS, STAFF)))
    assert result.user.tenant == ACME
    assert result.notes == ("ada stays in acme, though rules of globex match too",)


def test_another_rule_of_the_same_tenant_is_no_transfer() -> None:
    """Only the rule's name changes."""
    result = planned(known(), seen(matches=(TEMPS,)))
    assert result.user.affiliation is not None
    assert (result.user.affiliation.rule, result.user.affiliation.since) == (TEMPS.rule, NOON)
    assert result.changed


def test_the_rule_that_matched_before_keeps_deciding() -> None:
    """A second match of the same tenant writes nothing."""
    assert not planned(known(), seen(matches=(TEMPS, STAFF))).changed


def test_two_directories_claim_one_user_and_the_present_tenant_keeps_them() -> None:
    """As long as the other directory affiliates them there."""
    stored = replace(known(), entries=(link(), link(directory=LAB, rule="lab/staff")))
    result = planned(stored, seen(matches=(OTHERS,)), confirm=timedelta(0))
    assert result.user.tenant == ACME
    assert result.notes


# --- newcomers -------------------------------------------------------------------------------------------------------


def test_whoever_matches_no_rule_is_not_stored() -> None:
    """And never was."""
    assert plan(None, seen(matches=()), context()) is None


@pytest.mark.parametrize(
    ("matches", "changes"),
    [((STAFF, OTHERS), {}), ((STAFF,), {"silent_rules": frozenset({OTHERS.rule})})],
)
def test_a_newcomer_whose_tenant_is_not_clear_waits(matches: tuple[object, ...], changes: dict[str, object]) -> None:
    """Two tenants match, or it is not known whether a second one would."""
    with pytest.raises(Untrusted):
        plan(None, seen(matches=matches), context(**changes))


def test_a_newcomer_is_affiliated_from_now_on() -> None:
    """By the rule that matched."""
    result = planned(None, seen(roles=((ACME, Role.CO_ADMINISTRATOR), (GLOBEX, Role.AUDITOR))))
    assert result.user.affiliation is not None
    assert (result.user.affiliation.rule, result.user.affiliation.since) == (STAFF.rule, NOON)
    assert result.user.role is Role.CO_ADMINISTRATOR
    assert result.user.version == 0


def test_a_known_user_without_an_entry_here_is_linked() -> None:
    """A connection created them; the directory now decides what it maps, and nothing else."""
    stored = replace(user("ada"), connection=ConnectionName("idp"))
    stored = replace(stored, profile=replace(stored.profile, external_id="42", nick_name="Ada", display_name="A."))
    result = planned(stored, seen())
    assert result.user.id == stored.id
    assert result.user.connection == "idp"
    profile = result.user.profile
    assert (profile.display_name, profile.external_id, profile.nick_name) == ("Ada", "42", "Ada")


def test_the_same_name_with_another_entry_id_is_another_identity() -> None:
    """Deleted and made anew: nobody inherits by name."""
    with pytest.raises(Untrusted, match="same name, new identity"):
        plan(known(entry_id="id-of-the-old-one"), seen(), context())


def test_a_renamed_and_moved_entry_is_the_same_user() -> None:
    """The entry id is the identity; name and address are not."""
    result = planned(known(), replace(seen("eva"), entry_id=known().entries[0].entry_id, dn="uid=eva,ou=elsewhere"))
    assert result.before is not None
    assert result.user.id == result.before.id
    assert (result.user.profile.user_name, result.user.entries[0].dn) == ("eva", "uid=eva,ou=elsewhere")


def test_a_role_group_that_cannot_be_read_takes_no_role_away() -> None:
    """And gives none."""
    stored = replace(known(), role=Role.CO_ADMINISTRATOR)
    assert planned(stored, seen(), unknown_roles=frozenset({ACME})).user.role is Role.CO_ADMINISTRATOR
    assert planned(stored, seen()).user.role is None

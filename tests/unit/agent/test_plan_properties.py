"""What holds of every plan, whatever was stored, seen and known: hypothesis looks for the exception."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from agent.changes import audit_of
from agent.context import Context
from agent.plan import Planned, plan, plan_closely, plan_missing
from agent.sightings import RuleMatch, Sighting, Untrusted
from ims.audit import Action
from ims.locks import DIRECTORY_REASONS, ENTRY_REASONS, NEVER, LockReason
from ims.passes import Mode
from ims.people import AffiliationStatus, TenantId, User
from tests.support.clock import NOON
from tests.support.people import ACME, GLOBEX, lock
from tests.support.plans import told
from tests.support.sightings import (
    AGO,
    OTHERS,
    STAFF,
    TEMPS,
    context,
    fact,
    known,
    link,
    seen,
    shown,
    unaffiliated,
)

moments = st.sampled_from([None, NOON - 2 * AGO, NOON - AGO, NOON - timedelta(minutes=1)])
matches = st.lists(st.sampled_from([STAFF, TEMPS, OTHERS]), unique=True, max_size=3).map(tuple)


@st.composite
def users(draw: st.DrawFn) -> User:
    """Draw a stored user: linked, perhaps locked, pending or unaffiliated."""
    reasons = draw(st.lists(st.sampled_from(list(LockReason)), unique=True, max_size=4))
    locks = tuple(
        lock(reason, since=NOON - AGO, source="corp" if reason in DIRECTORY_REASONS else "lockstep")
        for reason in reasons
        if reason is not LockReason.UNAFFILIATED
    )
    one = known(
        locks=locks,
        rule=draw(st.sampled_from([STAFF.rule, TEMPS.rule, ""])),
        unmatched_since=draw(moments),
        missing_since=draw(moments),
        stamp=draw(st.sampled_from(["1", "2"])),
    )
    one = replace(one, tenant=draw(st.sampled_from([ACME, GLOBEX])))
    one = replace(one, locks=tuple(replace(each, tenant=one.tenant) for each in one.locks))
    return unaffiliated(one, draw(st.sampled_from([AGO, timedelta(days=3)]))) if draw(st.booleans()) else one


@st.composite
def sightings(draw: st.DrawFn) -> Sighting:
    """Draw what a pass may see of that user."""
    reason = draw(st.sampled_from([None, *sorted(ENTRY_REASONS)]))
    lasts = draw(st.sampled_from([None, timedelta(minutes=30), timedelta(hours=2)]))
    facts = () if reason is None else (fact(reason, lasts=lasts),)
    return seen(
        stamp=draw(st.sampled_from(["1", "2", "3"])),
        matches=draw(matches),
        locks=(shown(*facts, canary=draw(st.booleans())),),
        doubt=draw(st.sampled_from(["", "the policy cannot be read"])),
    )


@st.composite
def contexts(draw: st.DrawFn) -> Context:
    """Draw a pass of any completeness, in any mode."""
    silent = draw(st.sets(st.sampled_from([STAFF.rule, TEMPS.rule, OTHERS.rule])))
    return context(
        mode=draw(st.sampled_from(list(Mode))),
        complete=draw(st.booleans()),
        canary=draw(st.booleans()),
        confirm=draw(st.sampled_from([timedelta(0), timedelta(minutes=10)])),
        silent_rules=frozenset(silent),
    )


def outcome(stored: User | None, sighting: Sighting, pass_: Context) -> Planned | None:
    """Return the plan; None also where the entry goes to quarantine."""
    try:
        return plan(stored, sighting, pass_)
    except Untrusted:
        return None


@given(stored=users(), sighting=sightings(), pass_=contexts())
def test_a_plan_on_its_own_result_changes_nothing(stored: User, sighting: Sighting, pass_: Context) -> None:
    """A pass can be repeated: the second time there is nothing to write, but for what its own writing made possible.

    A transfer is looked at once more, because the first plan decided it in the old tenant.
    """
    first = outcome(stored, sighting, pass_)
    assert first is not None
    settled = outcome(first.user, sighting, pass_)
    assert settled is not None
    again = outcome(settled.user, sighting, pass_)
    assert again is not None
    assert not again.changed
    assert again.user.locks == settled.user.locks


@given(stored=users(), sighting=sightings(), pass_=contexts())
def test_nobody_loses_their_affiliation_without_knowledge(stored: User, sighting: Sighting, pass_: Context) -> None:
    """Neither by an incomplete reading, nor by a silent rule, nor while observing."""
    result = outcome(stored, sighting, pass_)
    assert result is not None
    rule = stored.entries[0].rule
    waits = not pass_.complete or rule in pass_.silent_rules or pass_.mode is Mode.OBSERVE
    raised = [one.reason for one in result.raised]
    assert not (waits and LockReason.UNAFFILIATED in raised)
    if LockReason.UNAFFILIATED in raised:
        assert stored.tenant not in {match.tenant for match in sighting.matches}


@given(stored=users(), sighting=sightings(), pass_=contexts())
def test_the_standing_and_the_ledger_say_the_same(stored: User, sighting: Sighting, pass_: Context) -> None:
    """Whoever is unaffiliated has the lock, and whoever has the lock is unaffiliated."""
    result = outcome(stored, sighting, pass_)
    assert result is not None
    assert result.user.affiliation is not None
    lost = any(one.reason is LockReason.UNAFFILIATED for one in result.user.locks)
    assert lost is (result.user.affiliation.status is AffiliationStatus.UNAFFILIATED)


@given(stored=users(), sighting=sightings(), pass_=contexts())
def test_other_sources_locks_end_only_with_the_tenant(stored: User, sighting: Sighting, pass_: Context) -> None:
    """A directory says nothing about what people and connections hold."""
    result = outcome(stored, sighting, pass_)
    assert result is not None
    theirs = {one.id for one in stored.locks if one.source != "corp"}
    left = theirs - {one.id for one in result.user.locks}
    assert not left or result.user.tenant != stored.tenant
    assert {one.tenant for one in result.user.locks} <= {result.user.tenant}


@given(stored=users(), sighting=sightings(), pass_=contexts())
def test_an_observed_directory_has_no_lock_in_the_ledger(stored: User, sighting: Sighting, pass_: Context) -> None:
    """Whatever it had before."""
    observing = replace(pass_, mode=Mode.OBSERVE)
    for result in (outcome(stored, sighting, observing), plan_missing(stored, replace(observing, complete=True))):
        assert result is not None
        assert not [one for one in result.user.locks if one.source == "corp"]


@given(stored=users(), sighting=sightings(), pass_=contexts())
def test_every_change_of_the_ledger_has_its_audit_row(stored: User, sighting: Sighting, pass_: Context) -> None:
    """Raised and lifted: one row each, in the tenant that it concerned."""
    result = outcome(stored, sighting, pass_)
    assert result is not None
    rows = audit_of(result, pass_)
    raised = [row for row in rows if row.action is Action.LOCK_RAISED]
    lifted = [row for row in rows if row.action is Action.LOCK_LIFTED]
    assert (len(raised), len(lifted)) == (len(result.raised), len(result.lifted))
    assert {row.tenant for row in raised} <= {result.user.tenant}
    assert {row.tenant for row in lifted} <= {stored.tenant}
    assert all(row.reference == pass_.pass_id for row in rows)


@given(sighting=sightings(), pass_=contexts())
def test_a_newcomer_belongs_to_the_one_tenant_that_matches(sighting: Sighting, pass_: Context) -> None:
    """Or to none, and then is not stored."""
    result = outcome(None, sighting, pass_)
    tenants: set[TenantId] = {match.tenant for match in sighting.matches}
    if result is None:
        assert len(tenants) != 1 or pass_.silent_rules
    else:
        assert tenants == {result.user.tenant}
        assert result.user.entries[0].directory == link().directory


@given(tenant=st.sampled_from([ACME, GLOBEX]), rule=st.sampled_from(["corp/staff", "corp/others"]))
def test_a_match_names_its_tenant_and_rule(tenant: TenantId, rule: str) -> None:
    """A newcomer's affiliation is the rule that matched."""
    result = outcome(None, seen(matches=(RuleMatch(tenant=tenant, rule=rule),)), context())
    assert result is not None
    assert result.user.affiliation is not None
    assert (result.user.tenant, result.user.affiliation.rule) == (tenant, rule)


@given(stored=st.none() | users(), sighting=sightings(), pass_=contexts(), again=st.booleans())
def test_the_short_way_comes_to_the_same_as_the_long_one(
    stored: User | None,
    sighting: Sighting,
    pass_: Context,
    again: bool,  # noqa: FBT001 - hypothesis draws it
) -> None:
    """Nearly every plan is made without a close look, also one on what another plan has left behind."""
    first = outcome(stored, sighting, pass_)
    if again and first is not None:
        stored = first.user
    try:
        closely = plan_closely(stored, sighting, pass_)
    except Untrusted:
        closely = None
    shortly = outcome(stored, sighting, pass_)
    assert told(shortly) == told(closely)


@given(stored=st.none() | users(), sighting=sightings(), pass_=contexts(), later=contexts())
def test_whoever_has_a_digest_is_planned_alike_the_next_time(
    stored: User | None, sighting: Sighting, pass_: Context, later: Context
) -> None:
    """That is what passing an entry over relies on: the same bytes, under the same settings, change nothing more."""
    first = outcome(stored, replace(sighting, digest=b"d" * 16, same_until=NEVER), pass_)
    if first is None or first.digest is None:
        return
    later = replace(later, mode=pass_.mode, now=NOON + timedelta(days=2))
    again = outcome(first.user, sighting, later)
    assert again is not None
    assert (again.changed, again.notes, again.would_lock) == (False, (), ())

"""A plan as a proposal: what it would change in words, a hash that stands still, and what is left while it waits."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agent.context import Context
from agent.plan import Planned, plan, plan_missing
from agent.proposals import counted_of, differences_of, item_of, kept_back, key_of, weights_of
from agent.sightings import Sighting
from ims.batches import HeldItem, Why
from ims.locks import DIRECTORY_REASONS, ENTRY_REASONS, LockReason
from ims.people import Contact, Profile, Role, User
from tests.support.clock import NOON
from tests.support.people import ACME, GLOBEX, lock
from tests.support.sightings import AGO, OTHERS, STAFF, TEMPS, context, fact, known, planned, seen, shown

ATTEMPTS, DISABLED, EXPIRED, LOST = (
    LockReason.PASSWORD_ATTEMPTS,
    LockReason.DISABLED,
    LockReason.EXPIRED,
    LockReason.UNAFFILIATED,
)
NOW = context(confirm=timedelta(0))


def item(result: Planned, now: Context = NOW) -> HeldItem:
    """Return a plan as an item."""
    return item_of(result, now, Why.TOO_MANY, differences_of(result, now))


# --- in words --------------------------------------------------------------------------------------------------------


def test_what_changes_is_said_in_words() -> None:
    """Locks, affiliation, role, the profile's fields; what is not mapped does not change."""
    profile = Profile(user_name="ada", display_name="Ada L.", emails=(Contact(value="a@b.c", type="work"),))
    entry = seen(profile=profile, mapped=frozenset({"display_name", "emails"}), roles=((ACME, Role.AUDITOR),))
    result = planned(known(), replace(entry, locks=(shown(fact(DISABLED, ago=None)),)))
    assert [(one.what, one.before, one.after) for one in differences_of(result, NOW)] == [
        ("role", "", "auditor"),
        ("locks", "", "disabled"),
        ("display name", "Ada", "Ada L."),
        ("emails", "", "a@b.c"),
    ]


def test_somebody_new_is_told_by_name_and_place() -> None:
    """There is no user yet: the entry says who it is."""
    result = planned(None, seen())
    assert (item(result).key, item(result).user, item(result).tenant) == ("id-ada", None, ACME)
    assert item(result).before == "user: none; company account: none; affiliation: none; entry: none"
    assert item(result).after == "user: ada; company account: acme; affiliation: corp/staff; entry: uid=ada,ou=people"


def test_a_lock_that_lies_ahead_says_when() -> None:
    """And one with an end until when."""
    ahead = replace(fact(EXPIRED), since=NOON + AGO)
    ends = replace(fact(EXPIRED), since=NOON - 2 * AGO, until=NOON + AGO)
    for one, told in ((ahead, "expired from 2026-11-23 13:00 UTC"), (ends, "expired until 2026-11-23 13:00 UTC")):
        (change,) = differences_of(planned(known(), seen(locks=(shown(one),))), NOW)
        assert change.after == told


@pytest.mark.parametrize(
    "entry",
    [seen(dn="uid=ada,ou=moved"), seen(hint="the password has expired"), seen(doubt="who knows"), seen(stamp="9")],
    ids=["moved", "hint", "doubt", "stamp"],
)
def test_what_nobody_notices_is_no_difference(entry: Sighting) -> None:
    """Nor is a lock by wrong passwords, which never waits."""
    assert differences_of(planned(known(), entry), NOW) == ()
    locked = replace(entry, locks=(shown(fact(ATTEMPTS), canary=True),))
    assert differences_of(planned(known(), locked), NOW) == ()


def test_who_moves_between_two_company_accounts_is_neither_s_affair() -> None:
    """Each would learn of the other."""
    result = planned(known(), seen(matches=(OTHERS,)))
    assert item(result).tenant is None
    assert "company account: globex" in item(result).after


# --- the hash --------------------------------------------------------------------------------------------------------


def test_a_hash_stands_still_while_the_directory_does() -> None:
    """Another pass, another moment, another id for a user who is not there yet."""
    later = context(confirm=timedelta(0), now=NOON + AGO, pass_id="pass-9")
    for stored, entry in ((None, seen()), (known(), seen(matches=(), locks=(shown(fact(DISABLED, ago=None)),)))):
        one, two = plan(stored, entry, NOW), plan(stored, entry, later)
        assert one is not None
        assert two is not None
        assert item(one).hash == item(two, later).hash
    gone = plan_missing(known(), NOW), plan_missing(known(), later)
    assert item(gone[0]).hash == item(gone[1], later).hash


def test_another_proposal_has_another_hash() -> None:
    """For another person, of other people, with another reason, date or value."""
    early, late = (replace(fact(EXPIRED), evidence=(("pwdEndTime", day),)) for day in ("20260101", "20260102"))
    entries = [
        (known(), seen(matches=())),
        (known("bob"), seen("bob", matches=())),
        (known(), seen(matches=(), locks=(shown(fact(DISABLED, ago=None)),))),
        (known(), seen(locks=(shown(fact(DISABLED, ago=None)),))),
        (known(), seen(locks=(shown(fact(DISABLED, ago=None, server="ldap2"), server="ldap2"),))),
        (known(), seen(locks=(shown(early),))),
        (known(), seen(locks=(shown(late),))),
        (known(), seen(matches=(OTHERS,))),
        (known(), seen(matches=(TEMPS,))),
        (known(), seen(profile=Profile(user_name="ada", display_name="A"))),
        (known(), seen(profile=Profile(user_name="ada", display_name="B"))),
        (None, seen()),
    ]
    results = [plan(stored, entry, replace(NOW, servers=frozenset({"ldap2"}))) for stored, entry in entries]
    hashes = {item(result).hash for result in results if result is not None}
    assert len(hashes) == len(entries)


# --- what is left while it waits -------------------------------------------------------------------------------------

_FACTS = (None, ATTEMPTS, DISABLED, EXPIRED)
_MATCHES = ((), (STAFF,), (TEMPS,), (OTHERS,), (STAFF, OTHERS))


@st.composite
def users(draw: st.DrawFn) -> User:
    """Draw a user with some locks of the directory and of others, perhaps to be confirmed."""
    reasons = draw(st.sets(st.sampled_from([ATTEMPTS, DISABLED, EXPIRED, LockReason.ABSENT, LockReason.HELD])))
    locks = [lock(one, since=NOON - AGO, source="corp" if one in DIRECTORY_REASONS else "x") for one in sorted(reasons)]
    since = draw(st.sampled_from([None, NOON - AGO]))
    return known(locks=tuple(locks), unmatched_since=since, missing_since=draw(st.sampled_from([None, NOON - AGO])))


@st.composite
def sightings(draw: st.DrawFn) -> Sighting:
    """Draw what a pass may see of that user."""
    reason = draw(st.sampled_from(_FACTS))
    facts = () if reason is None else (fact(reason, ago=None if reason is DISABLED else AGO),)
    name = draw(st.sampled_from(["Ada", "Ada L."]))
    return seen(
        stamp=draw(st.sampled_from(["1", "2"])),
        matches=draw(st.sampled_from(_MATCHES)),
        locks=(shown(*facts, canary=draw(st.booleans())),),
        profile=Profile(user_name="ada", display_name=name),
        roles=((ACME, Role.AUDITOR),) if draw(st.booleans()) else (),
    )


@given(stored=users(), sighting=sightings(), canary=st.booleans())
def test_of_a_plan_that_waits_only_wrong_passwords_are_written(
    stored: User, sighting: Sighting, *, canary: bool
) -> None:
    """Who somebody is, where they belong and every other lock stay as they are."""
    now = replace(NOW, canary=canary)
    result = plan(stored, sighting, now)
    assert result is not None
    left = kept_back(result, now).user
    same = ("tenant", "profile", "affiliation", "role", "protected", "connection", "deleted_by", "last_unlock")
    assert all(getattr(left, name) == getattr(stored, name) for name in same)
    assert (left.entries[0].rule, left.entries[0].dn) == (stored.entries[0].rule, stored.entries[0].dn)
    assert {one for one in left.locks if one.reason is not ATTEMPTS} == {
        one for one in stored.locks if one.reason is not ATTEMPTS
    }
    assert {one.id for one in left.locks if one.reason is ATTEMPTS} == {
        one.id for one in result.user.locks if one.reason is ATTEMPTS
    }


@given(stored=users(), sighting=sightings(), canary=st.booleans())
def test_what_waits_is_proposed_again_just_the_same(stored: User, sighting: Sighting, *, canary: bool) -> None:
    """The pass that kept it back has used up nothing that the next one needs: neither a stamp nor a first sight.

    But for an unlock by a stamp that a new lock by wrong passwords dates: that stamp is not to be believed twice.
    """
    now = replace(NOW, canary=canary)
    result = plan(stored, sighting, now)
    assert result is not None
    assume(differences_of(result, now))
    left = kept_back(result, now).user
    assume(not any(one.reason is ATTEMPTS for one in left.locks) or not result.lifted)
    later = replace(now, now=NOON + AGO)
    again = plan(left, sighting, later)
    assert again is not None
    assert item(again, later).hash == item(result, now).hash


@given(stored=users(), sighting=sightings())
def test_what_is_kept_back_counts_nothing(stored: User, sighting: Sighting) -> None:
    """Neither now nor later; what is approved counts no more than its wrong passwords."""
    result = plan(stored, sighting, NOW)
    assert result is not None
    assert kept_back(result, NOW).counted == ()
    assert {one.reason for one in counted_of(replace(result, approved=True), NOW)} <= {ATTEMPTS}
    raised = {one.reason for one in result.raised}
    assert {one.reason for one in counted_of(result, NOW)} <= raised & (ENTRY_REASONS | {LOST})
    assert [one.reason for one in weights_of(result, NOW)] == [one.reason for one in result.counted]


def test_of_somebody_new_nothing_is_left() -> None:
    """Not even the lock by wrong passwords: there is no user to have it."""
    result = planned(None, seen(locks=(shown(fact(ATTEMPTS)),)))
    left = kept_back(result, NOW)
    assert (left.changed, left.held, left.digest) == (False, True, None)
    assert key_of(result, NOW) == "id-ada"
    assert counted_of(result, NOW) == ()


def test_somebody_who_is_locked_already_is_not_free() -> None:
    """Of those who are left, they are none."""
    disabled = known(locks=(lock(DISABLED, since=NOON - AGO),))
    (weight,) = weights_of(planned(disabled, seen(matches=(), locks=disabled_too()), confirm=timedelta(0)), NOW)
    assert (weight.reason, weight.free, weight.tenant) == (LOST, False, ACME)
    (weight,) = weights_of(planned(known(), seen(matches=()), confirm=timedelta(0)), NOW)
    assert weight.free
    assert weight.tenant != GLOBEX


def disabled_too() -> tuple[object, ...]:
    """Return what the server shows of somebody who is disabled still."""
    return (shown(fact(DISABLED, ago=None)),)

"""Who may end which lock, row by row as the design says it, and the sentences that tell people."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ims.locks import (
    Clearer,
    LedgerRules,
    Lock,
    LockReason,
    Remedy,
    Stickiness,
    clearable_by,
    display,
    ends_by_return,
    remedy,
    why_it_stays,
)
from tests.support.clock import NOON
from tests.support.people import lock

DEFAULTS = LedgerRules()
WRITES_DISABLED = LedgerRules(disabled_by_write=True)
CLEARS_DEPROVISIONED = LedgerRules(deprovisioned_by_unlock=True)
NEVER_STICKY = LedgerRules(stickiness=Stickiness.ON_RETURN)

CO, DIRECTORY, CONNECTION, TIME = Clearer

TABLE = [
    # reason, rules, what an unlock does about it, who may end it
    (LockReason.PASSWORD_ATTEMPTS, DEFAULTS, Remedy.WRITE_BACK, (CO, DIRECTORY)),
    (LockReason.UNAFFILIATED, DEFAULTS, Remedy.RESTORE, (CO,)),
    (LockReason.UNAFFILIATED, NEVER_STICKY, Remedy.RESTORE, (CO, DIRECTORY)),
    (LockReason.DISABLED, DEFAULTS, Remedy.NONE, (DIRECTORY,)),
    (LockReason.DISABLED, WRITES_DISABLED, Remedy.WRITE_BACK, (CO, DIRECTORY)),
    (LockReason.EXPIRED, DEFAULTS, Remedy.NONE, (DIRECTORY,)),
    (LockReason.IDLE, DEFAULTS, Remedy.NONE, (DIRECTORY,)),
    (LockReason.ABSENT, DEFAULTS, Remedy.NONE, (DIRECTORY,)),
    (LockReason.DEPROVISIONED, DEFAULTS, Remedy.NONE, (CONNECTION,)),
    (LockReason.DEPROVISIONED, CLEARS_DEPROVISIONED, Remedy.LEDGER, (CO, CONNECTION)),
    (LockReason.HELD, DEFAULTS, Remedy.LEDGER, (CO,)),
]


def a_lock(reason: LockReason, *, timed: bool = False) -> Lock:
    return lock(reason, until=NOON + timedelta(hours=1) if timed else None)


@pytest.mark.parametrize(("reason", "rules", "does", "clearers"), TABLE)
def test_the_table(reason: LockReason, rules: LedgerRules, does: Remedy, clearers: tuple[Clearer, ...]) -> None:
    """What an unlock does about a reason, and who may end it, is what the design's table says."""
    assert remedy(reason, rules) is does
    assert clearable_by(a_lock(reason), rules) == clearers


@pytest.mark.parametrize(("reason", "rules", "does", "clearers"), TABLE)
def test_time_ends_what_has_an_end(
    reason: LockReason,
    rules: LedgerRules,
    does: Remedy,
    clearers: tuple[Clearer, ...],
) -> None:
    """A timed lock, whatever its reason, can also be waited for; that comes last."""
    assert clearable_by(a_lock(reason, timed=True), rules) == (*clearers, Clearer.TIME)
    assert remedy(reason, rules) is does


def test_the_table_has_every_reason() -> None:
    assert {reason for reason, *_ in TABLE} == set(LockReason)


@pytest.mark.parametrize("reason", LockReason)
def test_a_rule_changes_its_own_reason_only(reason: LockReason) -> None:
    """`unlock.disabled` says nothing about `deprovisioned`, and the other way round."""
    if reason is not LockReason.DISABLED:
        assert remedy(reason, WRITES_DISABLED) is remedy(reason, DEFAULTS)
    if reason is not LockReason.DEPROVISIONED:
        assert remedy(reason, CLEARS_DEPROVISIONED) is remedy(reason, DEFAULTS)


@pytest.mark.parametrize(
    ("rules", "after", "ends"),
    [
        (DEFAULTS, timedelta(0), True),
        (DEFAULTS, timedelta(hours=24), True),
        (DEFAULTS, timedelta(hours=24, microseconds=1), False),
        (LedgerRules(grace=timedelta(0)), timedelta(0), True),
        (LedgerRules(grace=timedelta(0)), timedelta(seconds=1), False),
        (NEVER_STICKY, timedelta(days=1000), True),
        (LedgerRules(grace=timedelta.max), timedelta(days=1000), True),
    ],
)
def test_coming_back_ends_an_unaffiliation_within_its_grace(
    rules: LedgerRules,
    after: timedelta,
    ends: bool,  # noqa: FBT001 - a column of the table above
) -> None:
    """Back within the grace: by itself. Later it is sticky, unless settings say that it never is."""
    assert ends_by_return(a_lock(LockReason.UNAFFILIATED), NOON + after, rules) is ends


@pytest.mark.parametrize("reason", sorted(set(LockReason) - {LockReason.UNAFFILIATED}))
def test_coming_back_ends_nothing_else(reason: LockReason) -> None:
    """Matching the rule again says nothing about wrong passwords or a Co-Administrator's hold."""
    assert not ends_by_return(a_lock(reason), NOON, NEVER_STICKY)


PLACED = sorted(set(LockReason) - {LockReason.UNAFFILIATED, LockReason.HELD})


@pytest.mark.parametrize("reason", LockReason)
def test_every_reason_has_its_sentences(reason: LockReason) -> None:
    """Both are whole texts: nothing left to fill in, and the second goes on from the first."""
    one = a_lock(reason)
    assert display(one)[0].isupper()
    assert "{" not in display(one)
    assert why_it_stays(one).startswith(f"{display(one)}; ")
    assert len(why_it_stays(one)) > len(display(one)) + 2


def test_no_two_reasons_read_alike() -> None:
    assert len({display(a_lock(reason)) for reason in LockReason}) == len(LockReason)
    assert len({why_it_stays(a_lock(reason)) for reason in LockReason}) == len(LockReason)


@pytest.mark.parametrize("reason", PLACED)
def test_a_text_names_the_place(reason: LockReason) -> None:
    """The directory or connection is named, with the server where only that one holds the lock."""
    assert "corp" in display(a_lock(reason))
    assert "corp (dc2)" in display(lock(reason, server="dc2"))


def test_a_hold_tells_its_note() -> None:
    """The padlock's text ends with what the Co-Administrator wrote, braces and all."""
    one = lock(LockReason.HELD)
    held = replace(one, note="lost laptop {source}")
    assert display(held) == "Locked by a Co-Administrator: lost laptop {source}"


def test_the_values_of_reasons_are_a_contract() -> None:
    """They are part of the SCIM extension: adding one is a decision, changing one never happens."""
    assert [reason.value for reason in LockReason] == [
        "password_attempts",
        "unaffiliated",
        "disabled",
        "expired",
        "idle",
        "absent",
        "deprovisioned",
        "held",
    ]
    assert [clearer.value for clearer in Clearer] == ["co_administrator", "directory", "connection", "time"]

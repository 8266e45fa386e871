"""One row for every lock that moved between two ledgers."""

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from ims.audit import Action, AuditEntry, Result, entry_by, ledger_entries
from ims.locks import Lock, LockReason
from ims.people import Channel, Role
from ims.verifying import BreakKind
from tests.support.clock import NOON
from tests.support.people import ACME, actor, lock, user
from tests.support.repository import read

HOUR = timedelta(hours=1)
ROW = replace(entry_by(actor(), Action.UNLOCK, Result.REFUSED, NOON, user()), reference="intent-1", detail="a detail")
ONE = lock()
OTHER = lock(LockReason.DISABLED, until=NOON + HOUR)


def rows(before: list[Lock], after: list[Lock]) -> list[AuditEntry]:
    return list(ledger_entries(ROW, before, after))


def test_a_row_tells_who_acted_on_whom() -> None:
    assert (ROW.actor, ROW.role, ROW.channel) == ("co_administrator", Role.CO_ADMINISTRATOR, Channel.SCIM)
    assert (ROW.subject, ROW.user, ROW.tenant, ROW.at) == ("ada", "user-ada", ACME, NOON)


def test_what_did_not_move_has_no_row() -> None:
    """Whatever the order in which two ledgers list the same."""
    assert rows([], []) == []
    assert rows([ONE, OTHER], [OTHER, ONE]) == []


def test_raised_and_lifted() -> None:
    """The act it belongs to stays; result and texts are the lock's own."""
    (raised,) = rows([ONE], [ONE, OTHER])
    (lifted,) = rows([ONE, OTHER], [ONE])
    text = "disabled from corp until 2026-11-23 13:00:00 UTC"
    assert (raised.action, raised.before, raised.after) == (Action.LOCK_RAISED, "", text)
    assert (lifted.action, lifted.before, lifted.after) == (Action.LOCK_LIFTED, text, "")
    for row in (raised, lifted):
        assert (row.result, row.detail) == (Result.DONE, "Disabled in corp by its administrators")
        assert (row.actor, row.reference, row.at) == (ROW.actor, "intent-1", NOON)


def test_a_lock_whose_end_moved_is_one_row() -> None:
    (row,) = rows([OTHER], [replace(OTHER, until=None)])
    assert (row.action, row.before, row.after) == (
        Action.LOCK_UPDATED,
        "disabled from corp until 2026-11-23 13:00:00 UTC",
        "disabled from corp",
    )


def test_rows_come_in_the_order_of_lock_ids() -> None:
    """The same change is the same audit, on every machine and in every run."""
    locks = sorted((lock(reason) for reason in LockReason), key=lambda one: one.id)
    assert [row.after.split()[0] for row in rows([], locks[::-1])] == [one.reason.value for one in locks]


def test_every_act_is_explained() -> None:
    """docs/audit.md says when each is recorded, and knows no other."""
    told = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|", read(Path("docs/audit.md")).split("## Verifying")[0], re.MULTILINE)
    assert {name for names in told for name in re.findall(r"`(\w+)`", names)} == set(Action)


def test_every_kind_of_break_is_explained() -> None:
    """The same for what `lockstep audit verify` names."""
    table = read(Path("docs/audit.md")).split("## Verifying")[1].split("## Keeping")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(BreakKind)

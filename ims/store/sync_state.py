"""What the sync remembers between passes and shares between processes, and the progress that a batch carries."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from ims.audit import AuditEntry
from ims.errors import FenceLost
from ims.locks import BEGINNING, state_of
from ims.passes import Circuit, DirectoryState, Fence, Mode, PassReport, Quarantined
from ims.people import DirectoryName, Revision, UserId
from ims.ports import Applied, Processes, Progress
from ims.store.audit import append
from ims.store.codec import decode, dumps, encode
from ims.store.engine import Part
from ims.store.held import forget_counted, save_held
from ims.store.rows import locks_of
from ims.store.tables import batches, circuits, directories, entries, leases, passes, quarantine, users

KEPT_PASSES = 1000
"""How many reports are kept of each directory."""


class SqlSyncState(Part):
    """The sync's memory as the store keeps it."""

    def directory(self, name: DirectoryName) -> DirectoryState:
        """Return a directory's state; a fresh one if it was never read."""
        asked = select(directories.c.mode, directories.c.document).where(directories.c.name == name)
        with self._database.reading() as connection:
            row = connection.execute(asked).first()
        if row is None:
            return DirectoryState(name=name)
        return replace(decode(DirectoryState, row.document), mode=Mode(row.mode) if row.mode else None)

    def save_directory(self, state: DirectoryState) -> None:
        """Replace a directory's state outside a pass (mode, error, next run)."""
        with self._database.writing() as connection:
            _save_state(connection, state, state.mode.value if state.mode else "")

    def passes(self, directory: DirectoryName | None = None, limit: int = 20) -> tuple[PassReport, ...]:
        """Return the newest reports, newest first; the newest `KEPT_PASSES` of each directory are kept."""
        asked = select(passes.c.document).order_by(passes.c.number.desc()).limit(limit)
        if directory is not None:
            asked = asked.where(passes.c.directory == directory)
        with self._database.reading() as connection:
            return tuple(decode(PassReport, document) for document in connection.execute(asked).scalars())

    def quarantine(self, directory: DirectoryName | None = None) -> tuple[Quarantined, ...]:
        """Return what waits in quarantine, oldest first."""
        asked = select(quarantine).order_by(quarantine.c.since, quarantine.c.directory, quarantine.c.key)
        if directory is not None:
            asked = asked.where(quarantine.c.directory == directory)
        with self._database.reading() as connection:
            return tuple(Quarantined(**row) for row in connection.execute(asked).mappings())

    def reject(self, waiting: Quarantined, audit: Sequence[AuditEntry]) -> None:
        """Keep who rejected an entry and when; one that waits no longer is left alone."""
        here = (quarantine.c.directory == waiting.directory, quarantine.c.key == waiting.key)
        decided = {"rejected": waiting.rejected, "rejected_by": waiting.rejected_by}
        with self._database.writing() as connection:
            kept = connection.execute(update(quarantine).where(*here).values(decided)).rowcount == 1
            append(connection, audit if kept else ())

    def take_lease(
        self,
        directory: DirectoryName,
        owner: str,
        ttl: timedelta,
        now: datetime,
        processes: Processes | None = None,
    ) -> Fence | None:
        """Take or renew the lease on a directory; a new owner gets a higher number. None = another owner holds it.

        With `processes`, that of an owner who is known to be gone is taken at once: a crash need not be waited out.
        """
        here = leases.c.directory == directory
        with self._database.writing() as connection:
            lease = connection.execute(select(leases).where(here).with_for_update()).first()
            if lease is not None and lease.owner != owner and now < lease.until and not _gone(lease.owner, processes):
                return None
            last = lease.number if lease is not None else 0
            number = last if lease is not None and lease.owner == owner else last + 1
            row = {"directory": directory, "number": number, "owner": owner, "until": now + ttl}
            connection.execute(delete(leases).where(here))
            connection.execute(insert(leases), row)
        return Fence(directory=directory, number=number)

    def drop_lease(self, fence: Fence) -> None:
        """Give a lease back, so that another agent need not wait for its end. A lease lost meanwhile stays as it is."""
        held = (leases.c.directory == fence.directory, leases.c.number == fence.number)
        with self._database.writing() as connection:
            connection.execute(update(leases).where(*held).values(owner="", until=BEGINNING))

    def circuit(self, secret: str) -> Circuit | None:
        """Return the open circuit of a secret's fingerprint, if there is one."""
        with self._database.reading() as connection:
            row = connection.execute(select(circuits).where(circuits.c.secret == secret)).mappings().first()
        return Circuit(**row) if row else None

    def open_circuit(self, circuit: Circuit) -> None:
        """Remember that a directory refused this secret; the first refusal stays."""
        with self._database.writing() as connection:
            if connection.execute(select(circuits.c.secret).where(circuits.c.secret == circuit.secret)).first() is None:
                row = {"secret": circuit.secret, "directory": circuit.directory, "why": circuit.why}
                connection.execute(insert(circuits), row | {"opened": circuit.opened})

    def close_circuit(self, secret: str) -> None:
        """Forget a refusal (the operator says that the account was repaired)."""
        with self._database.writing() as connection:
            connection.execute(delete(circuits).where(circuits.c.secret == secret))

    def circuits(self) -> tuple[Circuit, ...]:
        """Return all open circuits, oldest first."""
        with self._database.reading() as connection:
            rows = connection.execute(select(circuits).order_by(circuits.c.opened, circuits.c.secret)).mappings()
            return tuple(Circuit(**row) for row in rows)


def _gone(owner: str, processes: Processes | None) -> bool:
    return bool(owner) and processes is not None and processes.gone(owner) is True


# --- the progress of a pass, in the transaction of the users it covers ------------------------------------------------


def require_fence(connection: Connection, fence: Fence) -> None:
    """Raise FenceLost unless nobody took the directory over since the fence was given, and keep it so."""
    asked = select(leases.c.number).where(leases.c.directory == fence.directory).with_for_update()
    number = connection.execute(asked).scalar_one_or_none()
    if number != fence.number:
        raise FenceLost(f"Another agent has taken over the directory {fence.directory}; nothing was written")


def applied_before(connection: Connection, progress: Progress) -> Applied | None:
    """Return what became of this batch of this pass, if it was applied already."""
    same = (batches.c.pass_id == progress.pass_id, batches.c.number == progress.number)
    row = connection.execute(select(batches.c.revision, batches.c.dropped).where(*same)).first()
    if row is None:
        return None
    return Applied(revision=Revision(row.revision), dropped=tuple(map(UserId, json.loads(row.dropped))))


def save_progress(connection: Connection, progress: Progress, applied: Applied) -> None:
    """Write how far the pass is, and with its last batch its state, its report and the quarantine."""
    here = progress.fence.directory
    row = {"pass_id": progress.pass_id, "number": progress.number, "directory": here, "revision": applied.revision}
    connection.execute(insert(batches), row | {"dropped": dumps(applied.dropped)})
    if progress.state is not None:
        _save_state(connection, progress.state, _stored_mode(connection, progress.state))
    if progress.quarantine is not None:
        _replace_quarantine(connection, here, progress.quarantine)
    if progress.held is not None:
        save_held(connection, here, progress.held)
    if progress.report is not None:
        forget_counted(connection, here, progress.report.ended)
        connection.execute(delete(batches).where(batches.c.directory == here, batches.c.pass_id != progress.pass_id))
        _save_report(connection, progress.report)


def _stored_mode(connection: Connection, state: DirectoryState) -> str:
    """Return the mode to keep: `lockstep enable` may have changed it while the pass was reading."""
    asked = select(directories.c.mode).where(directories.c.name == state.name)
    mode = connection.execute(asked).scalar_one_or_none()
    if mode is not None:
        return str(mode)
    return state.mode.value if state.mode else ""


def _save_state(connection: Connection, state: DirectoryState, mode: str) -> None:
    connection.execute(delete(directories).where(directories.c.name == state.name))
    row = {"name": state.name, "mode": mode, "document": encode(state)}
    connection.execute(insert(directories), row)


def _replace_quarantine(connection: Connection, here: DirectoryName, waiting: tuple[Quarantined, ...]) -> None:
    """Replace what waits. Whoever rejected an entry while the pass was under way is not forgotten."""
    there = quarantine.c.directory == here
    rejected = select(quarantine.c.key, quarantine.c.rejected, quarantine.c.rejected_by)
    kept = {row.key: row for row in connection.execute(rejected.where(there, quarantine.c.rejected.is_not(None)))}
    connection.execute(delete(quarantine).where(there))
    rows = {item.key: {**asdict(item), "directory": here} for item in waiting}
    for key in kept.keys() & rows.keys():
        rows[key] |= {"rejected": kept[key].rejected, "rejected_by": kept[key].rejected_by}
    if rows:
        connection.execute(insert(quarantine), list(rows.values()))


def _save_report(connection: Connection, report: PassReport) -> None:
    here = passes.c.directory == report.directory
    connection.execute(insert(passes), {"directory": report.directory, "document": encode(report)})
    oldest = select(passes.c.number).where(here).order_by(passes.c.number.desc()).limit(1).offset(KEPT_PASSES)
    connection.execute(delete(passes).where(here, passes.c.number <= oldest.scalar_subquery()))
    if report.complete and not report.error:
        _forget_transitions(connection, report.directory, report.started)


def _forget_transitions(connection: Connection, directory: DirectoryName, started: datetime) -> None:
    """Compute anew what the clock has moved: the entries were read after these transitions, none need be read for them.

    Users without any entry come along; nobody else would do it for them. No version moves: nothing was decided here.
    """
    known = users.c.number.in_(select(entries.c.user).where(entries.c.directory == directory))
    unknown = users.c.number.not_in(select(entries.c.user))
    asked = select(users.c.number, users.c.standing).where(users.c.next_transition <= started, or_(known, unknown))
    rows = []
    for number, standing in connection.execute(asked).all():
        state = state_of(locks_of(standing), started)
        rows.append({"row": number, "a": state.locked_until, "b": state.locks_at, "c": state.next_transition})
    if rows:
        moved: dict[str, Any] = {
            "locked_until": bindparam("a"),
            "locks_at": bindparam("b"),
            "next_transition": bindparam("c"),
        }
        connection.execute(update(users).where(users.c.number == bindparam("row")).values(moved), rows)

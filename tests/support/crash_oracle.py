"""What must be true after a crash and a recovery, whatever was under way: asked of the directory, and of the store.

The directory's side comes over a connection of the administrator and from the server's own log of writes, never through
the agent's code. No word here knows where the process was killed.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from agent.sync import reconcile
from ims.audit import Action, AuditEntry, Result
from ims.locks import LockReason
from ims.people import User
from ims.store import SqlStore
from lockstep.wiring import Wiring
from tests.support.crash_scene import LOCKED, CrashScene
from tests.support.crash_work import ASKED, CORP, REFUSED, named, settle
from tests.support.oracle import Oracle
from tests.support.people import ACME
from tests.support.slapd_config import ADMIN_PASSWORD, AGENT_DN, AGENT_PASSWORD, BASE

_TOKEN = re.compile(rb"lsk_[0-9a-f]{12}_[A-Za-z0-9_-]{8,}")


def assert_sound(scene: CrashScene) -> None:
    """Assert everything that must be true once the next process has settled and read the directory."""
    with scene.installation.wired() as wiring:
        _assert_settled(wiring)
        oracle_of(scene, wiring).assert_settled()
        _assert_acknowledged_is_done(scene, wiring)
        _assert_only_what_was_asked_for_was_written(scene)
        _assert_one_outcome_per_unlock(wiring.store)
    verified = scene.installation.run("audit", "verify")
    assert verified.exit_code == 0, verified.output
    assert_no_secret_in(scene.installation.folder, *(person.password for person in scene.corner.people))


def oracle_of(scene: CrashScene, wiring: Wiring) -> Oracle:
    """Return the judge of the scene's directory and store."""
    unit = f"ou={scene.corner.name},{BASE}"
    return Oracle(scene.slapd, wiring.store, wiring.clock, unit=unit, staff=scene.corner.group)


def assert_no_secret_in(folder: Path, *more: str) -> None:
    """Assert that no file of an installation but its settings holds a password or a token."""
    secrets = {text.encode() for text in (AGENT_PASSWORD, ADMIN_PASSWORD, "a wrong password", *more)}
    for file in (file for file in folder.rglob("*") if file.is_file() and file.suffix != ".toml"):
        content = file.read_bytes()
        assert [secret for secret in secrets if secret in content] == [], file
        assert _TOKEN.search(content) is None, file


# ---------------------------------------------------------------------------------------------------------------------


def _assert_settled(wiring: Wiring) -> None:
    """Nothing is open, nothing is left to be settled, and another reading would change nothing."""
    assert wiring.store.open_intents() == ()
    assert settle(wiring) == 0
    again = reconcile(wiring.run_of(CORP))
    assert (again.report.complete, again.preview) == (True, ())
    assert wiring.store.quarantine() == ()


def _assert_acknowledged_is_done(scene: CrashScene, wiring: Wiring) -> None:
    """Whatever somebody was told is so; and whom nobody could unlock is locked as before."""
    journal, store = scene.journal, wiring.store
    done = {row.subject for row in store.audit(limit=100_000) if row.action is Action.UNLOCK and _is_done(row)}
    assert journal.acknowledged("unlock") <= done
    for name in journal.acknowledged("unlock"):
        person = scene.corner.person(name.partition("-")[0])
        assert not scene.marker(person), f"{name} was told to be unlocked"
        assert named(wiring, name.partition("-")[0]).locks == ()
    refused = scene.corner.person(REFUSED)
    assert scene.marker(refused) == scene.markers[refused.uid]
    users = store.named(ACME, [*journal.acknowledged("create"), "gone"])
    assert journal.acknowledged("create") <= users.keys()
    assert {users[name].profile.title for name in journal.acknowledged("edit")} <= {"edited"}
    assert all(_is_held(users[name]) for name in journal.acknowledged("hold"))
    assert "gone" not in users or not journal.acknowledged("delete")
    _assert_tokens(journal.acknowledged("token"), journal.acknowledged("revoke"), store)


def _assert_tokens(made: set[str], revoked: set[str], store: SqlStore) -> None:
    kept = {str(token.id): token for token in store.tokens()}
    assert made <= kept.keys()
    assert all(kept[name].revoked for name in revoked)


def _assert_only_what_was_asked_for_was_written(scene: CrashScene) -> None:
    """The server's log: one deletion for each marker that is gone, one addition for the member who is back."""
    writes = Counter(_writes(scene))
    expected = {
        (person.dn, f"pwdAccountLockedTime:- {scene.markers[person.uid]}"): 1
        for name in LOCKED
        if not scene.marker(person := scene.corner.person(name))
    }
    fay = scene.corner.person("fay")
    if fay.dn in scene.members():
        expected[scene.corner.group, f"member:+ {fay.dn}"] = 1
    assert writes == expected
    assert {dn for dn, _ in writes} <= {scene.corner.group, *(scene.corner.person(name).dn for name in ASKED)}


def _writes(scene: CrashScene) -> Iterator[tuple[str, str]]:
    """Yield what the agent has changed: the entry, and each value; slapd itself adds its own attributes."""
    own = (b"entryCSN:", b"modifiersName:", b"modifyTimestamp:", b"pwdFailureTime:")
    for row in scene.slapd.log(f"(&(objectClass=auditWriteObject)(reqAuthzID={AGENT_DN}))"):
        dn = row["reqdn"][0].decode()
        if scene.corner.name in dn:
            yield from ((dn, change.decode()) for change in row.get("reqmod", []) if not change.startswith(own))


def _assert_one_outcome_per_unlock(store: SqlStore) -> None:
    told = store.audit(limit=100_000)
    assert [row for row in told if row.action is Action.UNLOCKED_OUTSIDE] == [], "nobody else has unlocked anybody"
    rows = [row for row in told if row.action is Action.UNLOCK]
    assert [reference for reference, times in Counter(row.reference for row in rows).items() if times > 1] == []
    assert all(row.reference for row in rows)


def _is_done(row: AuditEntry) -> bool:
    return row.result is Result.DONE


def _is_held(user: User) -> bool:
    return any(lock.reason is LockReason.HELD for lock in user.locks)

"""kill -9 at named failpoints, while passes, unlocks and provisioning run at once: the next process finds it all sound.

Each case is one place and one death. Afterwards a new process settles what is open and reads the directory once; then
the directory, asked by its administrator, and the store must agree in everything (`tests.support.crash_oracle`).
"""

import os
import signal
from pathlib import Path

import ldap3
import pytest

from agent.sync import reconcile
from ims.credentials import new_secret
from tests.support.crash_oracle import assert_sound, oracle_of
from tests.support.crash_scene import CrashScene, plain
from tests.support.crash_work import CORP
from tests.support.failpoints import FAILPOINTS, INTENT_TO_WRITE, WRITE_TO_OUTCOME, Failpoint
from tests.support.installation import Corner, Installation, corner
from tests.support.oracle import canonical
from tests.support.prefork import Prefork
from tests.support.slapd import Slapd
from tests.support.slapd_config import AGENT_DN, AGENT_PASSWORD

pytestmark = pytest.mark.servers

RECOVERS_WITHIN_S = 10
"""From the start of the next process to a store that is sound."""
NTH = (0, 2, 3, 5) if os.environ.get("LOCKSTEP_FAULTS") == "long" else (0,)
"""At which time a failpoint is hit; 0 = at the one that its table says."""
OTHERS = [point for point in FAILPOINTS.values() if point not in (*INTENT_TO_WRITE, *WRITE_TO_OUTCOME)]


def names(points: list[Failpoint] | tuple[Failpoint, ...]) -> list[str]:
    """Return what pytest calls the cases."""
    return [point.name for point in points]


def must_recover(scene: CrashScene, runner: Prefork, point: str, nth: int) -> None:
    """Kill a process at a failpoint, let the next one begin, and require that everything is sound."""
    code = scene.kill(runner, point, nth)
    told = scene.output.read_text() if scene.output.exists() else ""
    if nth and code == 0:
        return  # not reached that often: the work came to its end, and `test_without_a_crash` is about that
    assert code == -signal.SIGKILL, f"{point} was not reached: {code} {told}"
    assert scene.recover(runner) <= RECOVERS_WITHIN_S
    assert_sound(scene)


@pytest.mark.parametrize("nth", NTH)
@pytest.mark.parametrize("point", names(INTENT_TO_WRITE))
def test_f31_killed_between_the_intent_and_the_write(scene: CrashScene, runner: Prefork, point: str, nth: int) -> None:
    """Settled at the start as not done, or as done where another unlock was under way; once."""
    must_recover(scene, runner, point, nth)


@pytest.mark.parametrize("nth", NTH)
@pytest.mark.parametrize("point", names(WRITE_TO_OUTCOME))
def test_f32_killed_between_the_write_and_the_outcome(scene: CrashScene, runner: Prefork, point: str, nth: int) -> None:
    """Recognised as done by reading; one effect, and nobody writes again."""
    must_recover(scene, runner, point, nth)


@pytest.mark.parametrize("nth", NTH)
@pytest.mark.parametrize("point", names(OTHERS))
def test_f42_killed_anywhere_else(scene: CrashScene, runner: Prefork, point: str, nth: int) -> None:
    """In a pass, in a transaction, while settling, while a connection writes."""
    must_recover(scene, runner, point, nth)


def test_f42_without_a_crash_everything_comes_to_its_end(scene: CrashScene, runner: Prefork) -> None:
    """What is killed above does, left alone, what it is meant to do."""
    assert scene.kill(runner, "") == 0, scene.output.read_text()
    unlocked = {name.partition("-")[0] for name in scene.journal.acknowledged("unlock")}
    assert unlocked == {"ada", "bob", "cyd", "fay", "gus"}
    assert scene.recover(runner) <= RECOVERS_WITHIN_S
    assert_sound(scene)


def test_f42_there_are_enough_failpoints() -> None:
    """Forty places at least, each with one name and one place."""
    places = {(point.function, point.after, point.nth) for point in FAILPOINTS.values()}
    assert len(places) == len(FAILPOINTS) >= 40


# --- the first import -------------------------------------------------------------------------------------------------

CROWD = tuple(f"p{number}" for number in range(9))
IMPORT_POINTS = ["store.apply.before", "store.apply.after", "store.inserted", "store.audit.after", "pass.batch.after"]


@pytest.mark.parametrize("point", IMPORT_POINTS)
def test_f42_killed_in_a_first_import(logging_slapd: Slapd, runner: Prefork, tmp_path: Path, point: str) -> None:
    """After each of its batches: the next reading ends in the same store as one that nobody disturbed."""
    where = corner(logging_slapd, CROWD)
    for person in where.people[:3]:
        logging_slapd.lock(person)
    undisturbed = imported(where, runner, tmp_path / "undisturbed", "", 0)
    for nth in range(1, 5):
        assert imported(where, runner, tmp_path / str(nth), point, nth) == undisturbed


def imported(where: Corner, runner: Prefork, folder: Path, point: str, nth: int) -> list[str]:
    """Import a corner in a process that dies at a failpoint, let the next one begin, and return what is stored then."""
    folder.mkdir()
    installation = Installation(folder=folder, directories=plain(where.settings()))
    scene = CrashScene(installation=installation, corner=where, slapd=where.slapd, newcomer=where.people[0])
    code = runner.run(scene.order("first_import", point, nth, batch=2))
    assert code == (-signal.SIGKILL if point else 0), scene.output.read_text()
    assert scene.recover(runner) <= RECOVERS_WITHIN_S
    with installation.wired() as wiring:
        oracle_of(scene, wiring).assert_settled()
        assert reconcile(wiring.run_of(CORP)).preview == ()
        return canonical(wiring.store)


# --- the oracle itself ------------------------------------------------------------------------------------------------


def test_the_oracle_sees_a_lock_that_is_gone(scene: CrashScene, runner: Prefork) -> None:
    """Somebody whom nobody asked for is free in the directory."""
    scene.recover(runner)
    scene.slapd.modify(scene.corner.person("dan").dn, pwdAccountLockedTime=[])
    with pytest.raises(AssertionError):
        assert_sound(scene)


def test_the_oracle_sees_an_unlock_that_was_told_and_not_done(scene: CrashScene, runner: Prefork) -> None:
    """The journal says so, the directory does not."""
    scene.recover(runner)
    scene.journal.note("unlock", scene.corner.person("ada").uid)
    with pytest.raises(AssertionError):
        assert_sound(scene)


def test_the_oracle_sees_a_second_effect(scene: CrashScene, runner: Prefork) -> None:
    """The lock was put back behind its back and removed again by the agent's account."""
    ada = scene.corner.person("ada")
    assert runner.run(scene.order("unlock", journal=str(scene.journal.file), name="ada")) == 0
    scene.recover(runner)
    assert_sound(scene)
    scene.slapd.force(ada.dn, pwdAccountLockedTime=scene.markers[ada.uid])
    with scene.slapd.connected(AGENT_DN, AGENT_PASSWORD) as agent:
        agent.modify(ada.dn, {"pwdAccountLockedTime": [(ldap3.MODIFY_DELETE, [scene.markers[ada.uid]])]})
    with pytest.raises(AssertionError):
        assert_sound(scene)


def test_the_oracle_sees_a_secret_in_the_log(scene: CrashScene, runner: Prefork) -> None:
    """A person's password, the agent's, or a token."""
    scene.recover(runner)
    for secret in (scene.corner.person("ada").password, AGENT_PASSWORD, new_secret()[1]):
        scene.output.write_text(f"signing in with {secret}\n")
        with pytest.raises(AssertionError):
            assert_sound(scene)
    scene.output.write_text("signing in\n")
    assert_sound(scene)

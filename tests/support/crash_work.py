"""What a process does until it is killed: it settles, reads the directory, unlocks and provisions, all at once.

Everything goes through the composition root, as in a process of its own. What was answered, and to whom, is written to
a journal that survives the process: an act that is in it was acknowledged.
"""

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from agent import newcomers, writing
from agent.run import PassResult, Run
from agent.sync import reconcile, tick
from config.load import load
from ims.audit import Action, Result, entry_by
from ims.credentials import Token, digest_of, new_secret
from ims.errors import LockstepError
from ims.names import key_of_name
from ims.people import Actor, ConnectionName, DirectoryName, Profile, Role, User, UserId
from ims.permits import TenantView, for_actor
from ims.provisioning import Edit
from ims.settling import settle_open_intents
from lockstep import logs
from lockstep.leasing import lease
from lockstep.wiring import Wiring
from tests.support.people import ACME, actor, provisioner

CORP = DirectoryName("corp")
OKTA = ConnectionName("okta")
ASKED = ("ada", "bob", "fay", "gus", "cyd")
"""Who is to be unlocked, in this order; fay is to get her affiliation back."""
REFUSED = "dan"
"""Who is asked for with a lock that was not shown: nobody may unlock him."""


@dataclass(frozen=True, slots=True)
class Journal:
    """What was acknowledged, one line each, written before anything else happens."""

    file: Path

    def note(self, act: str, whom: str, result: str = "") -> None:
        """Write down that an act was acknowledged; `result` names the error where it was refused."""
        line = json.dumps([act, whom, result]) + "\n"
        descriptor = os.open(self.file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(descriptor, line.encode())
        finally:
            os.close(descriptor)

    def read(self) -> Iterator[tuple[str, str, str]]:
        """Yield what was written."""
        if self.file.exists():
            yield from (tuple(json.loads(line)) for line in self.file.read_text().splitlines())

    def acknowledged(self, act: str) -> set[str]:
        """Return for whom an act was done and acknowledged."""
        return {whom for done, whom, result in self.read() if done == act and not result}


def work(config: str, journal: str) -> None:
    """Do everything at once, to the end."""
    with Wiring(load(Path(config), {})) as wiring:
        logs.configure(wiring.settings.log.level, wiring.settings.log.format)
        book = Journal(Path(journal))
        people: tuple[Callable[[Wiring, Journal], None], ...] = (_agent, _administrator, _connection)
        with ThreadPoolExecutor(len(people)) as pool:
            for done in [pool.submit(one, wiring, book) for one in people]:
                done.result()


def first_import(config: str, batch: int) -> None:
    """Read a directory for the first time, in small batches."""
    _pass(config, batch, reconcile)


def next_tick(config: str, batch: int) -> None:
    """Read what changed in a directory, in small batches."""
    _pass(config, batch, tick)


def _pass(config: str, batch: int, walk: Callable[[Run], PassResult]) -> None:
    writing.BATCH = newcomers.BATCH = batch  # type: ignore[attr-defined]  # the name that the module has imported
    with Wiring(load(Path(config), {})) as wiring, lease(wiring, CORP) as fence:
        walk(wiring.run_of(CORP, fence))


def recover(config: str) -> int:
    """Do what the next process does: settle, and read the directory. Return how many unlocks were settled."""
    with Wiring(load(Path(config), {})) as wiring:
        settled = settle(wiring)
        with lease(wiring, CORP) as fence:
            tick(wiring.run_of(CORP, fence))
        return settled


def unlock(config: str, journal: str, name: str) -> None:
    """Unlock one person and nothing else."""
    with Wiring(load(Path(config), {})) as wiring:
        logs.configure(wiring.settings.log.level, wiring.settings.log.format)
        _unlock(wiring, Journal(Path(journal)), name)


def settle(wiring: Wiring) -> int:
    """Settle what a crash left open."""
    return settle_open_intents(
        wiring.store,
        wiring.write_back,
        wiring.processes,
        wiring.clock,
        wiring.directories,
    )


def named(wiring: Wiring, name: str) -> User:
    """Return the user whose name begins with this."""
    users = wiring.store.behind(CORP, wiring.store.entry_ids(CORP)).values()
    return next(user for user in users if user.profile.user_name.startswith(f"{name}-"))


# --- who acts ---------------------------------------------------------------------------------------------------------


def _agent(wiring: Wiring, _journal: Journal) -> None:
    settle(wiring)
    for walk in (tick, reconcile, tick):
        with lease(wiring, CORP) as fence:
            walk(wiring.run_of(CORP, fence))


def _administrator(wiring: Wiring, journal: Journal) -> None:
    _refused(wiring, journal)
    for name in ASKED:
        _unlock(wiring, journal, name)


def _connection(wiring: Wiring, journal: Journal) -> None:
    view = for_actor(provisioner(OKTA), wiring.services)
    for number in range(3):
        name = f"scim{number}"
        user = view.create(Profile(user_name=name), active=True)
        journal.note("create", name)
        view.edit(user.id, Edit(profile=replace(user.profile, title="edited")))
        journal.note("edit", name)
        for_actor(actor(), wiring.services).hold(user.id, "held by a test", wiring.clock.now() + timedelta(hours=1))
        journal.note("hold", name)
        _token(wiring, journal, name)
    gone = view.create(Profile(user_name="gone"), active=True)
    view.delete(gone.id)
    journal.note("delete", "gone")


def _token(wiring: Wiring, journal: Journal, label: str) -> None:
    """Make a token and revoke it, each with its row."""
    token_id, secret = new_secret()
    now = wiring.clock.now()
    token = Token(
        id=token_id,
        digest=digest_of(secret),
        role=Role.PROVISIONER,
        created=now,
        expires=now + timedelta(days=1),
        label=label,
        tenant=ACME,
        connection=OKTA,
    )
    subject = _nobody(wiring)
    row = entry_by(actor(), Action.TOKEN_CREATED, Result.DONE, now, subject)
    wiring.store.add_token(token, [row])
    journal.note("token", token_id)
    wiring.store.revoke_token(token_id, now, [replace(row, action=Action.TOKEN_REVOKED)])
    journal.note("revoke", token_id)
    wiring.store.record([replace(row, detail="recorded by a test")])


def _nobody(wiring: Wiring) -> User:
    now = wiring.clock.now()
    profile = Profile(user_name="a token")
    return User(id=UserId("token"), tenant=ACME, profile=profile, created=now, modified=now)


def _view(wiring: Wiring, who: Actor | None = None) -> TenantView:
    return for_actor(who or actor(), wiring.services)


def _unlock(wiring: Wiring, journal: Journal, name: str) -> None:
    user = named(wiring, name)
    try:
        after = _view(wiring).unlock(user.id)
    except LockstepError as error:
        journal.note("unlock", user.profile.user_name, type(error).__name__)
        return
    assert key_of_name(after.profile.user_name) == key_of_name(user.profile.user_name)
    journal.note("unlock", user.profile.user_name)


def _refused(wiring: Wiring, journal: Journal) -> None:
    """Ask for somebody as if no lock had been shown: refused, with its row."""
    user = named(wiring, REFUSED)
    try:
        _view(wiring).unlock(user.id, shown=frozenset())
    except LockstepError as error:
        journal.note("unlock", user.profile.user_name, type(error).__name__)

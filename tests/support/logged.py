"""Short ways to ask a world whose directory logs its writes: who is locked, what the agent wrote, how unlocks ended."""

from ims.audit import Action, Result
from ims.locks import LockReason
from tests.support.slapd import Person
from tests.support.slapd_config import AGENT_DN
from tests.support.sync_world import SyncWorld

ATTEMPTS = LockReason.PASSWORD_ATTEMPTS


def locked(world: SyncWorld, *names: str) -> list[Person]:
    """Add people who have locked themselves, as Lockstep knows already."""
    people = [world.person(name) for name in names]
    for person in people:
        world.slapd.lock(person)
    world.reconcile()
    assert [world.reasons(person) for person in people] == [[ATTEMPTS]] * len(people)
    return people


def writes(world: SyncWorld, person: Person) -> int:
    """Return how often the agent has written somebody's entry, by the server's own log."""
    return len(world.slapd.log(f"(&(objectClass=auditWriteObject)(reqAuthzID={AGENT_DN})(reqDN={person.dn}))"))


def outcomes(world: SyncWorld) -> list[Result]:
    """Return how each unlock ended, oldest first; none may be open."""
    assert world.store.open_intents() == ()
    return [row.result for row in world.audit(Action.UNLOCK)]

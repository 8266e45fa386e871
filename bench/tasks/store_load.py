"""Write new users into an empty store, each with an affiliation, an entry and an audit row, as a first pass does."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from bench.measuring import Done, Task, Work
from bench.people import BASE, name, uid
from bench.tasks.signing_in import CORP
from ims.audit import Action, AuditEntry, Result
from ims.people import (
    Affiliation,
    AffiliationStatus,
    Channel,
    Contact,
    EntryId,
    EntryLink,
    Profile,
    Role,
    TenantId,
    User,
    UserId,
)
from ims.ports import Batch, UserChange
from ims.store import open_store

_AT_ONCE = 2000
"""As many as a pass writes in one transaction."""
_NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)


@contextmanager
def prepared(task: Task) -> Iterator[Work]:
    """Yield the writing of as many users as the task counts."""
    store = open_store(f"sqlite:///{task.store}")
    base = store.revision()
    people = [_user(number) for number in range(task.count)]
    changes = [UserChange(user=user, base=base, audit=(_row(user),)) for user in people]

    def load() -> Done:
        for first in range(0, len(changes), _AT_ONCE):
            store.apply(Batch(changes=tuple(changes[first : first + _AT_ONCE])))
        return Done(len(changes))

    try:
        yield load
    finally:
        store.close()


def _user(number: int) -> User:
    given, family = name(number)
    address = f"uid={uid(number)},{BASE}"
    return User(
        id=UserId(f"00000000-0000-4000-8000-{number:012d}"),
        tenant=TenantId("acme"),
        profile=Profile(
            user_name=uid(number),
            display_name=f"{given} {family}",
            given_name=given,
            family_name=family,
            emails=(Contact(value=f"{uid(number)}@bench.test", type="work", primary=True),),
        ),
        created=_NOW,
        modified=_NOW,
        affiliation=Affiliation(status=AffiliationStatus.AFFILIATED, since=_NOW, rule="corp/staff"),
        entries=(EntryLink(directory=CORP, entry_id=EntryId(str(number)), dn=address, seen_at=_NOW, rule="staff"),),
    )


def _row(user: User) -> AuditEntry:
    return AuditEntry(
        at=_NOW,
        actor="agent",
        role=Role.AGENT,
        channel=Channel.SYNC,
        action=Action.USER_CREATED,
        result=Result.DONE,
        subject=user.profile.user_name,
        tenant=user.tenant,
        user=user.id,
    )

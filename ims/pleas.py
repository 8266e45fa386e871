"""A locked person's plea to be unlocked. Nobody has proved who sent it: it names somebody, and asks for a look.

It is open while its person is locked and nobody has dismissed it; an unlock by whatever way ends it by itself.
"""

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType, Protocol

from ims.audit import Action, Result, entry_by
from ims.errors import NotFound
from ims.locks import locks_in_force
from ims.people import Actor, Channel, Role, TenantId, User, UserId
from ims.ports import Clock, Store
from ims.query import And, Attribute, Compare, Operator, Page

PleaId = NewType("PleaId", str)

LONGEST = 300
"""How many characters of a plea are kept; what is longer is cut."""
AGAIN_AFTER = timedelta(hours=1)
"""How long after a plea the same person's next one is kept: whoever sends a hundred has sent one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plea:
    """Somebody's wish, in their own words, that a user be unlocked."""

    id: PleaId
    user: UserId
    tenant: TenantId
    at: datetime
    words: str = ""


class Pleas(Protocol):
    """Pleas as the store keeps them."""

    def pleas(self, tenant: TenantId) -> tuple[Plea, ...]:
        """Return the pleas of a tenant that nobody has dismissed, oldest first."""
        ...

    def add_plea(self, plea: Plea, unless_since: datetime) -> bool:
        """Keep a plea, unless there is one of the same user since then, dismissed or not. Return whether it is kept."""
        ...

    def dismiss_plea(self, plea: PleaId) -> bool:
        """Dismiss a plea. Return False if there is none, or it was dismissed before."""
        ...


class PleadingStore(Store, Pleas, Protocol):
    """A store that keeps pleas too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pleading:
    """A plea that is open, with the locked user whom it names."""

    plea: Plea
    user: User


def plead(store: PleadingStore, clock: Clock, user_name: str, words: str) -> None:
    """Pass on a plea for whoever has this user name, if that is one person, and locked.

    Whoever sends it learns nothing: nothing is returned, and nothing is different for a name that nobody has.
    """
    now = clock.now()
    named = And((Compare(Attribute.USER_NAME, Operator.EQ, user_name),))
    found = store.find(None, named, Page(limit=2), now).users
    if len(found) != 1 or not locks_in_force(found[0].locks, now):
        return
    user = found[0]
    plea = Plea(id=PleaId(uuid.uuid4().hex), user=user.id, tenant=user.tenant, at=now, words=words.strip()[:LONGEST])
    if store.add_plea(plea, now - AGAIN_AFTER):
        sender = Actor(name="whoever met the locked account", role=Role.READER, channel=Channel.PORTAL)
        store.record([entry_by(sender, Action.UNLOCK_ASKED, Result.DONE, now, user)])


def open_pleas(store: PleadingStore, tenant: TenantId, now: datetime) -> tuple[Pleading, ...]:
    """Return the pleas whose person is still here and locked, oldest first, one for each person: the newest."""
    newest = {plea.user: plea for plea in store.pleas(tenant)}
    found = ((plea, store.user(plea.user)) for plea in newest.values())
    return tuple(
        Pleading(plea=plea, user=user)
        for plea, user in found
        if user is not None and user.tenant == tenant and locks_in_force(user.locks, now)
    )


def dismiss(store: PleadingStore, clock: Clock, actor: Actor, tenant: TenantId, plea_id: PleaId) -> None:
    """Dismiss a plea, on record. Raises NotFound alike for a missing, a foreign and a settled one."""
    now = clock.now()
    found = next((one for one in open_pleas(store, tenant, now) if one.plea.id == plea_id), None)
    if found is None or not store.dismiss_plea(plea_id):
        raise NotFound("There is no such request any more")
    store.record([entry_by(actor, Action.UNLOCK_DECLINED, Result.DONE, now, found.user)])

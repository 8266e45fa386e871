"""Entries without a user, and what becomes of them: new users, whose names nobody else may have.

In a directory's first import they are written while the reading goes on (`agent.writing`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from agent.context import Context, link_to
from agent.plan import plan
from agent.plans import Plans
from agent.quarantine import Quarantine
from agent.run import Run, Start
from agent.sightings import Sighting, Untrusted
from agent.writing import BATCH, Writer
from ims.names import key_of_name
from ims.people import EntryId, TenantId, User, UserId

_Key = tuple[TenantId, str]
"""A tenant, and the key of a user name in it."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """The entry that wants a name, and the user who was planned on it."""

    entry_id: EntryId
    dn: str
    user_name: str
    user: UserId


class Newcomers:
    """Plans the entries without a user. Of two with one name neither is believed: nobody can say which is meant."""

    def __init__(
        self,
        run: Run,
        start: Start,
        plans: Plans,
        quarantine: Quarantine,
        writer: Writer | None,
    ) -> None:
        self._run = run
        self._start = start
        self._plans = plans
        self._quarantine = quarantine
        self._writer = writer if self._context.first_import and not run.dry else None
        self._claims: dict[_Key, _Claim] = {}
        self._refused: dict[_Key, _Claim] = {}

    def page(self, page: Iterable[Sighting]) -> None:
        """Plan the newcomers of one page."""
        page = tuple(page)
        newcomers = [seen for seen in page if seen.matches]
        self._plans.unmatched += len(page) - len(newcomers)
        namesakes = self._namesakes(newcomers)
        for seen in newcomers:
            self._one(seen, namesakes.get(seen.entry_id))
        if self._writer is not None and len(self._plans.changed) >= BATCH:
            self._write(self._writer)

    @property
    def _context(self) -> Context:
        return self._plans.context

    def _one(self, seen: Sighting, namesake: User | None) -> None:
        if namesake is not None and self._writer is not None and self._is_of_this_pass(namesake):
            self._take_back(namesake, self._writer)
            self._refuse(seen, self._refused[namesake.tenant, key_of_name(namesake.profile.user_name)])
            return
        try:
            planned = plan(namesake, seen, self._context)
        except Untrusted as error:
            self._quarantine.put(seen.entry_id, seen.dn, str(error))
            return
        if planned is None:
            return
        user = planned.user
        key = (user.tenant, key_of_name(user.profile.user_name))
        other = self._refused.get(key) or self._claims.get(key)
        if other is None:
            self._claims[key] = _Claim(seen.entry_id, seen.dn, seen.profile.user_name, user.id)
            self._plans.add(planned)
            return
        self._refused[key] = other
        self._plans.forget(other.user)
        self._refuse(seen, other)

    def _refuse(self, seen: Sighting, other: _Claim) -> None:
        """Send an entry to quarantine, and the one whose name it has too."""
        one = _Claim(seen.entry_id, seen.dn, seen.profile.user_name, other.user)
        for this, that in ((one, other), (other, one)):
            why = f"{this.user_name} is the user name of two new entries, this one and {that.dn}: rename one"
            self._quarantine.put(this.entry_id, this.dn, why)

    def _namesakes(self, newcomers: list[Sighting]) -> Mapping[EntryId, User]:
        """Return the users whose name entries without a user have, in the tenant that would be theirs."""
        by_tenant: dict[TenantId, list[Sighting]] = {}
        for seen in newcomers:
            for tenant in {match.tenant for match in seen.matches}:
                by_tenant.setdefault(tenant, []).append(seen)
        found: dict[EntryId, User] = {}
        for tenant, sightings in by_tenant.items():
            named = self._run.store.named(tenant, [seen.profile.user_name for seen in sightings])
            if named:
                keys = ((seen.entry_id, key_of_name(seen.profile.user_name)) for seen in sightings)
                found |= {entry_id: named[key] for entry_id, key in keys if key in named}
        return found

    # --- the first import --------------------------------------------------------------------------------------------

    def _write(self, writer: Writer) -> None:
        """Write whom this reading has found so far: nothing that it may still show changes what they are."""
        changed = self._plans.changed
        ready = [planned for planned in changed.values() if planned.before is None]
        writer.write(ready, self._start.base, self._context)
        for planned in ready:
            del changed[planned.user.id]
        self._claims.clear()

    def _is_of_this_pass(self, user: User) -> bool:
        return user.created == self._context.now and user.version > self._start.base

    def _take_back(self, user: User, writer: Writer) -> None:
        """Remove a user who was written already, and whose name another new entry has too."""
        key = (user.tenant, key_of_name(user.profile.user_name))
        link = link_to(user, self._run.name)
        if key in self._refused or link is None:
            return
        writer.take_back(user, self._context)
        self._refused[key] = _Claim(link.entry_id, link.dn, user.profile.user_name, user.id)

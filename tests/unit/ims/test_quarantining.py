"""Whose an entry in quarantine is: what a person may decide, and what not."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from ims.errors import Conflict, NotFound
from ims.passes import Quarantined
from ims.people import DirectoryName, EntryId, Revision, User
from ims.ports import Applied, Batch
from ims.quarantining import QuarantineStore, link, waiting_at
from tests.support.clock import HandClock
from tests.support.people import actor, user
from tests.support.sightings import CORP

KEY = "11111111-1111-4111-8111-111111111111"


@dataclass
class FakeStore:
    """A store that knows who is behind an entry, and whether somebody else was faster."""

    owners: dict[str, User] = field(default_factory=dict)
    faster: bool = False
    batches: list[Batch] = field(default_factory=list)
    waiting: tuple[Quarantined, ...] = ()

    def quarantine(self, directory: DirectoryName | None = None) -> tuple[Quarantined, ...]:
        return tuple(one for one in self.waiting if directory in {None, one.directory})

    def behind(self, directory: DirectoryName, entry_ids: Iterable[EntryId]) -> Mapping[EntryId, User]:
        del directory
        return {one: self.owners[one] for one in entry_ids if one in self.owners}

    def apply(self, batch: Batch) -> Applied:
        self.batches.append(batch)
        dropped = tuple(change.user.id for change in batch.changes) if self.faster else ()
        return Applied(revision=Revision(1), dropped=dropped)


def quarantined(**changes: Any) -> Quarantined:
    """Return an entry that waits."""
    return replace(
        Quarantined(directory=CORP, key=KEY, dn="uid=ada,dc=x", since=HandClock().now(), why="a new entry"), **changes
    )


def linked(store: FakeStore, waiting: Quarantined, one: User) -> User:
    """Link an entry to a user."""
    return link(cast("QuarantineStore", store), HandClock(), actor(), waiting, one)


def test_a_user_without_an_entry_gets_one() -> None:
    """One whom an identity provider made; the row says what was before, which is nothing."""
    store = FakeStore()
    found = linked(store, quarantined(), replace(user("ada"), entries=()))
    assert [(entry.directory, entry.entry_id, entry.rule) for entry in found.entries] == [(CORP, KEY, "")]
    (change,) = store.batches[0].changes
    assert change.audit[0].before == ""


def test_an_entry_has_one_user() -> None:
    """Who has it keeps it."""
    store = FakeStore(owners={KEY: user("bob")})
    with pytest.raises(Conflict, match="the entry of bob already"):
        linked(store, quarantined(), user("ada"))
    assert store.batches == []


def test_an_entry_without_an_id_is_nobody_s() -> None:
    """It would not be found again."""
    with pytest.raises(Conflict, match="no id that could be read"):
        linked(FakeStore(), quarantined(key="uid=ada,dc=x"), user("ada"))


def test_a_user_who_changed_meanwhile_is_not_overwritten() -> None:
    """The command says so."""
    with pytest.raises(Conflict, match="changed meanwhile"):
        linked(FakeStore(faster=True), quarantined(), user("ada"))


def test_what_waits_is_found_by_its_key() -> None:
    """In its directory alone."""
    store = cast("QuarantineStore", FakeStore(waiting=(quarantined(),)))
    assert waiting_at(store, CORP, KEY).key == KEY
    with pytest.raises(NotFound, match="Nothing waits in lab"):
        waiting_at(store, DirectoryName("lab"), KEY)

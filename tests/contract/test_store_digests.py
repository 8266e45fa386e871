"""Digests of entries: kept beside the users, wiped out by any write of theirs, and never a version of their own."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ims.errors import FenceLost
from ims.locks import Lock
from ims.people import DirectoryName, EntryId, EntryLink, Revision, User
from ims.ports import Batch, Digests, EntryDigest, KnownEntries, UserChange
from ims.store import SqlStore
from tests.support.batches import CORP, LAB, change, lease, link, progress, save
from tests.support.clock import NOON
from tests.support.people import lock, user

LATER = NOON + timedelta(hours=1)


def digest(
    name: str = "ada",
    mark: bytes = b"1",
    directory: DirectoryName = CORP,
    until: datetime | None = None,
) -> EntryDigest:
    """Return a digest of somebody's entry."""
    return EntryDigest(directory=directory, entry_id=EntryId(f"entry-{name}"), digest=mark * 16, until=until)


def known(store: SqlStore, directory: DirectoryName = CORP) -> KnownEntries:
    """Return what may be passed over at NOON."""
    return store.known_entries(directory, NOON)


def keep(store: SqlStore, *digests: EntryDigest, base: int | None = None) -> None:
    """Keep digests of entries that were planned on the newest state, or on that of `base`."""
    revision = store.revision() if base is None else Revision(base)
    store.apply(Batch(digests=Digests(base=revision, entries=digests)))


def with_entry(name: str = "ada", *locks: Lock) -> User:
    """Return a user with an entry."""
    return user(name, entries=(link(name),), locks=locks)


def test_a_new_user_comes_with_the_digest_of_its_entry(store: SqlStore) -> None:
    """Others have none, and are looked at."""
    one = UserChange(user=with_entry(), base=Revision(0), digest=digest())
    store.apply(Batch(changes=(one, change(with_entry("bo")))))
    assert known(store) == KnownEntries(digests={b"1" * 16}, others={EntryId("entry-bo")})


def test_of_two_entries_only_the_one_that_was_read_has_a_digest(store: SqlStore) -> None:
    """The other directory's own pass has to look at its entry again."""
    both = replace(user("ada"), entries=(link("ada", LAB), link("ada")))
    store.apply(Batch(changes=(UserChange(user=both, base=Revision(0), digest=digest()),)))
    assert known(store).digests == {b"1" * 16}
    assert known(store, LAB) == KnownEntries(digests=set(), others={EntryId("entry-ada")})


def test_a_digest_kept_later_moves_no_version(store: SqlStore) -> None:
    """And changes nothing of the user."""
    save(store, with_entry())
    before = store.user(user("ada").id)
    keep(store, digest())
    assert known(store).digests == {b"1" * 16}
    assert store.user(user("ada").id) == before


def test_another_digest_replaces_the_first(store: SqlStore) -> None:
    """An entry has one."""
    save(store, with_entry())
    keep(store, digest())
    keep(store, digest(mark=b"2"))
    assert known(store).digests == {b"2" * 16}


def test_whoever_is_written_by_anybody_loses_it(store: SqlStore) -> None:
    """What was planned on the state before says nothing about the new one."""
    save(store, with_entry())
    keep(store, digest())
    save(store, with_entry())
    assert known(store) == KnownEntries(digests=set(), others={EntryId("entry-ada")})


def test_none_is_kept_of_whoever_was_written_after_the_reading_began(store: SqlStore) -> None:
    """The plan that found nothing to change was made on an older state."""
    save(store, with_entry(), with_entry("bo"))
    base = store.revision()
    save(store, with_entry())
    keep(store, digest(), digest("bo", b"2"), base=base)
    assert known(store).digests == {b"2" * 16}


def test_a_digest_counts_up_to_its_time(store: SqlStore) -> None:
    """From that moment on the clock makes something else of the same bytes."""
    save(store, with_entry())
    keep(store, digest(until=LATER))
    assert store.known_entries(CORP, LATER - timedelta(microseconds=1)).digests
    assert store.known_entries(CORP, LATER) == KnownEntries(digests=set(), others={EntryId("entry-ada")})


def test_whoever_is_locked_by_this_directory_is_always_looked_at(store: SqlStore) -> None:
    """Whether the lock is over or not. Locks of others are not the directory's to find out about."""
    save(store, with_entry("ada", lock(source=CORP)), with_entry("bo", lock(source="x", name="bo")))
    keep(store, digest(), digest("bo", b"2"))
    assert known(store) == KnownEntries(digests={b"2" * 16}, others={EntryId("entry-ada")})


@pytest.mark.parametrize("waiting", [replace(link(), missing_since=NOON), replace(link(), unmatched_since=NOON)])
def test_whoever_waits_to_be_confirmed_is_always_looked_at(store: SqlStore, waiting: EntryLink) -> None:
    """A second reading decides."""
    save(store, replace(user("ada"), entries=(waiting,)))
    keep(store, digest())
    assert known(store).digests == set()


def test_digests_are_those_of_one_directory(store: SqlStore) -> None:
    """The same entry id in another one is another entry."""
    save(store, replace(user("ada"), entries=(link("ada"), link("ada", LAB))))
    keep(store, digest(), digest(mark=b"2", directory=LAB))
    assert known(store).digests == {b"1" * 16}
    assert known(store, LAB).digests == {b"2" * 16}


def test_digests_are_written_under_the_fence_like_users(store: SqlStore) -> None:
    """Whoever lost the lease keeps nothing."""
    save(store, with_entry())
    stale = lease(store)
    assert store.take_lease(CORP, "agent-2", timedelta(minutes=1), NOON + timedelta(minutes=1)) is not None
    with pytest.raises(FenceLost):
        store.apply(Batch(digests=Digests(base=Revision(1), entries=(digest(),)), progress=progress(stale)))
    assert known(store).digests == set()


def test_a_batch_of_digests_is_applied_once(store: SqlStore) -> None:
    """A pass that comes again with the same batch changes nothing any more."""
    save(store, with_entry())
    fence = lease(store)
    first = Batch(digests=Digests(base=Revision(1), entries=(digest(),)), progress=progress(fence))
    store.apply(first)
    keep(store, digest(mark=b"2"))
    store.apply(first)
    assert known(store).digests == {b"2" * 16}


def test_thousands_are_kept_and_found(store: SqlStore) -> None:
    """A statement for each portion of them, not for each."""
    names = [f"p{number}" for number in range(2000)]
    digests = [replace(digest(name), digest=number.to_bytes(16)) for number, name in enumerate(names)]
    save(store, *(with_entry(name) for name in names))
    keep(store, *digests)
    assert known(store).digests == {one.digest for one in digests}
    assert store.entries_with(CORP, {(7).to_bytes(16)}) == {"entry-p7"}


def test_entries_are_found_by_their_digests(store: SqlStore) -> None:
    """Those of one directory; whoever was written since has none."""
    save(store, replace(user("ada"), entries=(link("ada"), link("ada", LAB))), with_entry("bo"), with_entry("cy"))
    keep(store, digest(), digest("bo", b"2"), digest("cy", b"3"), digest(mark=b"4", directory=LAB))
    save(store, with_entry("cy"))
    asked = {mark * 16 for mark in (b"1", b"3", b"4")}
    assert store.entries_with(CORP, asked) == {"entry-ada"}
    assert store.entries_with(LAB, asked) == {"entry-ada"}
    assert store.entries_with(CORP, set()) == set()


def test_whoever_shall_not_be_passed_over_is_among_the_others(store: SqlStore) -> None:
    """Another server shows a lock, for example."""
    save(store, with_entry(), with_entry("bo"))
    keep(store, digest(), digest("bo", b"2"))
    known_now = store.known_entries(CORP, NOON, {EntryId("entry-ada")})
    assert known_now == KnownEntries(digests={b"2" * 16}, others={EntryId("entry-ada")})

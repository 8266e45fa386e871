"""A batch is one transaction: all of it or nothing, never over a newer state, never two users under one name."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ims.errors import Conflict, InvalidInput, NotUnique
from ims.people import Profile, Revision, User, UserId
from ims.ports import Batch, Intent, IntentId
from ims.store import SqlStore
from tests.support.batches import CORP, audited, change, link, save
from tests.support.clock import NOON
from tests.support.people import ACME, GLOBEX, actor, user


def renamed(one: User, name: str) -> User:
    """Return a user under another name."""
    return replace(one, profile=replace(one.profile, user_name=name))


def open_intent(store: SqlStore, one: User) -> IntentId:
    """Open an intent to unlock a user."""
    intent = Intent(
        id=IntentId("intent-1"),
        user=one.id,
        tenant=one.tenant,
        actor=actor(),
        opened=NOON,
        deadline=NOON + timedelta(minutes=1),
        owner="process-1",
    )
    store.open_intent(intent)
    return intent.id


def test_every_batch_is_one_revision_later(store: SqlStore) -> None:
    """Also one that changes nobody."""
    assert save(store, user("ada"), user("bo")).revision == 1
    assert store.apply(Batch(audit=(audited(user("ada")),))).revision == 2
    assert save(store, user("ada")).revision == store.revision() == 3


def test_the_version_of_a_user_is_the_revision_of_its_last_change(store: SqlStore) -> None:
    """Others keep theirs."""
    save(store, user("ada"), user("bo"))
    save(store, user("bo"))
    versions = {one.id: one.version for one in store.named(ACME, ["ada", "bo"]).values()}
    assert versions == {"user-ada": 1, "user-bo": 2}


def test_a_change_planned_on_an_older_state_is_dropped_with_its_audit_and_history(store: SqlStore) -> None:
    """A pass that read the directory before an unlock must not undo that unlock; the others are written."""
    save(store, user("ada"), user("bo"))
    fresh = replace(user("ada"), protected="written meanwhile")
    save(store, fresh)
    late = [
        change(replace(user(name), protected="late"), base=1, audit=(audited(user(name), "late"),), history=())
        for name in ("ada", "bo", "cy")
    ]
    applied = store.apply(Batch(changes=tuple(late)))
    assert applied.dropped == ("user-ada",)
    found = store.named(ACME, ["ada", "bo", "cy"])
    assert {name: one.protected for name, one in found.items()} == {
        "ada": "written meanwhile",
        "bo": "late",
        "cy": "late",
    }
    assert {row.user for row in store.audit()} == {"user-bo", "user-cy"}


def test_a_user_removed_meanwhile_does_not_come_back(store: SqlStore) -> None:
    """A change to somebody who was there when it was planned, and is not any more, is dropped."""
    save(store, user("ada"))
    seen = store.user(UserId("user-ada"))
    assert seen is not None
    store.apply(Batch(removed=(seen.id,)))
    applied = store.apply(Batch(changes=(change(seen, base=store.revision()),)))
    assert applied.dropped == ("user-ada",)
    assert store.user(seen.id) is None


def test_a_batch_names_a_user_once(store: SqlStore) -> None:
    """Two states of one user in one batch contradict each other."""
    with pytest.raises(InvalidInput, match="user-ada"):
        store.apply(Batch(changes=(change(user("ada")), change(renamed(user("ada"), "other")))))
    assert store.count() == 0


def test_a_taken_name_stops_the_whole_batch_and_is_named(store: SqlStore) -> None:
    """All of the taken names at once, and nobody else is written."""
    save(store, user("ada"), user("bo"))
    late = [user("new"), replace(user("ADA"), id=UserId("x")), replace(user("Bo"), id=UserId("y"))]
    with pytest.raises(NotUnique, match=r"ADA is taken in acme \(by user user-ada\).*Bo is taken") as refused:
        store.apply(Batch(changes=tuple(map(change, late)), audit=(audited(user("new")),)))
    assert "new" not in str(refused.value)
    assert store.count() == 2
    assert store.audit() == ()
    assert store.revision() == 1


def test_one_name_twice_within_a_batch_is_refused(store: SqlStore) -> None:
    """Whoever comes second has none."""
    with pytest.raises(NotUnique, match="ada"):
        save(store, user("ada"), replace(user("ada"), id=UserId("x"), profile=Profile(user_name="\uff21\uff24\uff21")))
    assert store.count() == 0


def test_the_same_name_in_two_tenants_is_fine(store: SqlStore) -> None:
    """User names are unique across one tenant."""
    save(store, user("ada"), replace(user("ada", tenant=GLOBEX), id=UserId("x")))
    assert store.count() == 2


def test_two_users_swap_their_names_in_one_batch(store: SqlStore) -> None:
    """A directory renames both between two passes."""
    save(store, user("ada"), user("bo"))
    save(store, renamed(user("ada"), "bo"), renamed(user("bo"), "ada"))
    assert {name: one.id for name, one in store.named(ACME, ["ada", "bo"]).items()} == {
        "ada": "user-bo",
        "bo": "user-ada",
    }


def test_a_name_that_its_holder_gives_up_in_the_same_batch_is_free(store: SqlStore) -> None:
    """In whichever order the two come."""
    save(store, user("ada"))
    save(store, replace(user("ada"), id=UserId("heir")), renamed(user("ada"), "ada.old"))
    assert [one.id for one in store.named(ACME, ["ada"]).values()] == ["heir"]


def test_a_name_whose_holder_s_change_is_dropped_stays_taken(store: SqlStore) -> None:
    """What was planned together does not happen by halves."""
    save(store, user("ada"))
    save(store, replace(user("ada"), protected="newer"))
    heir = replace(user("ada"), id=UserId("heir"))
    with pytest.raises(NotUnique, match="ada"):
        store.apply(Batch(changes=(change(heir, base=1), change(renamed(user("ada"), "old"), base=1))))


def test_one_entry_is_behind_one_user(store: SqlStore) -> None:
    """The message says which entry and who has it."""
    save(store, user("ada", entries=[link("ada")]))
    with pytest.raises(NotUnique, match=r"bo cannot have the entry uid=ada.* of corp: it is behind user user-ada"):
        save(store, user("bo", entries=[link("ada")]))
    save(store, user("ada"), user("bo", entries=[link("ada")]))
    assert [one.id for one in store.behind(CORP, [link("ada").entry_id]).values()] == ["user-bo"]


def test_a_batch_closes_its_intent(store: SqlStore) -> None:
    """The unlock and its outcome are one."""
    save(store, user("ada"))
    intent = open_intent(store, user("ada"))
    store.apply(Batch(changes=(change(user("ada"), base=1),), closes=intent))
    assert store.open_intents() == ()


def test_a_closed_intent_has_no_second_effect(store: SqlStore) -> None:
    """Somebody settled it meanwhile: nothing is written, and the caller is told."""
    save(store, user("ada"))
    intent = open_intent(store, user("ada"))
    assert store.close_intent(intent, [])
    again = Batch(changes=(change(replace(user("ada"), protected="x"), base=1, audit=(audited(user("ada")),)),))
    with pytest.raises(Conflict, match="settled"):
        store.apply(replace(again, closes=intent))
    found = store.user(UserId("user-ada"))
    assert found is not None
    assert found.protected == ""
    assert store.audit() == ()


def test_a_dropped_change_leaves_the_intent_open_and_writes_nothing(store: SqlStore) -> None:
    """The caller reads the user again and repeats."""
    save(store, user("ada"))
    intent = open_intent(store, user("ada"))
    save(store, user("ada"))
    batch = Batch(changes=(change(user("ada"), base=1),), audit=(audited(user("ada")),), closes=intent)
    applied = store.apply(batch)
    assert (applied.dropped, applied.revision) == (("user-ada",), Revision(2))
    assert [one.id for one in store.open_intents()] == [intent]
    assert store.audit() == ()
    assert store.revision() == 2


def test_odd_text_is_kept_as_it_is(store: SqlStore) -> None:
    """Quotes, wildcards, line ends, right-to-left, emoji, noncharacters: text is text."""
    odd = "%_\\'\";--\r\n\t\u202e\u05d0\U0001f600\ufffe\U0010ffff\u0001 e\u0301"
    save(store, renamed(user("ada"), odd))
    found = store.user(UserId("user-ada"))
    assert found is not None
    assert found.profile.user_name == odd


@pytest.mark.parametrize("bad", ["nul\0", "half \ud800 a pair"])
def test_text_that_no_engine_can_keep_is_refused_clearly(store: SqlStore, bad: str) -> None:
    """Nothing of the batch is written."""
    with pytest.raises(InvalidInput, match="cannot be stored"):
        save(store, user("bo"), renamed(user("ada"), bad))
    with pytest.raises(InvalidInput, match="cannot be stored"):
        store.user(UserId(bad))
    assert store.count() == 0


def test_a_time_without_a_zone_is_refused(store: SqlStore) -> None:
    """Nobody can tell which moment it is."""
    with pytest.raises(InvalidInput, match="time zone"):
        save(store, replace(user("ada"), created=NOON.replace(tzinfo=None)))

"""A user comes back as it was written, by whatever it is asked for."""

from dataclasses import replace
from datetime import timedelta

from ims.locks import LockReason
from ims.people import (
    Affiliation,
    AffiliationStatus,
    Contact,
    EntryId,
    LastUnlock,
    Profile,
    Revision,
    Role,
    User,
    UserId,
    same_but_for_bookkeeping,
)
from ims.ports import Batch
from ims.store import SqlStore
from tests.support.batches import CORP, LAB, audited, change, link, save
from tests.support.clock import NOON
from tests.support.people import ACME, GLOBEX, HR, IDP, lock, user


def everything() -> User:
    """Return a user with a value in every field."""
    return replace(
        user("ada", role=Role.ACCOUNT_ADMINISTRATOR, connection=IDP, deleted_by=HR, protected="adminCount is 1"),
        profile=Profile(
            user_name="Ada.Lovelace@example.com",
            external_id="E-1",
            display_name="Ada Lovelace",
            formatted_name="Lady Ada Lovelace, Countess",
            given_name="Ada",
            family_name="Lovelace",
            middle_name="Augusta",
            honorific_prefix="Lady",
            honorific_suffix="Countess",
            nick_name="A",
            profile_url="https://example.com/ada",
            title="Analyst",
            user_type="Employee",
            preferred_language="en-GB",
            locale="en_GB",
            timezone="Europe/London",
            emails=(Contact(value="ada@example.com", type="work", primary=True, display="Ada"), Contact(value="a@b.c")),
            phone_numbers=(Contact(value="+44 20 0000 0000", type="mobile"),),
        ),
        created=NOON - timedelta(days=3, microseconds=1),
        modified=NOON + timedelta(microseconds=7),
        entries=(
            replace(link(), stamp="s", rule="staff", missing_since=NOON, doubt="unknown policy", hint="expired"),
            replace(link(directory=LAB), unmatched_since=NOON),
        ),
        locks=(
            replace(lock(until=NOON + timedelta(minutes=15), evidence=(("pwdAccountLockedTime", "x"),)), note="n"),
            lock(LockReason.HELD, server="ldap://b"),
        ),
        last_unlock=LastUnlock(at=NOON, cleared=("idle",), remaining=("held", "absent"), failed=("x",)),
    )


def test_a_user_comes_back_whole(store: SqlStore) -> None:
    """Every field, with times to the microsecond; the version is the write's."""
    written = everything()
    applied = save(store, written)
    assert store.user(written.id) == replace(written, version=applied.revision)


def test_a_user_with_nothing_but_a_name_comes_back(store: SqlStore) -> None:
    """What is unassigned stays unassigned."""
    bare = replace(user("bo"), affiliation=None, profile=Profile(user_name="bo"))
    save(store, bare)
    found = store.user(bare.id)
    assert found is not None
    assert same_but_for_bookkeeping(found, bare)


def test_a_missing_user_is_none(store: SqlStore) -> None:
    """Missing is an answer, not an error."""
    assert store.user(UserId("nobody")) is None


def test_a_change_replaces_everything(store: SqlStore) -> None:
    """Contacts, locks and entries of the state before are gone, also from what can be asked."""
    save(store, everything())
    plain = user("ada")
    save(store, plain)
    found = store.user(plain.id)
    assert found is not None
    assert same_but_for_bookkeeping(found, plain)
    assert store.entry_ids(CORP) == {}
    assert store.to_reread(CORP, NOON) == frozenset()


def test_the_microsecond_before_the_first_and_the_last_year_is_kept(store: SqlStore) -> None:
    """Directories write 9999 for never and 1601 for nothing."""
    odd = replace(user("ada"), created=NOON.replace(year=1601), modified=NOON.replace(year=9999, microsecond=999_999))
    save(store, odd)
    found = store.user(odd.id)
    assert found is not None
    assert (found.created, found.modified) == (odd.created, odd.modified)


def test_users_are_found_by_name_whatever_its_case_and_form(store: SqlStore) -> None:
    """By the key of the name, and in the asker's tenant only."""
    zoe = replace(user("zoe"), profile=Profile(user_name="Zo\u00eb"))
    elsewhere = replace(user("zoe", tenant=GLOBEX), id=UserId("other"), profile=Profile(user_name="ZO\u00cb"))
    save(store, zoe, elsewhere, user("bo"))
    named = store.named(ACME, ["ZOE\u0308", "nobody"])
    assert {key: one.id for key, one in named.items()} == {"zo\u00eb": zoe.id}


def test_names_that_only_look_alike_are_two_users(store: SqlStore) -> None:
    """A Cyrillic a, a dotless i, a sharp s: merging two people is worse than showing two."""
    names = ["paul", "p\u0430ul", "ida", "\u0131da", "strasse", "stra\u00dfe"]
    save(store, *(user(name) for name in names))
    assert {one.profile.user_name for one in store.named(ACME, names).values()} == set(names)


def test_users_are_found_behind_their_entries(store: SqlStore) -> None:
    """By directory and entry id; what nobody has is left out."""
    save(store, user("ada", entries=[link("ada"), link("ada", LAB)]), user("bo", entries=[link("bo", LAB)]))
    found = store.behind(LAB, [EntryId("entry-bo"), EntryId("entry-ada"), EntryId("entry-nobody")])
    assert {entry_id: one.id for entry_id, one in found.items()} == {"entry-bo": "user-bo", "entry-ada": "user-ada"}
    assert store.behind(CORP, [EntryId("entry-bo")]) == {}


def test_more_users_than_one_statement_can_list(store: SqlStore) -> None:
    """A pass asks for a whole batch at once."""
    names = [f"p{number}" for number in range(1201)]
    save(store, *(user(name, entries=[link(name)]) for name in names))
    assert len(store.behind(CORP, [EntryId(f"entry-{name}") for name in names])) == 1201
    assert len(store.named(ACME, names)) == 1201
    assert len(store.entry_ids(CORP)) == 1201


def test_entry_ids_come_with_their_dn(store: SqlStore) -> None:
    """What is left over after a complete reading is shown by its DN."""
    save(store, user("ada", entries=[link("ada"), link("ada", LAB)]))
    assert store.entry_ids(CORP) == {"entry-ada": "uid=ada,ou=people,dc=example,dc=com"}


def test_users_are_counted_by_tenant_and_directory(store: SqlStore) -> None:
    """Each alone, both together, none at all."""
    save(store, user("ada", entries=[link("ada")]), user("bo"), user("cy", tenant=GLOBEX, entries=[link("cy")]))
    assert store.count() == 3
    assert store.count(tenant=ACME) == 2
    assert store.count(directory=CORP) == 2
    assert store.count(ACME, CORP) == 1
    assert store.count(GLOBEX, LAB) == 0


def test_users_are_found_by_the_pass_that_locked_them(store: SqlStore) -> None:
    """What `undo` looks for."""
    ours = replace(lock(name="ada"), raised_by="pass-7")
    save(store, user("bo", locks=[lock(name="bo")]), user("ada", locks=[ours, lock(LockReason.HELD, name="ada")]))
    assert [one.id for one in store.raised_by("pass-7")] == ["user-ada"]
    assert [one.id for one in store.raised_by("pass-1")] == ["user-ada", "user-bo"]
    assert store.raised_by("pass-8") == ()


def test_history_is_kept_oldest_first_with_the_tenant_of_then(store: SqlStore) -> None:
    """A transfer is two rows, each under its own tenant."""
    first = Affiliation(status=AffiliationStatus.AFFILIATED, since=NOON, rule="acme")
    second = Affiliation(status=AffiliationStatus.AFFILIATED, since=NOON + timedelta(days=1), rule="globex")
    store.apply(Batch(changes=(change(replace(user("ada"), affiliation=first), history=(first,)),)))
    moved = replace(user("ada", tenant=GLOBEX), affiliation=second)
    store.apply(Batch(changes=(change(moved, base=store.revision(), history=(second,)),)))
    assert store.history(moved.id) == ((ACME, first), (GLOBEX, second))


def test_a_removed_user_leaves_nothing_but_the_audit(store: SqlStore) -> None:
    """Neither names nor entries nor history; removing nobody is no error."""
    ada = everything()
    since = Affiliation(status=AffiliationStatus.AFFILIATED, since=NOON, rule="r")
    store.apply(Batch(changes=(change(ada, audit=(audited(ada),), history=(since,)),)))
    store.apply(Batch(removed=(ada.id, UserId("nobody")), audit=(audited(ada, "removed"),)))
    assert store.user(ada.id) is None
    assert store.history(ada.id) == ()
    assert store.entry_ids(CORP) == {}
    assert store.count() == 0
    assert [row.detail for row in store.audit(user=ada.id)] == ["removed", ""]


def test_a_name_is_free_again_after_a_removal_in_the_same_batch(store: SqlStore) -> None:
    """The removal comes first."""
    save(store, user("ada"))
    heir = replace(user("ada"), id=UserId("heir"))
    store.apply(Batch(changes=(change(heir),), removed=(UserId("user-ada"),)))
    assert [one.id for one in store.named(ACME, ["ada"]).values()] == ["heir"]


def test_the_first_revision_is_that_of_an_empty_store(store: SqlStore) -> None:
    """Nothing has been written."""
    assert store.revision() == Revision(0)

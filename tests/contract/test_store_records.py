"""The audit, the intents and the tokens: what is recorded, once, and what cannot be changed."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ims.audit import Action, AuditEntry, Result
from ims.credentials import Token, TokenId, digest_of, new_secret, proves
from ims.errors import Conflict, NotUnique, StoreUnusable
from ims.locks import LockFact, LockReason
from ims.people import Channel, ConnectionName, Role, UserId
from ims.ports import Batch, Intent, IntentId
from ims.store import SqlStore
from tests.support.batches import audited, save
from tests.support.clock import NOON
from tests.support.people import ACME, GLOBEX, actor, user

MINUTE = timedelta(minutes=1)
ADA = user("ada")
FACT = LockFact(
    reason=LockReason.PASSWORD_ATTEMPTS,
    source="corp",
    server="ldap://a",
    since=NOON,
    until=NOON + MINUTE,
    evidence=(("pwdAccountLockedTime", "20261123120000Z"),),
)


def intent(name: str = "intent-1", minutes: int = 0) -> Intent:
    """Return an intent to unlock ADA."""
    opened = NOON + minutes * MINUTE
    who = actor(user=UserId("user-root"), connection=ConnectionName("idp"), channel=Channel.PORTAL)
    return Intent(
        id=IntentId(name),
        user=ADA.id,
        tenant=ADA.tenant,
        actor=who,
        opened=opened,
        deadline=opened + MINUTE,
        owner="host:1:abc",
    )


def token(name: str = "a1", minutes: int = 0) -> Token:
    """Return a token of ADA."""
    created = NOON + minutes * MINUTE
    return Token(
        id=TokenId(name),
        digest=digest_of(name),
        role=Role.CO_ADMINISTRATOR,
        created=created,
        expires=created + timedelta(days=1),
        label="Ada's laptop",
        tenant=ACME,
        user=ADA.id,
    )


# --- audit -----------------------------------------------------------------------------------------------------------


def test_audit_rows_come_back_newest_first(store: SqlStore) -> None:
    """Every field."""
    full = AuditEntry(
        at=NOON,
        actor="root",
        role=Role.OPERATOR,
        channel=Channel.COMMAND_LINE,
        action=Action.UNLOCK,
        result=Result.REFUSED,
        subject="ada",
        tenant=ACME,
        user=ADA.id,
        before="held",
        after="",
        detail="because",
        reference="intent-1",
    )
    bare = replace(full, tenant=None, user=None, action=Action.TOKEN_CREATED, subject="corp", reference="")
    store.record([full])
    store.record([bare, full])
    store.record([])
    assert store.audit() == (full, bare, full)


def test_audit_rows_are_found_by_what_they_are_about(store: SqlStore) -> None:
    """By tenant, user, reference, all together, and never more than asked for."""
    rows = [audited(ADA, "1", "r1"), audited(user("bo"), "2", "r1"), audited(user("cy", tenant=GLOBEX), "3")]
    store.record(rows)
    assert [row.detail for row in store.audit(tenant=ACME)] == ["2", "1"]
    assert [row.detail for row in store.audit(user=ADA.id)] == ["1"]
    assert [row.detail for row in store.audit(reference="r1", user=UserId("user-bo"))] == ["2"]
    assert [row.detail for row in store.audit(limit=2)] == ["3", "2"]
    assert store.audit(tenant=GLOBEX, user=ADA.id) == ()


@pytest.mark.parametrize("change", ["UPDATE audit SET detail = 'x'", "DELETE FROM audit"])
def test_no_audit_row_is_ever_changed(store: SqlStore, change: str) -> None:
    """The database itself refuses."""
    store.record([audited(ADA)])
    with pytest.raises(StoreUnusable, match="append-only"), store._database.writing() as connection:
        connection.exec_driver_sql(change)
    assert store.audit() == (audited(ADA),)


# --- intents ---------------------------------------------------------------------------------------------------------


def test_an_intent_is_open_until_it_is_closed(store: SqlStore) -> None:
    """Oldest first, every field."""
    store.open_intent(intent("b", 1))
    store.open_intent(intent("c"))
    assert store.open_intents() == (intent("c"), intent("b", 1))
    assert store.close_intent(IntentId("c"), [audited(ADA, "refused")])
    assert store.open_intents() == (intent("b", 1),)
    assert [row.detail for row in store.audit()] == ["refused"]


def test_an_intent_says_that_the_write_comes_next(store: SqlStore) -> None:
    """With what the write removes; a second write replaces it."""
    store.open_intent(intent())
    store.mark_writing(intent().id, [FACT])
    assert store.open_intents() == (replace(intent(), writing=True, seen=(FACT,)),)
    other = replace(FACT, since=None, until=None)
    store.mark_writing(intent().id, [other, FACT])
    assert store.open_intents()[0].seen == (other, FACT)


def test_a_closed_intent_is_not_closed_again(store: SqlStore) -> None:
    """The second one is told, and its audit row is not written; nor is one for an intent that never was."""
    store.open_intent(intent())
    assert store.close_intent(intent().id, [audited(ADA, "first")])
    assert not store.close_intent(intent().id, [audited(ADA, "second")])
    assert not store.close_intent(IntentId("never"), [audited(ADA, "never")])
    assert [row.detail for row in store.audit()] == ["first"]


def test_who_was_taken_for_dead_must_not_write(store: SqlStore) -> None:
    """The intent was settled by another process: the directory write that comes next would be nobody's."""
    store.open_intent(intent())
    store.close_intent(intent().id, [])
    with pytest.raises(Conflict, match="settled"):
        store.mark_writing(intent().id, [FACT])


def test_an_intent_is_opened_once(store: SqlStore) -> None:
    """Its id is its own."""
    store.open_intent(intent())
    with pytest.raises(NotUnique):
        store.open_intent(intent())


# --- tokens ----------------------------------------------------------------------------------------------------------


def test_a_token_comes_back_and_proves_its_secret(store: SqlStore) -> None:
    """Only its digest is kept."""
    token_id, secret = new_secret()
    kept = replace(token(token_id), digest=digest_of(secret))
    store.add_token(kept, [audited(ADA, "created")])
    found = store.token(token_id)
    assert found == kept
    assert proves(found, secret)
    assert not proves(found, secret + "x")
    assert [row.detail for row in store.audit()] == ["created"]
    assert store.token(TokenId("other")) is None


def test_tokens_of_connections_and_operators_come_back(store: SqlStore) -> None:
    """Oldest first, with what they belong to."""
    connection = replace(token("c", 1), role=Role.READER, user=None, connection=ConnectionName("idp"))
    operator = replace(token("o"), role=Role.OPERATOR, user=None, tenant=None)
    store.add_token(connection, [])
    store.add_token(operator, [])
    assert store.tokens() == (operator, connection)


def test_a_token_is_revoked_once(store: SqlStore) -> None:
    """The moment of the first time stays."""
    store.add_token(token(), [])
    assert store.revoke_token(token().id, NOON + MINUTE, [audited(ADA, "revoked")])
    assert not store.revoke_token(token().id, NOON + 2 * MINUTE, [audited(ADA, "again")])
    assert not store.revoke_token(TokenId("none"), NOON, [audited(ADA, "none")])
    found = store.token(token().id)
    assert found is not None
    assert found.revoked == NOON + MINUTE
    assert not found.usable(NOON + MINUTE)
    assert [row.detail for row in store.audit()] == ["revoked"]


def test_the_last_use_of_a_token_is_known_to_the_minute(store: SqlStore) -> None:
    """Not every request is a write."""
    store.add_token(token(), [])
    seen = []
    for seconds in (0, 59, 60, 61):
        store.touch_token(token().id, NOON + timedelta(seconds=seconds))
        found = store.token(token().id)
        seen.append(found.last_used if found else None)
    store.touch_token(TokenId("none"), NOON)
    assert seen == [NOON, NOON, NOON + MINUTE, NOON + MINUTE]


def test_a_token_id_is_given_once(store: SqlStore) -> None:
    """A second one would take over the first one's place."""
    store.add_token(token(), [])
    with pytest.raises(NotUnique):
        store.add_token(token(), [audited(ADA)])
    assert store.audit() == ()


def test_a_removed_person_s_tokens_go_along(store: SqlStore) -> None:
    """A credential of nobody is a credential of whoever finds it."""
    save(store, ADA)
    store.add_token(token(), [])
    store.add_token(replace(token("b"), user=UserId("user-bo")), [])
    store.apply(Batch(removed=(ADA.id,)))
    assert [one.id for one in store.tokens()] == ["b"]

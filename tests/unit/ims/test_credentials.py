"""Tokens: what they look like, what is kept of them, and until when they work."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ims.credentials import PREFIX, Token, TokenId, digest_of, id_of, new_secret, proves
from ims.people import Role
from tests.support.clock import NOON

any_text = st.text(alphabet=st.characters(exclude_categories=()))


def token(digest: bytes = b"", token_id: str = "0123456789ab") -> Token:
    return Token(
        id=TokenId(token_id),
        digest=digest,
        role=Role.AUDITOR,
        created=NOON,
        expires=NOON + timedelta(days=90),
        label="a test",
    )


def test_a_new_token_is_recognisable_and_long() -> None:
    """The prefix is what secret scanners look for; 32 random bytes are what nobody guesses."""
    token_id, secret = new_secret()
    assert re.fullmatch(r"lsk_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", secret)
    assert secret.startswith(f"{PREFIX}{token_id}_")


def test_no_two_tokens_are_alike() -> None:
    made = [new_secret() for _ in range(200)]
    assert len({token_id for token_id, _ in made}) == len(made)
    assert len({secret.rpartition("_")[2] for _, secret in made}) > 190


def test_a_token_names_its_id() -> None:
    """Also where the random part has underscores of its own."""
    for _ in range(200):
        token_id, secret = new_secret()
        assert id_of(secret) == token_id
    assert id_of("lsk_0123456789ab___") == "0123456789ab"


@pytest.mark.parametrize(
    "presented",
    [
        "",
        "lsk_",
        "lsk__",
        "lsk_0123456789ab",
        "lsk_0123456789ab_",
        "lsk_0123456789a_secret",
        "lsk_0123456789abc_secret",
        "lsk_0123456789AB_secret",
        "lsk_0123456789ag_secret",
        "lsk_" + "\N{ARABIC-INDIC DIGIT ONE}" * 12 + "_secret",
        "LSK_0123456789ab_secret",
        " lsk_0123456789ab_secret",
        "Bearer lsk_0123456789ab_secret",
        "lsk_lsk_0123456789ab_secret",
        "0123456789ab_secret",
        "lsk_012345 789ab_secret",
        "lsk_0123456789a'_secret",
    ],
)
def test_what_does_not_look_like_a_token_is_none(presented: str) -> None:
    assert id_of(presented) is None


@given(any_text)
def test_nothing_that_is_presented_is_an_error(presented: str) -> None:
    """A header may hold anything, half of a surrogate pair included: no match, never an exception."""
    assert id_of(presented) is None or re.fullmatch("[0-9a-f]{12}", str(id_of(presented)))
    assert len(digest_of(presented)) == 32
    assert proves(token(digest_of(presented)), presented)


@given(any_text, any_text)
def test_only_the_very_secret_proves(one: str, other: str) -> None:
    assert proves(token(digest_of(one)), other) is (one == other)


def test_the_secret_itself_is_not_kept() -> None:
    """Neither in the digest nor anywhere in what a token shows of itself."""
    token_id, secret = new_secret()
    kept = token(digest_of(secret), token_id)
    random_part = secret.removeprefix(f"{PREFIX}{token_id}_")
    assert random_part not in repr(kept)
    assert random_part.encode() not in kept.digest


def test_the_id_alone_proves_nothing() -> None:
    token_id, secret = new_secret()
    kept = token(digest_of(secret), token_id)
    assert proves(kept, secret)
    for wrong in (f"{PREFIX}{token_id}_", secret[:-1], secret + "=", secret.upper(), secret.removeprefix(PREFIX)):
        assert not proves(kept, wrong)


def test_a_token_works_until_it_expires() -> None:
    """The instant at which it expires is the first at which it does not work."""
    one = token()
    assert one.usable(NOON)
    assert one.usable(one.expires - timedelta(microseconds=1))
    assert not one.usable(one.expires)


def test_a_revoked_token_never_works() -> None:
    """Whatever the moment of its revocation says: clocks of several machines differ."""
    assert not replace(token(), revoked=NOON).usable(NOON)
    assert not replace(token(), revoked=NOON + timedelta(hours=1)).usable(NOON)

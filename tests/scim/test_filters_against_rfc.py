"""Random filters: what the service provider finds is what RFC 7644 says on the JSON it shows."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ims.locks import LockReason
from ims.people import AffiliationStatus, Contact, DirectoryName, EntryId, EntryLink, Profile, User
from tests.support.clock import NOON
from tests.support.naive_filter import (
    BOOLEANS,
    DATES,
    EXTENSION,
    LOCKSTEP,
    Asks,
    Both,
    Either,
    Narrowed,
    Never,
    Resource,
    Spell,
    Tree,
    Within,
    holds,
    written,
)
from tests.support.people import lock, user
from tests.support.scim_world import Caller, ScimWorld
from tests.support.unlock_world import open_world

WORDS = (
    "Ada",
    "ada ",
    'qu"ote',
    "back\\slash",
    "100%",
    "under_score",
    "Zoë",
    "straße",
    "STRASSE",
    "日本",
    "😀",
    "a",
    "",
)
TYPES = ("work", "home", "Work", "")
REASONS = (LockReason.PASSWORD_ATTEMPTS, LockReason.HELD, LockReason.UNAFFILIATED)
MOMENTS = tuple(NOON + timedelta(hours=hours) for hours in (-2, -1, 0, 1, 2))
DATE_TEXTS = (*(moment.isoformat().replace("+00:00", "Z") for moment in MOMENTS), "2026-11-23T14:00:00.500+02:00")

USER_TEXTS = (
    "userName",
    "externalId",
    "id",
    "displayName",
    "nickName",
    "title",
    "name.givenName",
    "name.familyName",
    "emails",
    "emails.value",
    "emails.type",
    "emails.display",
    "phoneNumbers.value",
    "locks",
    "locks.value",
    "locks.source",
    "locks.server",
    "directories.value",
    "directories.entryId",
    "directories.dn",
    "affiliation.status",
    "meta.resourceType",
    "schemas",
)
COMPLEX = {
    "emails": ("value", "type", "display", "primary"),
    "phoneNumbers": ("value", "primary"),
    "locks": ("value", "source", "server", "since", "until"),
    "directories": ("value", "entryId", "dn", "lastSeen"),
}
TEXT_OPS = ("eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le")
ORDERS = ("eq", "ne", "gt", "ge", "lt", "le")


def person(number: int) -> User:
    """Return one of many people, each different, always the same ones."""
    chance = random.Random(number)
    one = user(f"p{number}")
    profile = Profile(
        user_name=f"{chance.choice(WORDS)}{number}",
        external_id=chance.choice(WORDS),
        display_name=chance.choice(WORDS),
        nick_name=chance.choice(WORDS),
        title=chance.choice(WORDS),
        given_name=chance.choice(WORDS),
        family_name=chance.choice(WORDS),
        emails=tuple(
            Contact(
                value=f"{place}{chance.choice(WORDS)}", type=chance.choice(TYPES), primary=place == chance.randint(0, 2)
            )
            for place in range(chance.randint(0, 3))
        ),
        phone_numbers=tuple(Contact(value=chance.choice(WORDS) or "1") for _ in range(chance.randint(0, 1))),
    )
    locks = [
        lock(
            reason,
            source=chance.choice(("corp", "lab")),
            server=chance.choice(("", "dc1")),
            since=chance.choice(MOMENTS),
            until=chance.choice((None, *MOMENTS)),
            name=f"p{number}",
        )
        for reason in REASONS
        if chance.random() < 0.4
    ]
    entries = tuple(
        EntryLink(
            directory=DirectoryName(name),
            entry_id=EntryId(f"{name}-{number}"),
            dn=f"uid=P{number},dc={name}",
            seen_at=NOON,
        )
        for name in ("corp", "lab")
        if chance.random() < 0.6
    )
    status = chance.choice(tuple(AffiliationStatus))
    affiliation = None if one.affiliation is None else replace(one.affiliation, status=status)
    return replace(one, profile=profile, locks=tuple(locks), entries=entries, affiliation=affiliation)


@pytest.fixture(scope="module")
def auditor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """Return somebody who may ask for everything, in a tenant of forty people."""
    scim = ScimWorld(world=open_world(tmp_path_factory.mktemp("filters")))
    for number in range(40):
        scim.world.save(person(number))
    yield scim.aude
    scim.world.store.close()


@pytest.fixture(scope="module")
def everybody(auditor: Caller) -> list[Resource]:
    """Return the resources that the auditor sees."""
    resources: list[Resource] = auditor.get("/Users", count=1000).body["Resources"]
    assert len(resources) == 41
    return resources


def asking(path: str, name: str) -> st.SearchStrategy[Tree]:
    """Return tests of one attribute; `name` is its full path, which decides its type."""
    texts = st.sampled_from(
        (*WORDS, "work", "p1", "corp", "password_attempts", "unaffiliated", "User", "uid=p1", "corp-3")
    )
    if name in BOOLEANS:
        compared = st.builds(
            Asks, st.just(path), st.sampled_from(("eq", "ne")), st.sampled_from((True, False, "True", "false"))
        )
    elif name in DATES:
        compared = st.builds(Asks, st.just(path), st.sampled_from(ORDERS), st.sampled_from(DATE_TEXTS))
    else:
        compared = st.builds(Asks, st.just(path), st.sampled_from(TEXT_OPS), texts)
    with_null = st.builds(Asks, st.just(path), st.sampled_from(("eq", "ne")))
    return st.one_of(compared, compared, with_null, st.just(Asks(path, "pr")))


def joined(leaves: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    """Return trees over these leaves."""

    def grown(below: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
        several = st.lists(below, min_size=2, max_size=4).map(tuple)
        return st.one_of(st.builds(Both, several), st.builds(Either, several), st.builds(Never, below))

    return st.recursive(leaves, grown, max_leaves=8)


def inside(name: str, parts: tuple[str, ...]) -> st.SearchStrategy[Tree]:
    """Return value paths of one attribute: alone, and with a sub-attribute behind the brackets."""
    asked = st.one_of(*[asking(part, f"{name}.{part}") for part in parts])
    where = joined(asked)
    return st.one_of(st.builds(Within, st.just(name), where), st.builds(Narrowed, st.just(name), where, asked))


INSIDE = st.one_of(*[inside(name, parts) for name, parts in COMPLEX.items()])
FILTERS = joined(st.one_of(*[asking(path, path) for path in (*USER_TEXTS, *sorted(BOOLEANS | DATES))], INSIDE))


def _spelling(seed: int) -> Spell:
    chance = random.Random(seed)

    def spell(word: str) -> str:
        if word.partition(".")[0] in EXTENSION and chance.random() < 0.5:
            word = f"{LOCKSTEP}:{word}"
        return chance.choice((word, word, word.upper(), word.lower()))

    return spell


@settings(max_examples=400, deadline=None)
@given(tree=FILTERS, seed=st.integers(0, 1000))
def test_a_filter_finds_exactly_whom_the_rfc_says(
    auditor: Caller, everybody: list[Resource], tree: Tree, seed: int
) -> None:
    text = written(tree, _spelling(seed))
    reply = auditor.find(text, count=1000)
    assert reply.status == 200, (text, reply.body)
    found = [resource["id"] for resource in reply.body["Resources"]]
    assert sorted(found) == sorted(resource["id"] for resource in everybody if holds(tree, resource)), text
    assert reply.body["totalResults"] == len(found)

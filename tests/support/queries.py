"""Random users and random questions about them: small alphabets and few moments, so that they meet often."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from ims.locks import Lock, LockId, LockReason
from ims.people import (
    Address,
    Affiliation,
    AffiliationStatus,
    ConnectionName,
    Contact,
    DirectoryName,
    EntryId,
    EntryLink,
    Profile,
    TenantId,
    User,
    UserId,
)
from ims.query import And, Attribute, Collection, Compare, Member, Not, Operator, Or, Present, Query, Some, Value
from tests.support.clock import NOON

LETTERS = "aAbB%_\\'\u00df\u03c3\u03c2\u03a3\u00e9e\u0301\u0130\u0131\uff21\ud7ff\ue000\U0001f600\U0010ffff"
"""Case, wildcards, quotes, sharp s, sigmas, accents in two forms, i with and without dots, width, ends of ranges."""

texts = st.text(st.sampled_from(LETTERS), max_size=3)
moments = st.integers(-3, 3).map(lambda minutes: NOON + timedelta(minutes=minutes))
later = st.integers(0, 8).map(lambda halves: NOON + timedelta(seconds=30 * halves))
"""When a question is asked: at or after the last write, which is at NOON."""

FIELDS = (
    "external_id",
    "display_name",
    "formatted_name",
    "given_name",
    "family_name",
    "middle_name",
    "honorific_prefix",
    "honorific_suffix",
    "nick_name",
    "profile_url",
    "title",
    "user_type",
    "preferred_language",
    "locale",
    "timezone",
    "employee_number",
    "cost_center",
    "organization",
    "division",
    "department",
    "manager",
)
LISTS = ("emails", "phone_numbers", "ims", "photos", "entitlements", "roles", "x509_certificates")
CONTACT_MEMBERS = (Member.VALUE, Member.TYPE, Member.PRIMARY, Member.DISPLAY)
FLAGS = {Attribute.ACTIVE, Attribute.LOCKED, Member.PRIMARY}
TIMES = {
    Attribute.CREATED,
    Attribute.LAST_MODIFIED,
    Attribute.AFFILIATION_SINCE,
    Member.SINCE,
    Member.UNTIL,
    Member.LAST_SEEN,
}
MEMBERS = {
    **{Collection(name): CONTACT_MEMBERS for name in LISTS},
    Collection.ADDRESSES: (
        Member.FORMATTED,
        Member.STREET_ADDRESS,
        Member.LOCALITY,
        Member.REGION,
        Member.POSTAL_CODE,
        Member.COUNTRY,
        Member.TYPE,
        Member.PRIMARY,
    ),
    Collection.LOCKS: (
        Member.ID,
        Member.VALUE,
        Member.DISPLAY,
        Member.SOURCE,
        Member.SERVER,
        Member.SINCE,
        Member.UNTIL,
    ),
    Collection.DIRECTORIES: (Member.VALUE, Member.ENTRY_ID, Member.DN, Member.LAST_SEEN),
}
"""By the collections that are part of a user; groups have tests of their own."""
KNOWN = ("affiliated", "unaffiliated", "held", "IDLE", "locked", "corp", "LAB", "u-0", "-1")
"""Texts that occur by themselves."""


# --- users -----------------------------------------------------------------------------------------------------------

contacts = st.builds(Contact, value=texts, type=texts, primary=st.booleans(), display=texts)
addresses = st.builds(
    Address,
    formatted=texts,
    street_address=texts,
    locality=texts,
    region=texts,
    postal_code=texts,
    country=texts,
    type=texts,
    primary=st.booleans(),
)


@st.composite
def locks(draw: st.DrawFn, owner: UserId, tenant: TenantId) -> Lock:
    """Return a lock of a user: lapsed, in force, ahead, with or without an end."""
    return Lock(
        id=LockId(draw(texts)),
        user=owner,
        tenant=tenant,
        reason=draw(st.sampled_from(LockReason)),
        source=draw(st.sampled_from(["corp", "Lab"])),
        server=draw(texts),
        since=draw(moments),
        until=draw(st.none() | moments),
        note=draw(texts),
    )


@st.composite
def users(draw: st.DrawFn, tenant: TenantId, number: int) -> User:
    """Return one user of a tenant; the number keeps its id, name and entries apart from the others'."""
    own = UserId(f"{tenant}-u-{number}")
    fields: dict[str, Any] = draw(st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, texts)))
    fields |= {name: tuple(draw(st.lists(contacts, max_size=1 + (name == "emails")))) for name in LISTS}
    entry = EntryLink(
        directory=DirectoryName(draw(st.sampled_from(["corp", "Lab"]))),
        entry_id=EntryId(f"{tenant}-{number}-{draw(texts)}"),
        dn=draw(texts),
        seen_at=draw(moments),
    )
    return User(
        id=own,
        tenant=tenant,
        profile=Profile(
            user_name=f"{draw(texts)}{number}",
            addresses=tuple(draw(st.lists(addresses, max_size=2))),
            **fields,
        ),
        created=draw(moments),
        modified=draw(moments),
        affiliation=draw(
            st.none()
            | st.builds(Affiliation, status=st.sampled_from(AffiliationStatus), since=moments, rule=st.just("r"))
        ),
        deleted_by=draw(st.none() | st.just(ConnectionName("Corp"))),
        entries=draw(st.sampled_from([(), (entry,)])),
        locks=tuple(draw(st.lists(locks(own, tenant), max_size=3))),
    )


def crowds(tenant: TenantId) -> st.SearchStrategy[tuple[User, ...]]:
    """Return up to four users of a tenant."""
    return st.integers(1, 4).flatmap(lambda size: st.tuples(*(users(tenant, number) for number in range(size))))


# --- questions -------------------------------------------------------------------------------------------------------


def _values(left: Attribute | Member) -> st.SearchStrategy[Value]:
    if left in FLAGS:
        return st.booleans()
    return moments if left in TIMES else texts | st.sampled_from(KNOWN)


def _operators(left: Attribute | Member) -> st.SearchStrategy[Operator]:
    if left in FLAGS:
        return st.sampled_from([Operator.EQ, Operator.NE])
    pieces = {Operator.CO, Operator.SW, Operator.EW}
    return st.sampled_from([one for one in Operator if left not in TIMES or one not in pieces])


def _asked(left: Attribute | Member) -> st.SearchStrategy[Query]:
    return st.builds(Compare, st.just(left), _operators(left), _values(left)) | st.just(Present(left))


def _combined(parts: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
    several = st.lists(parts, max_size=3).map(tuple)
    return st.builds(And, several) | st.builds(Or, several) | st.builds(Not, parts)


def _of_elements(collection: Collection) -> st.SearchStrategy[Query]:
    asked = st.sampled_from(MEMBERS[collection]).flatmap(_asked)
    inner = st.recursive(asked, _combined, max_leaves=4)
    return st.builds(Some, st.just(collection), st.none() | inner)


_leaves = st.sampled_from(Attribute).flatmap(_asked) | st.sampled_from(tuple(MEMBERS)).flatmap(_of_elements)
questions: st.SearchStrategy[Query] = st.recursive(_leaves, _combined, max_leaves=6)

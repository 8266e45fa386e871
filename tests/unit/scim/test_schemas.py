"""The schema table: published as the RFC wants it, and found by every way of writing a name."""

import pytest
from scim2_models import Schema as PublishedSchema

from ims.query import Attribute, Collection, Member
from scim.attributes import Mutability, Schema, ScimAttribute
from scim.lockstep_schema import LOCKSTEP
from scim.schemas import SCHEMAS, USERS, published
from scim.urns import LOCKSTEP_URN, USER_URN
from scim.user_schemas import USER


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.name)
def test_a_published_schema_is_one(schema: Schema) -> None:
    """An independent model of RFC 7643 section 7 takes it."""
    document = published(schema, "https://id.example.com/scim/v2")
    model = PublishedSchema.model_validate(document)
    assert len(model.attributes or []) == len(document["attributes"])  # type: ignore[arg-type]  # a list by construction


def test_no_name_means_two_things() -> None:
    """That is why the extension's attributes are found without its URN."""
    core = {attribute.name.lower() for attribute in (*USER.common, *USER.attributes)}
    assert core.isdisjoint(attribute.name.lower() for attribute in LOCKSTEP.attributes)


def test_the_extension_is_read_only_through_and_through() -> None:
    parts = [part for attribute in LOCKSTEP.attributes for part in (attribute, *attribute.parts)]
    assert {part.mutability for part in parts} == {Mutability.READ_ONLY}


def test_nothing_secret_has_a_place() -> None:
    assert USERS.resolve("password") is None


def test_what_can_be_asked_of_the_store_can_be_asked_here() -> None:
    """Every attribute of the query algebra has a row, but for the one that permits keep to themselves."""
    rows = [row for schema in SCHEMAS for attribute in (*schema.common, *schema.attributes) for row in _rows(attribute)]
    asked = [row.asks for row in rows if row.asks is not None]
    attributes = {row for row in asked if isinstance(row, Attribute)}
    assert attributes == set(Attribute) - {Attribute.DELETED_BY}
    assert {row for row in asked if isinstance(row, Collection)} == set(Collection)
    assert {row for row in asked if isinstance(row, Member)} == set(Member)


@pytest.mark.parametrize(
    ("path", "means"),
    [
        ("userName", "userName"),
        ("USERNAME", "userName"),
        ("name.familyname", "name.familyName"),
        (f"{USER_URN}:name.familyName", "name.familyName"),
        (f"{USER_URN.upper()}:emails.VALUE", "emails.value"),
        (f"{LOCKSTEP_URN}:locks.until", "locks.until"),
        (f"{LOCKSTEP_URN.lower()}:locked", "locked"),
        ("locks.value", "locks.value"),
        ("meta.lastModified", "meta.lastModified"),
        (f"{USER_URN}:id", "id"),
    ],
)
def test_a_name_is_found(path: str, means: str) -> None:
    assert str(USERS.resolve(path)) == means


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "user",
        "userName.",
        "userName.x",
        "name.",
        "name.givenName.x",
        ".userName",
        "__class__",
        "__proto__.x",
        "name.__class__",
        "urn:unheard:of:userName",
        USER_URN,
        f"{USER_URN}:",
        f"{USER_URN}:locks",
        f"{LOCKSTEP_URN}:userName",
        f"{LOCKSTEP_URN}:id",
        "emails[0]",
        "deletedBy",
        "tenant",
    ],
)
def test_a_name_that_means_nothing_is_not_guessed(path: str) -> None:
    assert USERS.resolve(path) is None


@pytest.mark.parametrize("path", ["locks.evidence", "directories.dn"])
def test_evidence_does_not_exist_for_those_who_may_not_know(path: str) -> None:
    assert USERS.resolve(path) is not None
    assert USERS.resolve(path, evidence=False) is None


def _rows(attribute: ScimAttribute) -> tuple[ScimAttribute, ...]:
    return (attribute, *attribute.parts)

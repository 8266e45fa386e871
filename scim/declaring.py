"""Short ways of writing a row of the schema tables."""

from ims.query import Attribute, Collection, Member
from scim.attributes import Kind, Mutability, Returned, ScimAttribute, Uniqueness


def text(name: str, description: str, asks: Attribute | Member | None = None) -> ScimAttribute:
    """Return a text that clients write."""
    return ScimAttribute(name=name, description=description, asks=asks)


def shown(
    name: str,
    description: str,
    asks: Attribute | Member | None = None,
    *,
    kind: Kind = Kind.STRING,
    canonical: tuple[str, ...] = (),
) -> ScimAttribute:
    """Return a value that clients only read."""
    return ScimAttribute(
        name=name, description=description, asks=asks, kind=kind, canonical=canonical, mutability=Mutability.READ_ONLY
    )


def shown_parts(name: str, description: str, *parts: ScimAttribute, asks: Collection | None = None) -> ScimAttribute:
    """Return a readOnly complex attribute; multi-valued if it is a collection."""
    return ScimAttribute(
        name=name,
        description=description,
        kind=Kind.COMPLEX,
        mutability=Mutability.READ_ONLY,
        multi_valued=asks is not None,
        parts=parts,
        asks=asks,
    )


def shown_many(
    name: str, description: str, *, canonical: tuple[str, ...] = (), evidence: bool = False
) -> ScimAttribute:
    """Return a readOnly list of texts."""
    return ScimAttribute(
        name=name,
        description=description,
        multi_valued=True,
        mutability=Mutability.READ_ONLY,
        canonical=canonical,
        evidence=evidence,
    )


def type_and_primary(types: tuple[str, ...]) -> tuple[ScimAttribute, ScimAttribute]:
    """Return the two sub-attributes that the values of every multi-valued attribute of a person have."""
    return (
        ScimAttribute(name="type", description="What it is for", canonical=types, asks=Member.TYPE),
        ScimAttribute(
            name="primary",
            description="Whether it is the preferred one; at most one is",
            kind=Kind.BOOLEAN,
            asks=Member.PRIMARY,
        ),
    )


def contacts(
    name: str,
    what: str,
    asks: Collection,
    types: tuple[str, ...] = (),
    *,
    kind: Kind = Kind.STRING,
    bare: bool = False,
) -> ScimAttribute:
    """Return a multi-valued attribute whose elements have value, display, type and primary."""
    return ScimAttribute(
        name=name,
        description=f"{what}s of the user",
        kind=Kind.COMPLEX,
        multi_valued=True,
        bare=bare,
        asks=asks,
        parts=(
            ScimAttribute(
                name="value",
                description=what,
                kind=kind,
                refers_to=("external",) if kind is Kind.REFERENCE else (),
                asks=Member.VALUE,
            ),
            text("display", "How to show it", Member.DISPLAY),
            *type_and_primary(types),
        ),
    )


def common(resource_type: str, constant: tuple[str, ...], sometimes: tuple[str, ...] = ()) -> tuple[ScimAttribute, ...]:
    """Return the attributes that every resource has and no schema lists (RFC 7643 section 3.1).

    `constant` are the schemas of each such resource, `sometimes` those of some.
    """
    return (
        ScimAttribute(
            name="schemas",
            description="The schemas that the resource uses",
            kind=Kind.REFERENCE,
            multi_valued=True,
            mutability=Mutability.READ_ONLY,
            returned=Returned.ALWAYS,
            constant=constant,
            sometimes=sometimes,
        ),
        ScimAttribute(
            name="id",
            description="Made by Lockstep, never reused",
            mutability=Mutability.READ_ONLY,
            returned=Returned.ALWAYS,
            uniqueness=Uniqueness.SERVER,
            asks=Attribute.ID,
        ),
        text("externalId", "The client's own identifier of the resource", Attribute.EXTERNAL_ID),
        shown_parts(
            "meta",
            "What the service provider knows of the resource itself",
            ScimAttribute(
                name="resourceType",
                description="The name of the resource type",
                mutability=Mutability.READ_ONLY,
                constant=(resource_type,),
            ),
            shown("created", "When the resource was added", Attribute.CREATED, kind=Kind.DATE_TIME),
            shown(
                "lastModified",
                "When the resource last changed: by a write, or because a lock began or ended by the clock",
                Attribute.LAST_MODIFIED,
                kind=Kind.DATE_TIME,
            ),
            ScimAttribute(
                name="location",
                description="The address of the resource",
                kind=Kind.REFERENCE,
                mutability=Mutability.READ_ONLY,
                refers_to=("uri",),
            ),
            shown("version", "The resource's ETag"),
        ),
    )

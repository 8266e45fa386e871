"""What a SCIM attribute and a schema are (RFC 7643 sections 2 and 7); `scim.schemas` holds the ones we serve."""

from dataclasses import dataclass
from enum import StrEnum

from ims.query import CASE_EXACT, Attribute, Collection, Member

Document = dict[str, object]
"""A JSON object as it comes in and goes out. It lives inside `scim` only; `ims` gets frozen types."""


class Kind(StrEnum):
    """An attribute's data type, as far as we use it (RFC 7643 section 2.3)."""

    STRING = "string"
    BOOLEAN = "boolean"
    DATE_TIME = "dateTime"
    REFERENCE = "reference"
    BINARY = "binary"
    COMPLEX = "complex"


TEXTS = frozenset({Kind.STRING, Kind.REFERENCE, Kind.BINARY})
"""Kinds whose values are texts to those who compare them."""


class Mutability(StrEnum):
    """Who may write an attribute."""

    READ_WRITE = "readWrite"
    READ_ONLY = "readOnly"
    IMMUTABLE = "immutable"


class Returned(StrEnum):
    """When an attribute is part of an answer."""

    DEFAULT = "default"
    ALWAYS = "always"


class Uniqueness(StrEnum):
    """Within what an attribute's value is unique."""

    NONE = "none"
    SERVER = "server"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScimAttribute:
    """One row of the schema table: what is published of the attribute, and what it is in `ims`.

    `asks` is the attribute in `ims.query`; without it, and without the `constant` values that every user has, it cannot
    be filtered; `sometimes` are constants that only some have. `evidence` attributes are for people only: for a
    connection they do not exist. `bare` = a text alone stands for an element with that `value`, as some clients send.
    A multi-valued one takes `most` elements in one request.
    """

    name: str
    description: str
    kind: Kind = Kind.STRING
    multi_valued: bool = False
    required: bool = False
    mutability: Mutability = Mutability.READ_WRITE
    returned: Returned = Returned.DEFAULT
    uniqueness: Uniqueness = Uniqueness.NONE
    canonical: tuple[str, ...] = ()
    refers_to: tuple[str, ...] = ()
    parts: "tuple[ScimAttribute, ...]" = ()
    asks: Attribute | Collection | Member | None = None
    constant: tuple[str, ...] = ()
    sometimes: tuple[str, ...] = ()
    evidence: bool = False
    bare: bool = False
    most: int = 100

    @property
    def case_exact(self) -> bool:
        """Return whether values are compared octet by octet (RFC 7643 section 2.2)."""
        return self.asks in CASE_EXACT

    def part(self, name: str) -> "ScimAttribute | None":
        """Return the sub-attribute of that name, in any case (RFC 7643 section 2.1)."""
        return named(self.parts, name)

    def published(self) -> Document:
        """Return the attribute's definition as /Schemas shows it (RFC 7643 section 7)."""
        document: Document = {
            "name": self.name,
            "type": self.kind.value,
            "multiValued": self.multi_valued,
            "description": self.description,
            "required": self.required,
            "mutability": self.mutability.value,
            "returned": self.returned.value,
        }
        if self.kind in TEXTS:
            document |= {"caseExact": self.case_exact, "uniqueness": self.uniqueness.value}
        if self.canonical:
            document["canonicalValues"] = list(self.canonical)
        if self.refers_to:
            document["referenceTypes"] = list(self.refers_to)
        if self.parts:
            document["subAttributes"] = [part.published() for part in self.parts]
        return document


def named(attributes: tuple[ScimAttribute, ...], name: str) -> ScimAttribute | None:
    """Return the attribute of that name, in any case."""
    wanted = name.lower()
    return next((attribute for attribute in attributes if attribute.name.lower() == wanted), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """A schema: its URN and its attributes. `common` are attributes that every resource has and no schema lists.

    `aliases` are URNs of drafts and older versions under which clients still send it.
    """

    id: str
    name: str
    description: str
    attributes: tuple[ScimAttribute, ...]
    common: tuple[ScimAttribute, ...] = ()
    aliases: tuple[str, ...] = ()

    def attribute(self, name: str) -> ScimAttribute | None:
        """Return the attribute of that name, in any case."""
        return named((*self.common, *self.attributes), name)


@dataclass(frozen=True, slots=True)
class AttributePath:
    """An attribute, or a sub-attribute, as a client names it (RFC 7644 section 3.10), resolved."""

    schema: Schema
    attribute: ScimAttribute
    part: ScimAttribute | None = None

    @property
    def target(self) -> ScimAttribute:
        """Return the innermost attribute that is named."""
        return self.part or self.attribute

    @property
    def read_only(self) -> bool:
        """Return whether a client may not write here."""
        return Mutability.READ_ONLY in (self.attribute.mutability, self.target.mutability)

    def __str__(self) -> str:
        """Return the path as we write it ourselves."""
        return f"{self.attribute.name}.{self.part.name}" if self.part else self.attribute.name


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """A kind of resource (RFC 7643 section 6): where it is, its schema and the extensions of that."""

    name: str
    endpoint: str
    description: str
    schema: Schema
    extensions: tuple[Schema, ...] = ()

    @property
    def schemas(self) -> tuple[Schema, ...]:
        """Return the schema and its extensions."""
        return (self.schema, *self.extensions)

    def split_urn(self, path: str) -> tuple[Schema | None, str]:
        """Split a path into the schema whose URN it begins with, if any, and the rest ("" if the URN is all)."""
        lower = path.lower()
        for schema in self.schemas:
            for urn in (schema.id, *schema.aliases):
                if lower == urn.lower() or lower.startswith(f"{urn.lower()}:"):
                    return schema, path[len(urn) + 1 :]
        return None, path

    def resolve(self, path: str, *, evidence: bool = True) -> AttributePath | None:
        """Return the attribute that a client means by `attr`, `attr.sub` or either behind a schema's URN; None = none.

        An extension's attributes are found without its URN too, as no two schemas of a type share a name. `evidence` is
        whether the client may know of attributes that are evidence.
        """
        schema, rest = self.split_urn(path)
        name, dot, sub = rest.partition(".")
        for candidate in (schema,) if schema else self.schemas:
            attribute = candidate.attribute(name)
            if attribute is None:
                continue
            part = attribute.part(sub) if dot else None
            hidden = attribute.evidence or (part is not None and part.evidence)
            if (dot and part is None) or (hidden and not evidence):
                return None
            return AttributePath(candidate, attribute, part)
        return None

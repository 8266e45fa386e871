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
    COMPLEX = "complex"


TEXTS = frozenset({Kind.STRING, Kind.REFERENCE})
"""Kinds whose values are texts to those who compare them."""


class Mutability(StrEnum):
    """Who may write an attribute."""

    READ_WRITE = "readWrite"
    READ_ONLY = "readOnly"


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
    be filtered. `evidence` attributes are for people only: for a connection they do not exist.
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
    evidence: bool = False

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
    """A schema: its URN and its attributes. `common` are attributes that every resource has and no schema lists."""

    id: str
    name: str
    description: str
    attributes: tuple[ScimAttribute, ...]
    common: tuple[ScimAttribute, ...] = ()

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

"""Which attributes an answer shows (RFC 7644 section 3.9): `attributes` or `excludedAttributes`.

Names that we do not know are ignored: clients ask every service provider for the same names (`groups`, `members`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from scim.attributes import Document, ResourceType, Returned, Schema, ScimAttribute

_Name = tuple[str, str, str]
"""Schema, attribute, sub-attribute; "" = all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Projection:
    """What to show: only `wanted` (None = everything), and nothing of `unwanted`."""

    of: ResourceType
    wanted: frozenset[_Name] | None = None
    unwanted: frozenset[_Name] = frozenset()

    @classmethod
    def parse(cls, of: ResourceType, *, wanted: str, unwanted: str) -> Self:
        """Return the projection that two comma-separated lists mean; an empty one was not sent."""
        names = frozenset(_names(of, wanted)) if wanted else None
        return cls(of=of, wanted=names, unwanted=frozenset(_names(of, unwanted)))

    def __bool__(self) -> bool:
        """Return whether the client asked for anything but the default."""
        return self.wanted is not None or bool(self.unwanted)

    def of_resource(self, resource: Document) -> Document:
        """Return the part of a rendered resource that the client wants; what is always returned stays."""
        if not self:
            return resource
        extensions = {schema.id: schema for schema in self.of.extensions}
        core = {name: value for name, value in resource.items() if name not in extensions}
        shown = self._of_members(self.of.schema, core)
        for urn, schema in extensions.items():
            held = resource.get(urn)
            inner = self._of_members(schema, held) if isinstance(held, dict) else {}
            shown |= {urn: inner} if inner else {}
        return shown

    def shows(self, name: str) -> bool:
        """Return whether anything of an attribute of the core schema would be shown: what is not need not be read."""
        if self.wanted is None:
            return self.unwanted.isdisjoint({(self.of.schema.id, "", ""), (self.of.schema.id, name, "")})
        return any(schema == self.of.schema.id and shown in ("", name) for schema, shown, _ in self.wanted)

    def _of_members(self, schema: Schema, members: Document) -> Document:
        shown: Document = {}
        for name, value in members.items():
            attribute = schema.attribute(name)
            kept = None if attribute is None else self._of_value(schema, attribute, value)
            if kept is not None:
                shown[name] = kept
        return shown

    def _of_value(self, schema: Schema, attribute: ScimAttribute, value: object) -> object | None:
        """Return what is left of an attribute's value, or None."""
        if attribute.returned is Returned.ALWAYS:
            return value
        if isinstance(value, dict):
            return self._of_parts(schema, attribute, value) or None
        if isinstance(value, list) and attribute.parts and value:
            return [kept for element in value if (kept := self._of_parts(schema, attribute, element))] or None
        return value if self._keeps(schema, attribute) else None

    def _of_parts(self, schema: Schema, attribute: ScimAttribute, value: Document) -> Document:
        return {name: member for name, member in value.items() if self._keeps(schema, attribute, name)}

    def _keeps(self, schema: Schema, attribute: ScimAttribute, part: str = "") -> bool:
        names = {(schema.id, "", ""), (schema.id, attribute.name, ""), (schema.id, attribute.name, part)}
        return names.isdisjoint(self.unwanted) if self.wanted is None else not names.isdisjoint(self.wanted)


def _names(of: ResourceType, text: str) -> Iterator[_Name]:
    for name in text.split(","):
        schema, rest = of.split_urn(name.strip())
        path = of.resolve(name.strip())
        if schema is not None and not rest:
            yield schema.id, "", ""
        elif path is not None:
            yield path.schema.id, path.attribute.name, path.part.name if path.part else ""

"""The one schema table: it renders /Schemas, and filters, projections, bodies and PATCH paths are resolved against it.

What is not in it does not exist for a client. There is no password, and there never will be one.
"""

from scim.attributes import Document, ResourceType, Schema
from scim.group_schema import GROUP
from scim.lockstep_schema import LOCKSTEP
from scim.urns import SCHEMA_URN
from scim.user_schemas import ENTERPRISE, USER

USERS = ResourceType(
    name="User",
    endpoint="/Users",
    description="People, and why they are locked",
    schema=USER,
    extensions=(ENTERPRISE, LOCKSTEP),
)
GROUPS = ResourceType(
    name="Group",
    endpoint="/Groups",
    description="Groups that connections provision",
    schema=GROUP,
)
RESOURCE_TYPES = (USERS, GROUPS)
SCHEMAS = tuple(schema for resource_type in RESOURCE_TYPES for schema in resource_type.schemas)

SENSITIVE = frozenset({"password"})
"""Names that must not appear in a URL at all, because URLs are logged everywhere (RFC 7644 section 7.5.2)."""


def published(schema: Schema, base_url: str) -> Document:
    """Return a schema as /Schemas shows it."""
    return {
        "schemas": [SCHEMA_URN],
        "id": schema.id,
        "name": schema.name,
        "description": schema.description,
        "attributes": [attribute.published() for attribute in schema.attributes],
        "meta": {"resourceType": "Schema", "location": f"{base_url}/Schemas/{schema.id}"},
    }

"""What the service provider says of itself (RFC 7643 sections 5 to 7, RFC 7644 section 4): the truth, and all of it."""

from http import HTTPStatus

from ims.errors import NotFound
from scim.attributes import Document, ResourceType
from scim.bulk_request import OPERATIONS_MAX
from scim.calls import Answer, Call
from scim.cursors import LIFETIME
from scim.errors import HttpProblem
from scim.listing import list_response
from scim.schemas import RESOURCE_TYPES, SCHEMAS, published
from scim.urns import PROVIDER_URN, RESOURCE_TYPE_URN


def service_provider_config(call: Call) -> Answer:
    """GET /ServiceProviderConfig.

    `bulk` and `filter` carry their numbers: one identity provider falls back to neither PATCH nor filters without them.
    """
    _refuse_filter(call)
    limits = call.services.limits
    return Answer(
        document={
            "schemas": [PROVIDER_URN],
            "patch": {"supported": True},
            "bulk": {"supported": True, "maxOperations": OPERATIONS_MAX, "maxPayloadSize": limits.body_bytes},
            "filter": {"supported": True, "maxResults": limits.page_max},
            "changePassword": {"supported": False},
            "sort": {"supported": True},
            "etag": {"supported": True},
            "pagination": {
                "cursor": True,
                "index": True,
                "defaultPaginationMethod": "index",
                "defaultPageSize": limits.page_default,
                "maxPageSize": limits.page_max,
                "cursorTimeout": int(LIFETIME.total_seconds()),
            },
            "authenticationSchemes": [
                {
                    "type": "oauthbearertoken",
                    "name": "OAuth Bearer Token",
                    "description": "A token of Lockstep in the Authorization header",
                    "specUri": "https://www.rfc-editor.org/info/rfc6750",
                    "primary": True,
                },
            ],
            "meta": {
                "resourceType": "ServiceProviderConfig",
                "location": f"{call.services.base_url}/ServiceProviderConfig",
            },
        },
    )


def resource_types(call: Call) -> Answer:
    """GET /ResourceTypes."""
    _refuse_filter(call)
    documents = [_type_document(call, one) for one in RESOURCE_TYPES]
    return Answer(document=list_response(documents, total=len(documents)))


def resource_type(call: Call, name: str) -> Answer:
    """GET /ResourceTypes/{name}."""
    _refuse_filter(call)
    found = next((known for known in RESOURCE_TYPES if known.name == name), None)
    if found is None:
        raise NotFound(f"There is no resource type {name}")
    return Answer(document=_type_document(call, found))


def schemas(call: Call) -> Answer:
    """GET /Schemas."""
    _refuse_filter(call)
    documents = [published(schema, call.services.base_url) for schema in SCHEMAS]
    return Answer(document=list_response(documents, total=len(documents)))


def schema(call: Call, urn: str) -> Answer:
    """GET /Schemas/{urn}. URNs are the same in any case (RFC 7643 section 3)."""
    _refuse_filter(call)
    found = next((known for known in SCHEMAS if known.id.lower() == urn.lower()), None)
    if found is None:
        raise NotFound(f"There is no schema {urn}")
    return Answer(document=published(found, call.services.base_url))


def _refuse_filter(call: Call) -> None:
    """Discovery documents cannot be filtered, and a client must not take the whole for a part (RFC 7644 section 4)."""
    if call.parameters.filter is not None:
        raise HttpProblem(HTTPStatus.FORBIDDEN, "Discovery documents cannot be filtered")


def _type_document(call: Call, of: ResourceType) -> Document:
    return {
        "schemas": [RESOURCE_TYPE_URN],
        "id": of.name,
        "name": of.name,
        "endpoint": of.endpoint,
        "description": of.description,
        "schema": of.schema.id,
        "schemaExtensions": [{"schema": extension.id, "required": False} for extension in of.extensions],
        "meta": {"resourceType": "ResourceType", "location": f"{call.services.base_url}/ResourceTypes/{of.name}"},
    }

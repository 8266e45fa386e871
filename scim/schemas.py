"""The one schema table: it renders /Schemas, and filters, projections, bodies and PATCH paths are resolved against it.

What is not in it does not exist for a client. There is no password, and there never will be one.
"""

from ims.locks import Clearer, LockReason
from ims.people import AffiliationStatus
from ims.query import Attribute, Collection, Member
from scim.attributes import (
    AttributePath,
    Document,
    Kind,
    Mutability,
    Returned,
    Schema,
    ScimAttribute,
    Uniqueness,
)

USER_URN = "urn:ietf:params:scim:schemas:core:2.0:User"
LOCKSTEP_URN = "urn:ietf:params:scim:schemas:extension:lockstep:2.0:User"
SCHEMA_URN = "urn:ietf:params:scim:schemas:core:2.0:Schema"
RESOURCE_TYPE_URN = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
PROVIDER_URN = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
LIST_URN = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
PATCH_URN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR_URN = "urn:ietf:params:scim:api:messages:2.0:Error"

SENSITIVE = frozenset({"password"})
"""Names that must not appear in a URL at all, because URLs are logged everywhere (RFC 7644 section 7.5.2)."""


def _text(name: str, description: str, asks: Attribute | Member | None = None) -> ScimAttribute:
    return ScimAttribute(name=name, description=description, asks=asks)


def _shown(
    name: str,
    description: str,
    asks: Attribute | Member | None = None,
    *,
    kind: Kind = Kind.STRING,
    canonical: tuple[str, ...] = (),
) -> ScimAttribute:
    return ScimAttribute(
        name=name, description=description, asks=asks, kind=kind, canonical=canonical, mutability=Mutability.READ_ONLY
    )


def _group(name: str, description: str, *parts: ScimAttribute, asks: Collection | None = None) -> ScimAttribute:
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


def _many(name: str, description: str, *, canonical: tuple[str, ...] = (), evidence: bool = False) -> ScimAttribute:
    return ScimAttribute(
        name=name,
        description=description,
        multi_valued=True,
        mutability=Mutability.READ_ONLY,
        canonical=canonical,
        evidence=evidence,
    )


def _contacts(name: str, what: str, types: tuple[str, ...], asks: Collection) -> ScimAttribute:
    return ScimAttribute(
        name=name,
        description=f"{what}s of the user",
        kind=Kind.COMPLEX,
        multi_valued=True,
        asks=asks,
        parts=(
            _text("value", what, Member.VALUE),
            _text("display", "How to show it", Member.DISPLAY),
            ScimAttribute(name="type", description="What it is for", canonical=types, asks=Member.TYPE),
            ScimAttribute(
                name="primary",
                description="Whether it is the preferred one; at most one is",
                kind=Kind.BOOLEAN,
                asks=Member.PRIMARY,
            ),
        ),
    )


_META = _group(
    "meta",
    "What the service provider knows of the resource itself",
    ScimAttribute(
        name="resourceType",
        description="The name of the resource type",
        mutability=Mutability.READ_ONLY,
        constant=("User",),
    ),
    _shown("created", "When the user was added", Attribute.CREATED, kind=Kind.DATE_TIME),
    _shown(
        "lastModified",
        "When the user last changed: by a write, or because a lock began or ended by the clock",
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
    _shown("version", "The resource's ETag"),
)

_COMMON = (
    ScimAttribute(
        name="schemas",
        description="The schemas that the resource uses",
        kind=Kind.REFERENCE,
        multi_valued=True,
        mutability=Mutability.READ_ONLY,
        returned=Returned.ALWAYS,
        constant=(USER_URN, LOCKSTEP_URN),
    ),
    ScimAttribute(
        name="id",
        description="Made by Lockstep, never reused",
        mutability=Mutability.READ_ONLY,
        returned=Returned.ALWAYS,
        uniqueness=Uniqueness.SERVER,
        asks=Attribute.ID,
    ),
    _text("externalId", "The client's own identifier of the user", Attribute.EXTERNAL_ID),
    _META,
)

_NAME = ScimAttribute(
    name="name",
    description="The parts of the user's name",
    kind=Kind.COMPLEX,
    parts=(
        _text("formatted", "The whole name, as it is shown", Attribute.FORMATTED_NAME),
        _text("familyName", "Family name", Attribute.FAMILY_NAME),
        _text("givenName", "Given name", Attribute.GIVEN_NAME),
        _text("middleName", "Middle names", Attribute.MIDDLE_NAME),
        _text("honorificPrefix", "What stands before the name", Attribute.HONORIFIC_PREFIX),
        _text("honorificSuffix", "What stands behind the name", Attribute.HONORIFIC_SUFFIX),
    ),
)

USER = Schema(
    id=USER_URN,
    name="User",
    description="A person in the identity management system",
    common=_COMMON,
    attributes=(
        ScimAttribute(
            name="userName",
            description="The name by which the user signs in",
            required=True,
            uniqueness=Uniqueness.SERVER,
            asks=Attribute.USER_NAME,
        ),
        _NAME,
        _text("displayName", "The name to show", Attribute.DISPLAY_NAME),
        _text("nickName", "How the user likes to be called", Attribute.NICK_NAME),
        ScimAttribute(
            name="profileUrl",
            description="A page about the user",
            kind=Kind.REFERENCE,
            refers_to=("external",),
            asks=Attribute.PROFILE_URL,
        ),
        _text("title", "The user's title in the enterprise", Attribute.TITLE),
        _text("userType", "The relationship between the enterprise and the user", Attribute.USER_TYPE),
        _text(
            "preferredLanguage", "The language the user prefers, as in Accept-Language", Attribute.PREFERRED_LANGUAGE
        ),
        _text("locale", "For showing dates, numbers and currencies", Attribute.LOCALE),
        _text("timezone", "The user's time zone, as in the IANA database", Attribute.TIMEZONE),
        ScimAttribute(
            name="active",
            description="Whether the user may sign in: no lock is in force. Setting it false adds a lock; setting it "
            "true clears those that the caller may clear",
            kind=Kind.BOOLEAN,
            asks=Attribute.ACTIVE,
        ),
        _contacts("emails", "E-mail address", ("work", "home", "other"), Collection.EMAILS),
        _contacts(
            "phoneNumbers",
            "Telephone number",
            ("work", "home", "mobile", "fax", "pager", "other"),
            Collection.PHONE_NUMBERS,
        ),
    ),
)

_LOCKS = _group(
    "locks",
    "Every lock in force, oldest first",
    _shown("id", "The lock's own identifier", Member.ID),
    _shown("value", "Why", Member.VALUE, canonical=tuple(reason.value for reason in LockReason)),
    _shown("display", "Why, in one sentence"),
    _shown("source", "The directory or connection that says so", Member.SOURCE),
    _shown("server", "The only server that holds the lock, where lock state is per server", Member.SERVER),
    _shown("since", "When it began", Member.SINCE, kind=Kind.DATE_TIME),
    _shown("until", "When it ends by itself, if it does", Member.UNTIL, kind=Kind.DATE_TIME),
    _many("evidence", "What the directory said, as attribute and value; for people only", evidence=True),
    _many(
        "clearableBy",
        "Who, or what, can end it",
        canonical=tuple(clearer.value for clearer in Clearer),
    ),
    asks=Collection.LOCKS,
)

LOCKSTEP = Schema(
    id=LOCKSTEP_URN,
    name="LockstepUser",
    description="Why a user is locked, and who can do something about it",
    attributes=(
        _shown("locked", "Whether any lock is in force: the contrary of active", Attribute.LOCKED, kind=Kind.BOOLEAN),
        _LOCKS,
        _group(
            "lastUnlock",
            "What the last unlock did",
            _shown("at", "When", kind=Kind.DATE_TIME),
            _many("cleared", "The reasons whose locks it ended"),
            _many("remaining", "The locks that it could not end, with what to do about each"),
            _many("failed", "The locks that it tried to end in vain, with what stood in the way"),
        ),
        _group(
            "affiliation",
            "The company account to which the user belongs",
            _shown("value", "The company account's identifier"),
            _shown("display", "The company account's name"),
            _shown(
                "status",
                "Whether the user belongs to it at present",
                Attribute.AFFILIATION_STATUS,
                canonical=tuple(status.value for status in AffiliationStatus),
            ),
            _shown("since", "Since when", Attribute.AFFILIATION_SINCE, kind=Kind.DATE_TIME),
        ),
        _group(
            "directories",
            "The directories in which the user has an entry",
            _shown("value", "The directory's name", Member.VALUE),
            _shown("entryId", "The entry's identifier, which a rename does not change", Member.ENTRY_ID),
            ScimAttribute(
                name="dn",
                description="Where the entry is at present; for people only",
                mutability=Mutability.READ_ONLY,
                asks=Member.DN,
                evidence=True,
            ),
            _shown(
                "lastSeen",
                "When the entry was last read with a difference",
                Member.LAST_SEEN,
                kind=Kind.DATE_TIME,
            ),
            asks=Collection.DIRECTORIES,
        ),
    ),
)

SCHEMAS = (USER, LOCKSTEP)


def split_urn(path: str) -> tuple[Schema | None, str]:
    """Split a path into the schema whose URN it begins with, if any, and the rest ("" if the URN is all)."""
    lower = path.lower()
    for schema in SCHEMAS:
        urn = schema.id.lower()
        if lower == urn or lower.startswith(urn + ":"):
            return schema, path[len(urn) + 1 :]
    return None, path


def resolve(path: str, *, evidence: bool = True) -> AttributePath | None:
    """Return the attribute that a client means by `attr`, `attr.sub` or either behind a schema's URN; None = unknown.

    The extension's attributes are found without its URN too, as no core attribute has one of their names. `evidence` is
    whether the client may know of attributes that are evidence.
    """
    schema, rest = split_urn(path)
    name, dot, sub = rest.partition(".")
    for candidate in (schema,) if schema else SCHEMAS:
        attribute = candidate.attribute(name)
        if attribute is None:
            continue
        part = attribute.part(sub) if dot else None
        hidden = attribute.evidence or (part is not None and part.evidence)
        if (dot and part is None) or (hidden and not evidence):
            return None
        return AttributePath(candidate, attribute, part)
    return None


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

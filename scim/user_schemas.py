"""The User schema and its enterprise extension (RFC 7643 sections 4.1, 4.3 and 8.7.1), as far as there is a place."""

from ims.query import Attribute, Collection, Member
from scim.attributes import Kind, Mutability, Schema, ScimAttribute, Uniqueness
from scim.declaring import common, contacts, shown, shown_parts, text, type_and_primary
from scim.urns import ENTERPRISE_URN, LOCKSTEP_URN, USER_URN

_NAME = ScimAttribute(
    name="name",
    description="The parts of the user's name",
    kind=Kind.COMPLEX,
    parts=(
        text("formatted", "The whole name, as it is shown", Attribute.FORMATTED_NAME),
        text("familyName", "Family name", Attribute.FAMILY_NAME),
        text("givenName", "Given name", Attribute.GIVEN_NAME),
        text("middleName", "Middle names", Attribute.MIDDLE_NAME),
        text("honorificPrefix", "What stands before the name", Attribute.HONORIFIC_PREFIX),
        text("honorificSuffix", "What stands behind the name", Attribute.HONORIFIC_SUFFIX),
    ),
)

_ADDRESSES = ScimAttribute(
    name="addresses",
    description="Postal addresses of the user",
    kind=Kind.COMPLEX,
    multi_valued=True,
    asks=Collection.ADDRESSES,
    parts=(
        text("formatted", "The whole address, as it is shown", Member.FORMATTED),
        text("streetAddress", "House number, street, apartment", Member.STREET_ADDRESS),
        text("locality", "City or town", Member.LOCALITY),
        text("region", "State or region", Member.REGION),
        text("postalCode", "Postal code", Member.POSTAL_CODE),
        text("country", "Country, as in ISO 3166-1 alpha-2", Member.COUNTRY),
        *type_and_primary(("work", "home", "other")),
    ),
)

_PHONES = ("work", "home", "mobile", "fax", "pager", "other")
_MESSENGERS = ("aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo", "other")

USER = Schema(
    id=USER_URN,
    aliases=("urn:scim:schemas:core:2.0:User", "urn:scim:schemas:core:2.0", "urn:scim:schemas:core:1.0"),
    name="User",
    description="A person in the identity management system",
    common=common("User", (USER_URN, LOCKSTEP_URN), (ENTERPRISE_URN,)),
    attributes=(
        ScimAttribute(
            name="userName",
            description="The name by which the user signs in",
            required=True,
            uniqueness=Uniqueness.SERVER,
            asks=Attribute.USER_NAME,
        ),
        _NAME,
        text("displayName", "The name to show", Attribute.DISPLAY_NAME),
        text("nickName", "How the user likes to be called", Attribute.NICK_NAME),
        ScimAttribute(
            name="profileUrl",
            description="A page about the user",
            kind=Kind.REFERENCE,
            refers_to=("external",),
            asks=Attribute.PROFILE_URL,
        ),
        text("title", "The user's title in the enterprise", Attribute.TITLE),
        text("userType", "The relationship between the enterprise and the user", Attribute.USER_TYPE),
        text("preferredLanguage", "The language the user prefers, as in Accept-Language", Attribute.PREFERRED_LANGUAGE),
        text("locale", "For showing dates, numbers and currencies", Attribute.LOCALE),
        text("timezone", "The user's time zone, as in the IANA database", Attribute.TIMEZONE),
        ScimAttribute(
            name="active",
            description="Whether the user may sign in: no lock is in force. Setting it false adds a lock; setting it "
            "true clears those that the caller may clear",
            kind=Kind.BOOLEAN,
            asks=Attribute.ACTIVE,
        ),
        contacts("emails", "E-mail address", Collection.EMAILS, ("work", "home", "other")),
        contacts("phoneNumbers", "Telephone number", Collection.PHONE_NUMBERS, _PHONES),
        contacts("ims", "Instant messaging address", Collection.IMS, _MESSENGERS),
        contacts("photos", "Photo", Collection.PHOTOS, ("photo", "thumbnail"), kind=Kind.REFERENCE),
        _ADDRESSES,
        shown_parts(
            "groups",
            "The groups to which the user belongs; written through the groups themselves",
            shown("value", "The group's id", Member.VALUE),
            ScimAttribute(
                name="$ref",
                description="The group's address",
                kind=Kind.REFERENCE,
                mutability=Mutability.READ_ONLY,
                refers_to=("Group",),
            ),
            shown("display", "The group's name", Member.DISPLAY),
            shown("type", "Whether by itself or through another group", Member.TYPE, canonical=("direct", "indirect")),
            asks=Collection.GROUPS,
        ),
        contacts("entitlements", "Entitlement", Collection.ENTITLEMENTS, bare=True),
        contacts("roles", "Role", Collection.ROLES, bare=True),
        contacts("x509Certificates", "Certificate", Collection.X509_CERTIFICATES, kind=Kind.BINARY),
    ),
)

ENTERPRISE = Schema(
    id=ENTERPRISE_URN,
    aliases=("urn:scim:schemas:extension:enterprise:2.0", "urn:scim:schemas:extension:enterprise:1.0"),
    name="EnterpriseUser",
    description="What a user is in the enterprise",
    attributes=(
        text("employeeNumber", "The number that the enterprise gave the user", Attribute.EMPLOYEE_NUMBER),
        text("costCenter", "The name of a cost centre", Attribute.COST_CENTER),
        text("organization", "The name of an organisation", Attribute.ORGANIZATION),
        text("division", "The name of a division", Attribute.DIVISION),
        text("department", "The name of a department", Attribute.DEPARTMENT),
        ScimAttribute(
            name="manager",
            description="The user's manager",
            kind=Kind.COMPLEX,
            bare=True,
            parts=(
                text("value", "The id of the manager's User resource, as the client sent it", Attribute.MANAGER),
                ScimAttribute(
                    name="$ref",
                    description="The address of the manager's User resource",
                    kind=Kind.REFERENCE,
                    mutability=Mutability.READ_ONLY,
                    refers_to=("User",),
                ),
                shown("displayName", "The manager's name"),
            ),
        ),
    ),
)

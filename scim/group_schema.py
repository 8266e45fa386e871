"""The Group schema (RFC 7643 sections 4.2 and 8.7.1)."""

from ims.query import Attribute, Collection, Member
from scim.attributes import Kind, Mutability, Schema, ScimAttribute
from scim.declaring import common
from scim.urns import GROUP_URN

_MEMBERS = ScimAttribute(
    name="members",
    description="Users and groups that belong to the group",
    kind=Kind.COMPLEX,
    multi_valued=True,
    bare=True,
    most=20_000,
    asks=Collection.MEMBERS,
    parts=(
        ScimAttribute(
            name="value",
            description="The member's id",
            mutability=Mutability.IMMUTABLE,
            asks=Member.VALUE,
        ),
        ScimAttribute(
            name="$ref",
            description="The member's address",
            kind=Kind.REFERENCE,
            mutability=Mutability.READ_ONLY,
            refers_to=("User", "Group"),
        ),
        ScimAttribute(
            name="type",
            description="What the member is",
            mutability=Mutability.READ_ONLY,
            canonical=("User", "Group"),
            asks=Member.TYPE,
        ),
        ScimAttribute(
            name="display",
            description="The member's name",
            mutability=Mutability.READ_ONLY,
        ),
    ),
)

GROUP = Schema(
    id=GROUP_URN,
    aliases=("urn:scim:schemas:core:2.0:Group", "urn:scim:schemas:core:2.0", "urn:scim:schemas:core:1.0"),
    name="Group",
    description="A group of users and groups",
    common=common("Group", (GROUP_URN,)),
    attributes=(
        ScimAttribute(
            name="displayName",
            description="The name to show",
            required=True,
            asks=Attribute.DISPLAY_NAME,
        ),
        _MEMBERS,
    ),
)

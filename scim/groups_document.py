"""A group as a SCIM resource, and what of a client's JSON becomes one (RFC 7643 section 4.2)."""

from collections.abc import Sequence

from ims.grouping import GroupEdit
from ims.groups import Group, GroupMember, MemberEdit
from scim.attributes import Document
from scim.times import shown
from scim.urns import GROUP_URN
from scim.values import assigned


def etag(group: Group) -> str:
    """Return the group's version as a weak ETag (RFC 7644 section 3.14). Every change of its members is a new one."""
    return f'W/"{group.version}"'


def location(group: Group, base_url: str) -> str:
    """Return the group's address."""
    return f"{base_url}/Groups/{group.id}"


def group_document(group: Group) -> Document:
    """Return what a client may write of a group, but for its members."""
    return assigned({"displayName": group.display_name, "externalId": group.external_id})


def rendered(group: Group, members: Sequence[GroupMember] | None, base_url: str) -> Document:
    """Return the group as a SCIM resource; `members` None = they were not read, as nobody wants to see them.

    An empty list is shown: one identity provider adds members only to groups that show some list.
    """
    document: Document = {
        "schemas": [GROUP_URN],
        "id": group.id,
        **group_document(group),
        "meta": {
            "resourceType": "Group",
            "created": shown(group.created),
            "lastModified": shown(group.modified),
            "location": location(group, base_url),
            "version": etag(group),
        },
    }
    if members is not None:
        document["members"] = [_member(member, base_url) for member in members]
    return document


def text_edit(document: Document, members: MemberEdit) -> GroupEdit:
    """Return the edit by which a group is as in a document of accepted values."""
    name, external_id = document.get("displayName"), document.get("externalId")
    return GroupEdit(
        display_name=name if isinstance(name, str) else "",
        external_id=external_id if isinstance(external_id, str) else "",
        members=members,
    )


def _member(member: GroupMember, base_url: str) -> Document:
    shown_member: Document = {
        "value": member.id,
        "$ref": f"{base_url}/{member.kind.value}s/{member.id}",
        "type": member.kind.value,
    }
    return shown_member | ({"display": member.display} if member.display else {})

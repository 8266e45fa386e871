"""The settings that say who belongs to which tenant."""

from enum import StrEnum

from pydantic import Field, ValidationInfo, field_validator

from config.kinds import AttributeName, Dn, Switch, Table, TableName, Text, relation
from config.names import dn_key


class Via(StrEnum):
    """Which side tells who is in a group: the group's list of members, or each user's list of groups."""

    MEMBER = "member"
    MEMBER_OF = "memberof"


class Rule(Table):
    """Who belongs to a tenant: exactly one of group, attribute with value, or subtree."""

    tenant: TableName = Field(description="The tenant that a match affiliates with.", examples=["acme"])
    group: Dn | None = Field(
        default=None,
        description="The members of this group belong to the tenant. It is followed when it is renamed.",
        examples=["cn=staff,ou=groups,dc=example,dc=com"],
    )
    via: Via = Field(
        default=Via.MEMBER,
        description='Where the membership is read: "member" (the group lists its members) or "memberof" (each user '
        "lists its groups: for servers that keep memberOf up to date).",
    )
    attribute: AttributeName | None = Field(
        default=None,
        description="Users with the value below in this attribute belong to the tenant. Choose one they cannot change.",
        examples=["departmentNumber"],
    )
    value: Text | None = Field(default=None, description="The value that the attribute must hold.", examples=["1042"])
    subtree: Dn | None = Field(
        default=None,
        description="Users at or below this DN belong to the tenant.",
        validate_default=True,
        examples=["ou=guests,ou=people,dc=example,dc=com"],
    )
    restore: Switch = Field(
        default=False,
        description="Whether an unlock may affiliate a person again by adding the member or the value (never by taking "
        "anything away). Not possible for a subtree.",
    )

    @field_validator("subtree")
    @classmethod
    def _one_criterion(cls, subtree: Dn | None, info: ValidationInfo) -> Dn | None:
        if not {"group", "attribute", "value", "via"} <= info.data.keys():
            return subtree
        group, attribute, value = (info.data[key] for key in ("group", "attribute", "value"))
        if (attribute is None) != (value is None):
            raise relation("attribute and value go together: give both or neither")
        if sum(criterion is not None for criterion in (group, attribute, subtree)) != 1:
            raise relation("needs exactly one of: group, attribute with value, subtree")
        if group is None and info.data["via"] is not Via.MEMBER:
            raise relation("via says where a group's members are read: it needs a group")
        return subtree

    @property
    def criterion(self) -> tuple[object, ...]:
        """Whom the rule matches, so that two rules can be compared."""
        named = (dn_key(dn) for dn in (self.group, self.subtree) if dn is not None)
        return (self.group is None, *named, (self.attribute or "").lower(), (self.value or "").casefold())

    @field_validator("restore")
    @classmethod
    def _can_be_restored(cls, restore: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - a validator's signature
        if restore and info.data.get("subtree") is not None:
            raise relation("restore = true is not possible for a subtree: Lockstep moves no entries")
        return restore

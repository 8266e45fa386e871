"""The closed algebra in which a front asks the store: no string of a query language crosses this border.

`scim/filters.py` compiles a SCIM filter to it, the portal builds it directly, `ims/store/` compiles it to SQL with
bound parameters. What cannot be said here cannot be asked.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ims.people import User


class Attribute(StrEnum):
    """A user's single-valued attributes that can be asked for. ACTIVE, LOCKED and LAST_MODIFIED depend on the clock."""

    ID = "id"
    EXTERNAL_ID = "external_id"
    USER_NAME = "user_name"
    DISPLAY_NAME = "display_name"
    FORMATTED_NAME = "formatted_name"
    GIVEN_NAME = "given_name"
    FAMILY_NAME = "family_name"
    MIDDLE_NAME = "middle_name"
    HONORIFIC_PREFIX = "honorific_prefix"
    HONORIFIC_SUFFIX = "honorific_suffix"
    NICK_NAME = "nick_name"
    PROFILE_URL = "profile_url"
    TITLE = "title"
    USER_TYPE = "user_type"
    PREFERRED_LANGUAGE = "preferred_language"
    LOCALE = "locale"
    TIMEZONE = "timezone"
    EMPLOYEE_NUMBER = "employee_number"
    COST_CENTER = "cost_center"
    ORGANIZATION = "organization"
    DIVISION = "division"
    DEPARTMENT = "department"
    MANAGER = "manager"
    CREATED = "created"
    LAST_MODIFIED = "last_modified"
    ACTIVE = "active"
    LOCKED = "locked"
    AFFILIATION_STATUS = "affiliation_status"
    AFFILIATION_SINCE = "affiliation_since"
    DELETED_BY = "deleted_by"
    """The connection that deleted a user whom a directory still knows; no front offers it, permits add it."""


class Collection(StrEnum):
    """A user's multi-valued attributes. LOCKS are those in force at the time of the question."""

    EMAILS = "emails"
    PHONE_NUMBERS = "phone_numbers"
    IMS = "ims"
    PHOTOS = "photos"
    ENTITLEMENTS = "entitlements"
    ROLES = "roles"
    X509_CERTIFICATES = "x509_certificates"
    ADDRESSES = "addresses"
    GROUPS = "groups"
    MEMBERS = "members"
    """The members of a group; of a user they cannot be asked."""
    LOCKS = "locks"
    DIRECTORIES = "directories"


class Member(StrEnum):
    """A sub-attribute of an element of a collection."""

    VALUE = "value"
    TYPE = "type"
    PRIMARY = "primary"
    DISPLAY = "display"
    ID = "id"
    SOURCE = "source"
    SERVER = "server"
    SINCE = "since"
    UNTIL = "until"
    ENTRY_ID = "entry_id"
    DN = "dn"
    LAST_SEEN = "last_seen"
    FORMATTED = "formatted"
    STREET_ADDRESS = "street_address"
    LOCALITY = "locality"
    REGION = "region"
    POSTAL_CODE = "postal_code"
    COUNTRY = "country"


class Operator(StrEnum):
    """RFC 7644 section 3.4.2.2, table 3, but for `pr`, which is `Present`."""

    EQ = "eq"
    NE = "ne"
    CO = "co"
    SW = "sw"
    EW = "ew"
    GT = "gt"
    GE = "ge"
    LT = "lt"
    LE = "le"


Value = str | bool | datetime


@dataclass(frozen=True, slots=True)
class Compare:
    """`left operator value`; false where the attribute has no value, but for NE, which is then true."""

    left: Attribute | Member
    operator: Operator
    value: Value


@dataclass(frozen=True, slots=True)
class Present:
    """The attribute has a value that is not empty."""

    left: Attribute | Member


@dataclass(frozen=True, slots=True)
class Some:
    """At least one element of the collection satisfies `where` (all of it, on the same element); None = any element."""

    collection: Collection
    where: "Query | None" = None


@dataclass(frozen=True, slots=True)
class And:
    """Every part holds; no part = everything."""

    parts: "tuple[Query, ...]"


@dataclass(frozen=True, slots=True)
class Or:
    """Some part holds; no part = nothing."""

    parts: "tuple[Query, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold. Two-valued: an attribute without a value never makes the answer unknown."""

    part: "Query"


Query = Compare | Present | Some | And | Or | Not

EVERYTHING = And(())
"""The query that every user satisfies."""
NOTHING = Or(())
"""The query that no user satisfies."""

CASE_EXACT = frozenset({Attribute.ID, Attribute.EXTERNAL_ID, Member.ID, Member.ENTRY_ID})
"""Compared octet by octet; all other text is compared case-folded (RFC 7643 section 2.2, `caseExact`).

A user name is compared by its key (`ims.names.key_of_name`): a filter finds whatever would make the name not unique.
"""


@dataclass(frozen=True, slots=True)
class Sort:
    """An order by one attribute, then by id. Who has no value comes last, or first where it descends."""

    by: Attribute | Collection
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Which part of an answer: `limit` resources, after skipping `offset`, or all up to `after`, which is an id.

    They come in the order of ids, or as `sort` says, which `after` does not go together with.
    """

    limit: int
    offset: int = 0
    after: str | None = None
    sort: Sort | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPage:
    """One part of an answer and how many users satisfy the query in all."""

    users: tuple[User, ...]
    total: int

"""Our extension of the User schema: why a user is locked, and who can do something about it. All of it is readOnly."""

from ims.locks import Clearer, LockReason
from ims.people import AffiliationStatus
from ims.query import Attribute, Collection, Member
from scim.attributes import Kind, Mutability, Schema, ScimAttribute
from scim.declaring import shown, shown_many, shown_parts
from scim.urns import LOCKSTEP_URN

_LOCKS = shown_parts(
    "locks",
    "Every lock in force, oldest first",
    shown("id", "The lock's own identifier", Member.ID),
    shown("value", "Why", Member.VALUE, canonical=tuple(reason.value for reason in LockReason)),
    shown("display", "Why, in one sentence"),
    shown("source", "The directory or connection that says so", Member.SOURCE),
    shown("server", "The only server that holds the lock, where lock state is per server", Member.SERVER),
    shown("since", "When it began", Member.SINCE, kind=Kind.DATE_TIME),
    shown("until", "When it ends by itself, if it does", Member.UNTIL, kind=Kind.DATE_TIME),
    shown_many("evidence", "What the directory said, as attribute and value; for people only", evidence=True),
    shown_many(
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
        shown("locked", "Whether any lock is in force: the contrary of active", Attribute.LOCKED, kind=Kind.BOOLEAN),
        _LOCKS,
        shown_parts(
            "lastUnlock",
            "What the last unlock did",
            shown("at", "When", kind=Kind.DATE_TIME),
            shown_many("cleared", "The reasons whose locks it ended"),
            shown_many("remaining", "The locks that it could not end, with what to do about each"),
            shown_many("failed", "The locks that it tried to end in vain, with what stood in the way"),
        ),
        shown_parts(
            "affiliation",
            "The company account to which the user belongs",
            shown("value", "The company account's identifier"),
            shown("display", "The company account's name"),
            shown(
                "status",
                "Whether the user belongs to it at present",
                Attribute.AFFILIATION_STATUS,
                canonical=tuple(status.value for status in AffiliationStatus),
            ),
            shown("since", "Since when", Attribute.AFFILIATION_SINCE, kind=Kind.DATE_TIME),
        ),
        shown_parts(
            "directories",
            "The directories in which the user has an entry",
            shown("value", "The directory's name", Member.VALUE),
            shown("entryId", "The entry's identifier, which a rename does not change", Member.ENTRY_ID),
            ScimAttribute(
                name="dn",
                description="Where the entry is at present; for people only",
                mutability=Mutability.READ_ONLY,
                asks=Member.DN,
                evidence=True,
            ),
            shown(
                "lastSeen",
                "When the entry was last read with a difference",
                Member.LAST_SEEN,
                kind=Kind.DATE_TIME,
            ),
            asks=Collection.DIRECTORIES,
        ),
    ),
)

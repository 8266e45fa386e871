"""How a server is asked to tell at once that something changed: a search that does not end, by one of three controls.

What it tells is never taken for knowledge. It is a doorbell: an ordinary reading follows, with all its proofs, so that
a message lost, sent twice or misunderstood costs a moment and never a lock.
"""

from agent.directories import ber
from agent.directories.access import ReadingRules
from agent.directories.client import Client
from agent.directories.errors import NotTold
from agent.directories.searches import Search, Watch

SYNC = "1.3.6.1.4.1.4203.1.9.1.1"
"""RFC 4533 section 2.2: LDAP Content Synchronization."""
PERSISTENT_SEARCH = "2.16.840.1.113730.3.4.3"
"""draft-ietf-ldapext-psearch section 2."""
NOTIFICATION = "1.2.840.113556.1.4.528"
"""MS-ADTS 3.1.1.3.4.1.9: change notification, of a whole naming context or of one entry's children."""
_CONTROLS = "supportedControl"
_REFRESH_AND_PERSIST = 3
_ANY_CHANGE = 15


def must_offer(client: Client, control: str, what: str) -> None:
    """Make sure that a server knows a control. Raises NotTold, and what `search_one` raises."""
    root = client.search_one("", (_CONTROLS,))
    if root is None or control not in root.texts(_CONTROLS):
        raise NotTold(f"{client.server} does not offer {what}")


def content_sync(rules: ReadingRules, cookie: str) -> Watch:
    """Return the search that goes on from a state of the server (RFC 4533 section 3.4, refreshAndPersist)."""
    mode = ber.encoded(ber.Tag.ENUMERATED, bytes([_REFRESH_AND_PERSIST]))
    value = ber.encoded(ber.Tag.SEQUENCE, mode + ber.encoded(ber.Tag.OCTETS, cookie.encode()))
    return Watch(search=Search(base=rules.root or rules.base), control=(SYNC, True, value))


def persistent_search(rules: ReadingRules) -> Watch:
    """Return the search that tells of every change from now on, and of nothing that is there already."""
    kinds = ber.encoded_integer(_ANY_CHANGE)
    changes_only, without_more = ber.encoded(ber.Tag.BOOLEAN, b"\xff"), ber.encoded(ber.Tag.BOOLEAN, b"\x00")
    value = ber.encoded(ber.Tag.SEQUENCE, kinds + changes_only + without_more)
    return Watch(search=Search(base=rules.root or rules.base), control=(PERSISTENT_SEARCH, True, value))


def notification(context: str) -> Watch:
    """Return the search that tells of every change in a naming context from now on; it takes no other filter."""
    return Watch(search=Search(base=context), control=(NOTIFICATION, True, None))

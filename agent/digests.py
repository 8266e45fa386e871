"""What makes an entry that did not change mean the same again, so that a complete reading may pass it over.

Nothing is remembered of an entry but a keyed digest of its bytes. The key stands for all else that decides about it:
another key makes every digest unknown, and then everybody is looked at once.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from agent.context import Context, link_to
from agent.groups import GroupReading
from agent.sightings import Sighting
from ims.locks import NEVER
from ims.people import User
from ims.ports import EntryDigest

_FORM = 1
"""Goes up when the same digest shall not count any more though no version, setting, policy or group changed."""


def key_of(
    meaning: str,
    version: str,
    policies: bytes,
    groups: Mapping[str, GroupReading],
    ahead: timedelta = timedelta(0),
) -> bytes:
    """Return the fingerprint of what decides what entries mean: 32 bytes.

    `meaning` is that of settings and mode, `version` the program's, `ahead` is how far the server's clock is. A group
    about which a pass knows nothing counts as that, not as an empty one.
    """
    parts: list[object] = [_FORM, meaning, version, policies, ahead]
    parts += [(dn, reading.members.digest if reading.members is not None else None) for dn, reading in groups.items()]
    return hashlib.blake2b(repr(parts).encode(), digest_size=32).digest()


def digest_of(before: User | None, after: User, seen: Sighting, context: Context) -> EntryDigest | None:
    """Return the digest to keep of an entry, if its bytes will make the same of its user again; None = look again.

    `after` is what the entry makes of its user, `before` what that was. Whoever is locked by this directory, about whom
    anything is in doubt or to be confirmed, or who has just come from another tenant, is looked at in every reading. So
    is whoever the brake keeps back (see `agent.proposals.kept_back`).
    """
    over = seen.same_until <= context.now
    if not seen.digest or over or context.lagging or not _is_settled(before, after, seen, context):
        return None
    until = None if seen.same_until == NEVER else seen.same_until
    return EntryDigest(directory=context.directory, entry_id=seen.entry_id, digest=seen.digest, until=until)


def _is_settled(before: User | None, after: User, seen: Sighting, context: Context) -> bool:
    link = link_to(after, context.directory)
    if link is None or seen.doubt or any(shown.facts or shown.marker for shown in seen.locks):
        return False
    if after.locks and any(lock.source == context.directory for lock in after.locks):
        return False
    return (
        link.missing_since is None
        and link.unmatched_since is None
        and (before is None or before.tenant == after.tenant)
        and any(match.rule == link.rule and match.tenant == after.tenant for match in seen.matches)
    )

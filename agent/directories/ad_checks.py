"""What a domain controller is like, what of people can be seen there, and what may be written.

Nothing is written to find that out: the server says of each entry which attributes whoever asks may write
(`allowedAttributesEffective`, MS-ADTS 3.1.1.4.5.19).
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

from agent.directories import ad_locks
from agent.directories.checks import Check, Grade
from agent.directories.client import Client
from agent.directories.dialect import Knowledge, Policies
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry, Refused
from agent.directories.explaining import span
from agent.directories.filters import present
from agent.directories.rights import Needs, Restorable
from agent.directories.searches import Search
from agent.directories.server_time import told_by

PAGING = "1.2.840.113556.1.4.319"
READ_ONLY = "1.2.840.113556.1.4.1920"
"""The capability that a read-only domain controller names (MS-ADTS 3.1.1.3.4.3)."""
WRITABLE = "allowedAttributesEffective"
_RECIPE = "apply the recipe that `lockstep rights` prints for this directory"
_ROOT = ("supportedControl", "supportedCapabilities", "dsServiceName", "defaultNamingContext")
_SEEN = ("objectGUID", "uSNChanged", ad_locks.CONTROL, ad_locks.COMPUTED, ad_locks.EXPIRES)
"""What every account has: without it somebody is not recognised, or a lock is missed."""
_SAMPLE = 20
_TOLERATED = timedelta(seconds=2)
_NAMED = 5


def clock_ahead(client: Client, now: Callable[[], datetime]) -> timedelta | None:
    """Return how far the controller's clock is ahead of ours; None where it does not tell its time."""
    return told_by(client, "", "currentTime", now)


def server_checks(client: Client, needs: Needs, policies: Policies, now: Callable[[], datetime]) -> Iterator[Check]:
    """Yield what is found, in the order in which to mend it. Raises DirectoryUnreachable and Refused."""
    root = client.search_one("", _ROOT)
    if root is None or PAGING not in root.texts("supportedControl"):
        found = "the server does not offer paged results: no directory of any size can be read without it"
        yield Check(what="controls", grade=Grade.MISSING, found=found, advice="name a domain controller in `servers`")
        return
    yield Check(what="controls", grade=Grade.OK, found="paged results are offered")
    yield _controller(client, root)
    yield _own_policy(client, needs, policies, now())
    yield from _fine_policies(client, needs, policies, now())
    yield _clock(client, now)


def _controller(client: Client, root: Entry) -> Check:
    """Return whether this is the controller to write to, if it is the first of the settings."""
    what, advice = "domain controller", "put the PDC emulator first in `servers`: it hears of every lock at once"
    if READ_ONLY in root.texts("supportedCapabilities"):
        found = "it is a read-only one, which takes no unlock"
        return Check(what=what, grade=Grade.WARNING, found=found, advice=advice)
    domain = client.search_one(root.text("defaultNamingContext"), ("fSMORoleOwner",))
    owner = domain.text("fSMORoleOwner") if domain is not None else ""
    if not owner:
        return Check(what=what, grade=Grade.UNKNOWN, found="writable; which one is the PDC emulator cannot be read")
    if owner.lower() != root.text("dsServiceName").lower():
        found = "writable, but not the PDC emulator, to which the others report wrong passwords"
        grade = Grade.WARNING if client.access.servers[0] == client.server else Grade.OK
        return Check(what=what, grade=grade, found=found, advice=advice if grade is Grade.WARNING else "")
    return Check(what=what, grade=Grade.OK, found="the PDC emulator, to which the others report wrong passwords")


def _own_policy(client: Client, needs: Needs, policies: Policies, now: datetime) -> Check:
    """Return whether strangers can lock Lockstep's own account by wrong passwords."""
    what = "Lockstep's account"
    own = client.search_one(needs.account, (ad_locks.RESULTANT, ad_locks.CONTROL)) if needs.account else None
    if own is None:
        found = "its entry cannot be read, so that its password policy is not known"
        return Check(what=what, grade=Grade.UNKNOWN, found=found)
    policy = policies.of(own, now)
    advice = "give it a fine-grained policy of its own with a lockout threshold of 0"
    if policy.knowledge is Knowledge.UNKNOWN:
        return Check(what=what, grade=Grade.UNKNOWN, found=f"its policy is not known: {policy.source}", advice=advice)
    if policy.lockout:
        found = f"{policy.source} locks it after {policy.max_failures} wrong passwords, which anybody can send"
        return Check(what=what, grade=Grade.WARNING, found=found, advice=advice)
    return Check(what=what, grade=Grade.OK, found=f"no wrong password locks it ({policy.source})")


def _fine_policies(client: Client, needs: Needs, policies: Policies, now: datetime) -> Iterator[Check]:
    """Yield the policies of some people that cannot be read: then nobody knows when a lock under them ends."""
    hidden = {
        policy.source
        for one in _sample(client, needs)
        if (policy := policies.of(one, now)).knowledge is Knowledge.UNKNOWN
    }
    for source in sorted(hidden):
        found = f"{source}: locks under it are seen, but not when they end"
        yield Check(what="policies", grade=Grade.WARNING, found=found, advice=_RECIPE)


def _clock(client: Client, now: Callable[[], datetime]) -> Check:
    skew = clock_ahead(client, now)
    if skew is None:
        return Check(what="clock", grade=Grade.UNKNOWN, found="the server does not tell its time")
    if abs(skew) <= _TOLERATED:
        return Check(what="clock", grade=Grade.OK, found="the server's agrees with this machine's")
    way = "ahead of" if skew > timedelta(0) else "behind"
    found = f"the server's is {span(abs(skew))} {way} this machine's"
    return Check(
        what="clock", grade=Grade.WARNING, found=found, advice="set both clocks by the same time servers (NTP)"
    )


# --- reading ---------------------------------------------------------------------------------------------------------


def reading_checks(client: Client, needs: Needs) -> Iterator[Check]:
    """Yield whether what settings want of people can be seen."""
    sample = _sample(client, needs)
    if not sample:
        return
    what = "attributes of users"
    hidden = [name for name in _SEEN if not all(entry.values(name) for entry in sample)]
    if hidden:
        found = f"cannot be seen of everybody: {', '.join(hidden)}"
        yield Check(what=what, grade=Grade.MISSING, found=found, advice=_RECIPE)
        return
    yield Check(what=what, grade=Grade.OK, found="those that recognise and lock somebody can be seen")


def _sample(client: Client, needs: Needs, *more: str) -> tuple[Entry, ...]:
    """Return some users with what decides about their locks."""
    search = Search(
        base=needs.reading.base,
        filter=needs.reading.filter,
        scope=needs.reading.scope,
        attributes=(*_SEEN, ad_locks.RESULTANT, *more),
        page_size=_SAMPLE,
    )
    return client.page(search).entries


# --- writing ---------------------------------------------------------------------------------------------------------


def writing_checks(client: Client, needs: Needs) -> tuple[Check, ...] | None:
    """Return whether what settings need may be written and nothing else; None on a read-only controller."""
    root = client.search_one("", _ROOT)
    if root is not None and READ_ONLY in root.texts("supportedCapabilities"):
        return None
    sample = _sample(client, needs, ad_locks.ADMIN_COUNT, WRITABLE)
    people = [entry for entry in sample if entry.text(ad_locks.ADMIN_COUNT) != "1"]
    if not people:
        found = "there is nobody, but for protected accounts, to ask about; nothing is known"
        return (Check(what="writing", grade=Grade.UNKNOWN, found=found),)
    groups = {one.group: _writable(client, one.group) for one in needs.restorable if one.group}
    restoring = (_restoring(one, people, groups) for one in needs.restorable)
    return (_unlocking(people), *restoring, _excess(needs, people, groups))


def _unlocking(people: Sequence[Entry]) -> Check:
    refused = [entry.dn for entry in people if ad_locks.MARKER.lower() not in _allowed(entry)]
    if refused:
        found = f"{ad_locks.MARKER} may not be written of {len(refused)} of {len(people)} people, such as {refused[0]}"
        return Check(what="unlocking", grade=Grade.MISSING, found=found, advice=_RECIPE)
    return Check(what="unlocking", grade=Grade.OK, found=f"{ad_locks.MARKER} may be written")


def _restoring(one: Restorable, people: Sequence[Entry], groups: dict[str, frozenset[str]]) -> Check:
    what = f"restoring {one.group or f'{one.attribute}={one.value}'}"
    allowed = "member" in groups[one.group] if one.group else all(one.attribute.lower() in _allowed(e) for e in people)
    if allowed:
        return Check(what=what, grade=Grade.OK, found="people may be added")
    found = "people may not be added: whoever lost this affiliation could not get it back by an unlock"
    return Check(what=what, grade=Grade.MISSING, found=found, advice=f"{_RECIPE} with --restore")


def _excess(needs: Needs, people: Sequence[Entry], groups: dict[str, frozenset[str]]) -> Check:
    """Return what may be written of others and should not be, in one finding."""
    needed = {ad_locks.MARKER.lower()} | {one.attribute.lower() for one in needs.restorable if one.attribute}
    of_people = {name for entry in people if entry.dn.lower() != needs.account.lower() for name in _allowed(entry)}
    found = sorted(of_people - needed) + sorted({name for names in groups.values() for name in names} - {"member"})
    if not found:
        return Check(what="other writes", grade=Grade.OK, found="the server allows no others")
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    told = f"it may also write {', '.join(found[:_NAMED])}{more}"
    return Check(what="other writes", grade=Grade.TOO_MUCH, found=told, advice=f"{_RECIPE}; nothing of this is needed")


def _allowed(entry: Entry) -> frozenset[str]:
    return frozenset(name.lower() for name in entry.texts(WRITABLE))


def _writable(client: Client, dn: str) -> frozenset[str]:
    try:
        entry = client.search_one(dn, (WRITABLE,), present("objectClass"))
        return _allowed(entry) if entry is not None else frozenset()
    except (Refused, BadEntry):
        return frozenset()

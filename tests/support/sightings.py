"""Sightings and contexts for tests of plans: one entry, one user, one pass, each changed where a test says so."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from agent.context import Context
from agent.plan import Planned, plan
from agent.sightings import RuleMatch, ServerLocks, Sighting
from ims.locks import Lock, LockFact, LockId, LockReason
from ims.passes import Mode, PassId
from ims.people import Affiliation, AffiliationStatus, DirectoryName, EntryId, EntryLink, Profile, User
from tests.support.clock import NOON
from tests.support.people import ACME, GLOBEX, user

CORP = DirectoryName("corp")
LAB = DirectoryName("lab")
STAFF = RuleMatch(tenant=ACME, rule="corp/staff")
TEMPS = RuleMatch(tenant=ACME, rule="corp/temps")
OTHERS = RuleMatch(tenant=GLOBEX, rule="corp/others")
AGO = timedelta(hours=1)
MARKER = (("pwdAccountLockedTime", "20261123110000Z"),)


def fact(
    reason: LockReason = LockReason.PASSWORD_ATTEMPTS,
    *,
    server: str = "",
    ago: timedelta | None = AGO,
    lasts: timedelta | None = None,
) -> LockFact:
    """Return a lock marker that began so long before NOON and, where told, ends so long after its beginning."""
    since = None if ago is None else NOON - ago
    until = None if lasts is None or since is None else since + lasts
    ((name, _),) = MARKER
    evidence = MARKER if since is None or ago == AGO else ((name, f"{since:%Y%m%d%H%M%SZ}"),)
    return LockFact(reason=reason, source=CORP, server=server, since=since, until=until, evidence=evidence)


def shown(*facts: LockFact, server: str = "", **changes: Any) -> ServerLocks:
    """Return what a server shows; a marker where there is a fact."""
    return replace(ServerLocks(server=server, facts=facts, marker=bool(facts)), **changes)


def seen(name: str = "ada", **changes: Any) -> Sighting:
    """Return an entry as a pass at NOON saw it: in the staff, not locked, its canary seen."""
    usual = Sighting(
        entry_id=EntryId(f"id-{name}"),
        dn=f"uid={name},ou=people",
        stamp="2",
        profile=Profile(user_name=name, display_name=name.title()),
        mapped=frozenset({"user_name", "display_name"}),
        locks=(ServerLocks(server="", canary=True),),
        matches=(STAFF,),
    )
    return replace(usual, **changes)


def link(name: str = "ada", **changes: Any) -> EntryLink:
    """Return the link of a user whose entry was seen in the staff an hour before NOON."""
    usual = EntryLink(
        directory=CORP,
        entry_id=EntryId(f"id-{name}"),
        dn=f"uid={name},ou=people",
        seen_at=NOON - AGO,
        stamp="1",
        rule=STAFF.rule,
    )
    return replace(usual, **changes)


def known(name: str = "ada", *, locks: tuple[Lock, ...] = (), **changes: Any) -> User:
    """Return a user as an earlier pass stored them."""
    return user(name, entries=(link(name, **changes),), locks=locks)


def unaffiliated(one: User, ago: timedelta) -> User:
    """Return a user who was unaffiliated so long before NOON."""
    lost = Lock(
        id=LockId(f"lost-{one.id}"),
        user=one.id,
        tenant=one.tenant,
        reason=LockReason.UNAFFILIATED,
        source=CORP,
        since=NOON - ago,
        evidence=(("rule", STAFF.rule), ("tenant", one.tenant)),
    )
    gone = Affiliation(status=AffiliationStatus.UNAFFILIATED, since=NOON - ago, rule=STAFF.rule)
    links = tuple(replace(each, rule="") for each in one.entries)
    return replace(one, locks=(*one.locks, lost), affiliation=gone, entries=links)


def context(**changes: Any) -> Context:
    """Return a complete pass at NOON of an enforced directory with a canary."""
    usual = Context(
        directory=CORP,
        pass_id=PassId("pass-2"),
        now=NOON,
        mode=Mode.ENFORCE,
        confirm=timedelta(minutes=10),
        complete=True,
        canary=True,
    )
    return replace(usual, **changes)


def planned(stored: User | None, sighting: Sighting, **changes: Any) -> Planned:
    """Plan somebody who must come to something."""
    result = plan(stored, sighting, context(**changes))
    assert result is not None
    return result


def reasons(result: Planned) -> list[LockReason]:
    """Return the reasons in the planned ledger."""
    return [lock.reason for lock in result.user.locks]

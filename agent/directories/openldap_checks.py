"""What an OpenLDAP server is like, as far as an ordinary account can see: what it offers, its policies, indexes, clock.

Nothing is written but what every sign-in writes: where slapd keeps the time of the last one (lastbind), the time of our
own shows the server's clock.
"""

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from agent.directories import ppolicy
from agent.directories.checks import Check, Grade
from agent.directories.client import Client
from agent.directories.controls import ASSERTION, PASSWORD_POLICY
from agent.directories.dialect import Knowledge, Policies
from agent.directories.entry import Entry
from agent.directories.explaining import span
from agent.directories.filters import all_of, at_least, equal, present
from agent.directories.names import within
from agent.directories.rights import Needs
from agent.directories.searches import Search
from agent.directories.server_time import ONE_SECOND, ahead, told_by
from agent.directories.times import Moment, parse_time

PAGING = "1.2.840.113556.1.4.319"
_CONTROLS = {
    PAGING: "paged results: no directory of any size can be read without it",
    ASSERTION: "the assertion control: no unlock is written without it",
    PASSWORD_POLICY: "the password policy control: the overlay ppolicy is not loaded, so that nobody is ever locked",
}
INDEXES = {"entryUUID": "eq", "entryCSN": "eq", ppolicy.MARKER: "pres"}
"""What every tick searches by. An index for equality does not help slapd to find who has an attribute at all."""
MONITOR = ("cn=Current,cn=Time,cn=Monitor", "monitorTimestamp")
"""Where slapd tells its time (slapd-monitor(5))."""
_TOLERATED = timedelta(seconds=2)
_AHEAD = timedelta(seconds=5)
_MANY = 200


def server_checks(client: Client, needs: Needs, policies: Policies, now: Callable[[], datetime]) -> Iterator[Check]:
    """Yield what is found, in the order in which to mend it. Raises DirectoryUnreachable."""
    root = client.search_one("", ("supportedControl", "configContext"))
    yield from _controls(root)
    yield from _delays(client, needs)
    yield _own_policy(client, needs, policies, now())
    yield _indexes(client, needs, root)
    yield _clock(client, needs, now)


def _controls(root: Entry | None) -> Iterator[Check]:
    offered = set(root.texts("supportedControl")) if root is not None else set()
    if not offered:
        advice = 'let everybody read the root DSE: access to dn.base="" by * read'
        found = "the root DSE cannot be read, so that what the server offers is not known"
        yield Check(what="controls", grade=Grade.UNKNOWN, found=found, advice=advice)
        return
    lacking = [text for oid, text in _CONTROLS.items() if oid not in offered]
    for text in lacking:
        advice = "load and configure the overlay" if "overlay" in text else "this server cannot be used with Lockstep"
        yield Check(what="controls", grade=Grade.MISSING, found=f"the server lacks {text}", advice=advice)
    if not lacking:
        yield Check(what="controls", grade=Grade.OK, found="paged results, assertion and password policy are offered")


# --- policies --------------------------------------------------------------------------------------------------------


def _delays(client: Client, needs: Needs) -> Iterator[Check]:
    """Yield the policies under which a wrong password ends slapd 2.5.13, should that be the version."""
    delaying = all_of(equal("objectClass", "pwdPolicy"), present(ppolicy.MIN_DELAY))
    for policy in client.page(Search(base=needs.base, filter=delaying, page_size=_MANY)).entries:
        found = f"sets {ppolicy.MIN_DELAY}, under which the first wrong password crashes slapd 2.5.13"
        yield Check(what=f"policy {policy.dn}", grade=Grade.WARNING, found=found, advice=f"remove {ppolicy.MIN_DELAY}")


def _own_policy(client: Client, needs: Needs, policies: Policies, now: datetime) -> Check:
    """Return whether strangers can lock Lockstep's own account by wrong passwords."""
    what = "Lockstep's account"
    own = client.search_one(needs.account, (ppolicy.POLICY,)) if needs.account else None
    if own is None:
        found = "its entry cannot be read, so that its password policy is not known"
        advice = "let it read its own pwdPolicySubentry, and give it a policy with pwdLockout FALSE"
        return Check(what=what, grade=Grade.UNKNOWN, found=found, advice=advice)
    policy = policies.of(own, now)
    if policy.knowledge is Knowledge.UNKNOWN:
        advice = "give it a policy of its own with pwdLockout FALSE (pwdPolicySubentry), readable by it"
        return Check(what=what, grade=Grade.UNKNOWN, found=f"its policy is not known: {policy.source}", advice=advice)
    if policy.lockout and policy.max_failures:
        found = f"{policy.source} locks it after {policy.max_failures} wrong passwords, which anybody can send"
        advice = "give it a policy of its own with pwdLockout FALSE (pwdPolicySubentry)"
        return Check(what=what, grade=Grade.WARNING, found=found, advice=advice)
    return Check(what=what, grade=Grade.OK, found=f"no wrong password locks it ({policy.source})")


# --- indexes ---------------------------------------------------------------------------------------------------------


def _indexes(client: Client, needs: Needs, root: Entry | None) -> Check:
    what = "indexes"
    database = _database(client, needs, root)
    wanted = ", ".join(f"{name} {kind}" for name, kind in INDEXES.items())
    if database is None:
        advice = f"make sure that the database has these: {wanted}"
        found = "cannot be seen, as cn=config is for administrators only"
        return Check(what=what, grade=Grade.UNKNOWN, found=found, advice=advice)
    there = _indexed(database)
    lacking = [f"{name} {kind}" for name, kind in INDEXES.items() if kind not in there.get(name.lower(), set())]
    if lacking:
        advice = "add them to olcDbIndex; without them each tick makes slapd look at every entry"
        return Check(what=what, grade=Grade.WARNING, found=f"there is none for: {', '.join(lacking)}", advice=advice)
    return Check(what=what, grade=Grade.OK, found=f"there: {wanted}")


def _database(client: Client, needs: Needs, root: Entry | None) -> Entry | None:
    """Return the configuration of the database with the base, None where it is not for our eyes."""
    context = root.text("configContext") if root is not None else ""
    if not context:
        return None
    search = Search(base=context, filter=present("olcSuffix"), attributes=("olcSuffix", "olcDbIndex"))
    for database in client.whole(search).entries:
        if any(within(needs.base, suffix) for suffix in database.texts("olcSuffix")):
            return database
    return None


def _indexed(database: Entry) -> dict[str, set[str]]:
    """Return the kinds of index of each attribute, by its name in lower case."""
    kinds: dict[str, set[str]] = {}
    for line in database.texts("olcDbIndex"):
        names, _, given = line.partition(" ")
        for name in names.lower().split(","):
            kinds.setdefault(name, set()).update(given.replace(",", " ").split())
    return kinds


# --- the clock -------------------------------------------------------------------------------------------------------


def _clock(client: Client, needs: Needs, now: Callable[[], datetime]) -> Check:
    skew = told_by(client, *MONITOR, now)
    if skew is None:
        skew = _by_sign_in(client, needs, now)
    if skew is None:
        skew = _by_stamps(client, needs, now())
    advice = "set both clocks by the same time servers (NTP)"
    if skew is None:
        found = "cannot be measured: nothing that may be read shows the server's time"
        return Check(what="clock", grade=Grade.UNKNOWN, found=found, advice=f"{advice}; or let {MONITOR[0]} be read")
    if abs(skew) <= _TOLERATED:
        return Check(what="clock", grade=Grade.OK, found="the server's agrees with this machine's")
    way = "ahead of" if skew > timedelta(0) else "behind"
    found = f"the server's is {span(abs(skew))} {way} this machine's"
    return Check(what="clock", grade=Grade.WARNING, found=found, advice=advice)


def _by_sign_in(client: Client, needs: Needs, now: Callable[[], datetime]) -> timedelta | None:
    """Return how far slapd's clock is ahead of ours, by the time that it writes for our own sign-in.

    It is believed only if a second sign-in, more than a second later, moves it: else it is an old one.
    """
    one = _signed_in(client, needs, now)
    if one is None:
        return None
    time.sleep(ONE_SECOND.total_seconds() * 1.1)
    other = _signed_in(client, needs, now)
    return other[1] if other is not None and other[0] != one[0] else None


def _signed_in(client: Client, needs: Needs, now: Callable[[], datetime]) -> tuple[str, timedelta] | None:
    before = now()
    with client.connect_to(client.server) as again:
        after = now()
        own = again.search_one(needs.account, (ppolicy.LAST_SUCCESS,)) if needs.account else None
    skew = ahead(own, ppolicy.LAST_SUCCESS, before, after)
    return (own.text(ppolicy.LAST_SUCCESS), skew) if own is not None and skew is not None else None


def _by_stamps(client: Client, needs: Needs, now: datetime) -> timedelta | None:
    """Return by how much at least slapd's clock is ahead of ours, by a change that lies in our future; else None."""
    later = at_least("entryCSN", f"{now + _AHEAD:%Y%m%d%H%M%S.%f}Z#000000#000#000000")
    search = Search(base=needs.reading.base, filter=later, attributes=("entryCSN",), page_size=1)
    page = client.page(search)
    stamp = page.entries[0].text("entryCSN").partition("#")[0] if page.entries else ""
    moment = parse_time(stamp.encode())
    return moment.at - now if isinstance(moment, Moment) else None

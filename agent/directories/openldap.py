"""OpenLDAP with the ppolicy overlay: how it spells lock, policy, unlock and change. Tried on slapd 2.5.13.

An unlock deletes the marker's value that was seen: the overlay then forgets the failures too, so that one more wrong
password does not lock again (replacing the marker by nothing would keep them). The right to delete values of that one
attribute (`=z` in slapd's access rules) is enough for it, and cannot lock anybody.
"""

import hashlib
import re
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from agent.directories import openldap_lag, openldap_rights, ppolicy, watching
from agent.directories.access import ReadingRules
from agent.directories.checks import Check
from agent.directories.client import Client
from agent.directories.controls import PASSWORD_POLICY, policy_response
from agent.directories.dialect import (
    AttributeValue,
    Changes,
    GroupMembership,
    NotWritable,
    Policies,
    Policy,
    Reading,
    SignIn,
)
from agent.directories.entry import Entry
from agent.directories.errors import BadEntry, Refused
from agent.directories.explaining import explained
from agent.directories.filters import all_of, at_least, equal, none_of, present
from agent.directories.openldap_checks import MONITOR, server_checks
from agent.directories.openldap_proofs import reading_checks, sample_of, writing_checks
from agent.directories.reader import Pages, read_all, users
from agent.directories.results import Code, Result
from agent.directories.rights import Needs, Recipe
from agent.directories.searches import Completeness, Ended, Search, Watch
from agent.directories.server_time import told_by
from agent.directories.times import Moment, parse_time
from agent.directories.watermarks import Watermark, decode
from agent.directories.writes import Kind, Modification, Modify
from ims.errors import InvalidInput
from ims.locks import LockFact
from ims.people import DirectoryName, EntryId
from ims.ports import Outcome

NAME = "openldap"
OVERLAP = timedelta(seconds=5)
"""How far a reading goes back before the last one: changes of other providers may arrive a little late."""
MOST_CHANGES = 20_000
"""More changed entries than this are read by a reconcile, which holds one page at a time."""
MOST_POLICIES = 100
"""More policies than this are not all read before a reading begins."""
_ID = "entryUUID"
_UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")
"""An entryUUID as slapd writes it, and as it is kept."""
_STAMP = "entryCSN"
_CSN = re.compile(r"(\d{14})\.(\d{6})Z#[0-9a-f]{6}#[0-9a-f]{3}#[0-9a-f]{6}")
_A_DAY = timedelta(days=1)
_SIGN_INS: dict[int | None, SignIn] = {0: SignIn.PASSWORD_EXPIRED, 1: SignIn.LOCKED, 2: SignIn.MUST_CHANGE}
"""The errors of the password policy control that concern a sign-in."""


class OpenLdap:
    """The dialect of OpenLDAP. `source` is the directory's name, which its locks carry."""

    def __init__(self, source: DirectoryName) -> None:
        self._source = source

    # --- entries -----------------------------------------------------------------------------------------------------

    def wanted_attributes(self) -> tuple[str, ...]:
        """Return the attributes to ask for by name: all of them are operational, and `*` does not bring those."""
        return (_ID, _STAMP, *ppolicy.ENTRY_ATTRIBUTES)

    def id_attributes(self) -> tuple[str, ...]:
        """Return the attribute that holds the entry's id."""
        return (_ID,)

    def entry_id(self, entry: Entry) -> EntryId:
        """Return the entryUUID. Raises BadEntry where it is missing (the agent may not read it) or none."""
        text = entry.text(_ID)
        if _UUID.fullmatch(text):
            return EntryId(text)
        try:
            return EntryId(str(uuid.UUID(text)))
        except ValueError:
            raise BadEntry(entry.dn, f"its {_ID} {'is no UUID' if text else 'cannot be read'}") from None

    def entry_filter(self, entry_id: EntryId) -> str:
        """Return the filter for one entryUUID. Raises InvalidInput."""
        try:
            return equal(_ID, str(uuid.UUID(entry_id)))
        except ValueError:
            raise InvalidInput(f"{entry_id!r} is no entryUUID") from None

    def stamp(self, entry: Entry) -> str:
        """Return the entryCSN. On a read-only copy it does not move when that copy alone locks an account."""
        return entry.text(_STAMP)

    def exact(self, stamp: str) -> bool:  # noqa: ARG002 - the protocol's
        """Return that a stamp is one state's alone, where there is one."""
        return True

    def state(self, entry: Entry) -> str:
        """Return the entryCSN, which copies keep."""
        return self.stamp(entry)

    def protects(self, entry: Entry) -> str:  # noqa: ARG002 - the protocol's
        """Return nothing: no attribute of this vendor's marks an account as privileged."""
        return ""

    def last_failure(self, entry: Entry) -> datetime | None:
        """Return the latest pwdFailureTime. Raises BadEntry."""
        return ppolicy.marks_of(entry).last_failure

    def failures(self, entry: Entry, policy: Policy, now: datetime) -> int:
        """Return how many pwdFailureTime count. Raises BadEntry."""
        return ppolicy.failures(entry, policy, now)

    # --- locks -------------------------------------------------------------------------------------------------------

    def clock_ahead(self, client: Client, now: Callable[[], datetime]) -> timedelta | None:
        """Return how far slapd's clock is ahead of ours, by its monitor; None where the agent may not read that."""
        return told_by(client, *MONITOR, now)

    def policies(self, client: Client, rules: ReadingRules) -> Policies:
        """Return the password policies as this server has them; each is read once."""
        return _Policies(client, rules)

    def read_locks(self, entry: Entry, policy: Policy, now: datetime) -> Reading:
        """Return what the entry says about its locks. Raises BadEntry."""
        return ppolicy.read_locks(self._source, entry, policy, now)

    def explain(self, entry: Entry, policy: Policy, now: datetime) -> tuple[str, ...]:
        """Return raw lock attributes, the policy and the arithmetic. Raises BadEntry."""
        return explained(entry, policy, self.read_locks(entry, policy, now), now, ppolicy.ENTRY_ATTRIBUTES)

    def locked_filter(self) -> str:
        """Return the filter for everybody with a marker: an index on it makes this search all but free.

        It catches what no change stamp shows: a copy that locks for itself. The delay of pwdMinDelay is left out, as
        hardly anybody indexes it and one attribute without an index makes slapd look at every entry.
        """
        return present(ppolicy.MARKER)

    def readable_filter(self) -> str:
        """Return the filter that only an entry satisfies whose lock attributes the agent may see, there or not.

        slapd takes both "is there" and "is not there" for undefined where an attribute may not be searched.
        """
        names = (ppolicy.MARKER, ppolicy.DELAY, ppolicy.STARTS, ppolicy.ENDS, ppolicy.LAST_SUCCESS)
        return all_of(*(f"(|{present(name)}{none_of(present(name))})" for name in names))

    # --- changes -----------------------------------------------------------------------------------------------------

    def position(self, client: Client, rules: ReadingRules) -> str:  # noqa: ARG002 - the protocol's
        """Return nothing: the entries' own stamps say where to go on."""
        return ""

    def changes_since(self, client: Client, rules: ReadingRules, watermark: str) -> Changes:
        """Return the users whose entryCSN is as great as the watermark or greater. Deletions it cannot see."""
        mark = decode(watermark)
        if mark is None or mark.dialect != NAME or not _is_past(mark.position):
            return _compare_fully("there is no watermark to go on from")
        if mark.server != client.server:
            return _compare_fully(f"the last reading was of {mark.server}, this one is of {client.server}")
        began = time.monotonic()
        search = users(self, rules, at_least(_STAMP, mark.position))
        pages, entries = Pages(client, search), list[Entry]()
        for page in pages:
            entries += page
            if len(entries) > MOST_CHANGES:
                return _compare_fully(f"more than {MOST_CHANGES} entries changed")
        took = timedelta(seconds=time.monotonic() - began)
        highest = max((self._position(entry) for entry in entries), default="")
        fresh = self._watermark(client.server, highest, took)
        position = max(mark.position, fresh.position)
        following = replace(mark, position=position).encode()
        return Changes(entries=tuple(entries), watermark=following, completeness=pages.completeness)

    def watch(self, client: Client, rules: ReadingRules) -> Watch:
        """Return a content synchronization that goes on from where the server is (overlay syncprov)."""
        watching.must_offer(client, watching.SYNC, "content synchronization (load the overlay syncprov)")
        return watching.content_sync(rules, openldap_lag.cookie(client, rules))

    def watermark(
        self,
        server: str,
        highest_stamp: str,
        took: timedelta,
        before: str = "",
        began: str = "",  # noqa: ARG002 - stamps tell
    ) -> str:
        """Return where to go on after a complete reading, empty if no entry showed its stamp.

        An entry may have changed after it was read, before the one with the highest stamp did. All that happened while
        the reading took place, so going back by its length from the highest stamp misses nothing, whatever the clocks.
        """
        mark = self._watermark(server, highest_stamp, took)
        earlier = decode(before)
        if earlier is not None and (earlier.dialect, earlier.server) == (NAME, server) and _is_past(earlier.position):
            mark = replace(mark, position=max(mark.position, earlier.position))
        return mark.encode() if mark.position else ""

    def lag(self, client: Client, rules: ReadingRules, watermark: str) -> str:
        """Say why a server is older than what was read up to a watermark; empty = it is not, or nobody can tell."""
        mark = decode(watermark)
        known = mark is not None and mark.dialect == NAME and _is_past(mark.position)
        return openldap_lag.lag(client, rules, mark) if mark is not None and known else ""

    def _watermark(self, server: str, highest_stamp: str, took: timedelta) -> Watermark:
        return Watermark(dialect=NAME, server=server, position=_earlier(highest_stamp, took + OVERLAP))

    def _position(self, entry: Entry) -> str:
        stamp = self.stamp(entry)
        return stamp if _CSN.fullmatch(stamp) else ""

    # --- writes ------------------------------------------------------------------------------------------------------

    def unlock_modify(self, dn: str, stamp: str, facts: Sequence[LockFact]) -> Modify:
        """Return the deletion of the marker that was seen, if the entry has not moved and nobody failed since.

        The stamp alone would do on the server that takes the writes. On a copy it stands still, and a fresh lock may
        have begun in the same second; its failures, to the microsecond, are later.
        """
        seen = {name: value for fact in facts for name, value in fact.evidence}
        if ppolicy.MARKER not in seen:
            raise NotWritable(_why_not(facts))
        change = Modification(
            kind=Kind.DELETE,
            attribute=ppolicy.MARKER,
            values=(seen[ppolicy.MARKER].encode(),),
        )
        conditions = [equal(_STAMP, stamp)] if stamp else []
        conditions += _no_later_failure(seen.get(ppolicy.FAILURES, ""))
        return Modify(dn=dn, changes=(change,), assertion=all_of(*conditions) if conditions else "")

    def rewrite_modify(self, dn: str, stamp: str) -> Modify:
        """Return the replacement of the marker by nothing, where the provider shows none.

        It changes nothing there but the stamp; every consumer then gets the whole entry anew, without the marker that
        only it held. The provider refuses deleting what is not there (16), which would not move the stamp.
        """
        change = Modification(kind=Kind.REPLACE, attribute=ppolicy.MARKER)
        return Modify(dn=dn, changes=(change,), assertion=equal(_STAMP, stamp) if stamp else "")

    def affiliate_modify(self, dn: str, gives: GroupMembership | AttributeValue) -> Modify:
        """Return the addition of a member to a group, or of a value to the entry."""
        if isinstance(gives, GroupMembership):
            member = Modification(kind=Kind.ADD, attribute=gives.attribute, values=(dn.encode(),))
            return Modify(dn=gives.group_dn, changes=(member,))
        value = Modification(kind=Kind.ADD, attribute=gives.attribute, values=(gives.value.encode(),))
        return Modify(dn=dn, changes=(value,))

    def outcome(self, result: Result) -> Outcome:
        """Return what an answer means: nothing left to delete or to add is what was wanted."""
        match result.code:
            case Code.SUCCESS:
                return Outcome.DONE
            case Code.NO_SUCH_ATTRIBUTE | Code.ATTRIBUTE_OR_VALUE_EXISTS:
                return Outcome.ALREADY
            case Code.ASSERTION_FAILED | Code.NO_SUCH_OBJECT:
                return Outcome.CHANGED
            case _:
                return Outcome.REFUSED

    def is_copy(self, result: Result) -> bool:
        """Return whether a consumer answered: a referral to its provider, or 53 where it knows none."""
        return result.code in {Code.REFERRAL, Code.UNWILLING_TO_PERFORM}

    def sign_in_outcome(self, result: Result) -> SignIn:
        """Return what an answer to a bind means. Without `ppolicy_use_lockout` slapd never says that it is a lock."""
        said = policy_response(result.controls.get(PASSWORD_POLICY, b"")).error
        if result.ok:
            return SignIn.MUST_CHANGE if _SIGN_INS.get(said) is SignIn.MUST_CHANGE else SignIn.WELCOME
        if result.code != Code.INVALID_CREDENTIALS:
            return SignIn.UNDECIDED
        return _SIGN_INS.get(said, SignIn.WRONG)

    # --- rights ------------------------------------------------------------------------------------------------------

    def rights_recipe(self, needs: Needs, database: str = "") -> Recipe:
        """Return the recipe as LDIF for cn=config; `database` is the DN of the database there."""
        return openldap_rights.recipe(needs, database or openldap_rights.DATABASE)

    def checks(self, client: Client, needs: Needs, now: Callable[[], datetime]) -> Iterator[Check]:
        """Yield what the server is like, then what can be seen of some users."""
        yield from server_checks(client, needs, self.policies(client, needs.reading), now)
        sample = sample_of(client, needs)
        if sample:
            yield from reading_checks(client, needs, sample)

    def writing_checks(self, client: Client, needs: Needs) -> tuple[Check, ...] | None:
        """Return what may be written, by rehearsals that change nothing."""
        return writing_checks(client, needs, sample_of(client, needs))


class _Policies:
    """The policies of one pass. slapd answers "no such object" for a policy that is hidden and for one that is gone."""

    def __init__(self, client: Client, rules: ReadingRules) -> None:
        self._client = client
        self._rules = rules
        self._known: dict[str, Policy] = {}
        self._told: frozenset[Policy] = frozenset()

    def fingerprint(self) -> bytes:
        """Read every policy in the directory, and return a digest of what they say.

        A policy that is not found like this, because it lies elsewhere or there are too many, is not covered: entries
        under it are looked at in every reading.
        """
        found = {dn: self._policy(dn) for dn in ("", self._rules.default_policy, *self._policy_dns())}
        self._told = frozenset(found.values())
        self._known = {dn: replace(policy, fingerprinted=True) for dn, policy in found.items()}
        return hashlib.blake2b("\n".join(sorted(map(repr, self._told))).encode()).digest()

    def _policy_dns(self) -> tuple[str, ...]:
        search = Search(base=self._rules.root or self._rules.base, filter=equal("objectClass", "pwdPolicy"))
        entries, completeness = read_all(self._client, search)
        return tuple(entry.dn for entry in entries) if completeness.complete and len(entries) <= MOST_POLICIES else ()

    def of(self, entry: Entry, now: datetime) -> Policy:
        """Return the policy in effect for an entry, with the server's own judgement where only that can decide."""
        policy = self._policy(entry.text(ppolicy.POLICY) or self._rules.default_policy)
        if ppolicy.worth_asking(entry, policy, now):
            return replace(policy, usability=self._client.usability(entry.dn), fingerprinted=False)
        return policy

    def _policy(self, dn: str) -> Policy:
        if dn not in self._known:
            policy = self._read(dn)
            self._known[dn] = replace(policy, fingerprinted=policy in self._told)
        return self._known[dn]

    def _read(self, dn: str) -> Policy:
        if not dn:
            return ppolicy.unknown_policy("the entry names none, and the settings name no default policy")
        try:
            entry = self._client.search_one(dn, ppolicy.POLICY_ATTRIBUTES)
            hides = entry is not None and self._hides(dn, entry)
        except Refused as refusal:
            return ppolicy.unknown_policy(f"{dn}: {refusal.result.name}")
        if entry is None:
            return ppolicy.unknown_policy(f"{dn} is not there or cannot be read")
        return ppolicy.unknown_policy(f"{dn} cannot be read whole") if hides else ppolicy.policy_of(entry)

    def _hides(self, dn: str, policy: Entry) -> bool:
        """Return whether a policy has attributes that the agent may not read: a hidden pwdLockout looks like FALSE.

        slapd takes "is not there" for undefined where the attribute may not be searched, and undefined is no match, so
        that it tells hidden from absent.
        """
        missing = [none_of(present(name)) for name in ppolicy.POLICY_ATTRIBUTES if not policy.values(name)]
        return bool(missing) and self._client.search_one(dn, filter_=all_of(*missing)) is None


def _compare_fully(why: str) -> Changes:
    return Changes(completeness=Completeness(ended=Ended.UNFINISHED, why=why), compare_fully=why)


def _is_past(stamp: str) -> bool:
    """Return whether this is an entryCSN, and not one of a clock that was wrong by more than a day.

    Nothing that changes now is greater than such a one: whoever went on from there would see no change any more.
    """
    tomorrow = datetime.now(UTC) + _A_DAY
    return _CSN.fullmatch(stamp) is not None and stamp < f"{tomorrow:%Y%m%d%H%M%S}"


def _earlier(stamp: str, length: timedelta) -> str:
    """Return the first entryCSN of the moment that lies so much before this one's; empty for what is none."""
    found = _CSN.fullmatch(stamp)
    if found is None or not _is_past(stamp):
        return ""
    moment = datetime.strptime(f"{found[1]}{found[2]}", "%Y%m%d%H%M%S%f").replace(tzinfo=UTC) - length
    return f"{moment:%Y%m%d%H%M%S.%f}Z#000000#000#000000"


def _no_later_failure(last: str) -> list[str]:
    """Return the condition that no failure is later than this one, none where it is no time.

    That the last failure is still this one cannot be asked: slapd keeps "…05987Z" as "…059870Z" and finds neither.
    """
    moment = parse_time(last.encode())
    if not isinstance(moment, Moment):
        return []
    following = moment.at + timedelta(microseconds=1)
    return [none_of(at_least(ppolicy.FAILURES, f"{following:%Y%m%d%H%M%S.%fZ}"))]


def _why_not(facts: Sequence[LockFact]) -> str:
    ends = [fact.until for fact in facts if fact.until is not None]
    if any(name == ppolicy.DELAY for fact in facts for name, _ in fact.evidence) and ends:
        return f"the directory ends this delay by itself at {max(ends):%Y-%m-%d %H:%M:%S} UTC, and lets nobody end it"
    return "only the directory's own administrators can end this"

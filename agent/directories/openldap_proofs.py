"""What Lockstep's account may really do in OpenLDAP: every right it needs, and those it should not have, tried out.

Reading is tried by reading, and writing by rehearsing (`agent.directories.rehearsing`): nothing is changed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from agent.directories import ppolicy
from agent.directories.access import Scope
from agent.directories.checks import Check, Grade
from agent.directories.client import Client
from agent.directories.entry import Entry
from agent.directories.filters import all_of, any_of, equal, none_of, present
from agent.directories.names import parent_of, within
from agent.directories.openldap_excess import CHANGE, PASSWORD, Harm, canary_unlock, harms
from agent.directories.openldap_rights import read_of_people
from agent.directories.reader import read_all
from agent.directories.rehearsing import Answer, Attempt, Rehearser, adding_value, removing
from agent.directories.rights import Needs, Restorable
from agent.directories.searches import NOTHING, Search

_RECIPE = "apply the recipe that `lockstep rights` prints for this directory"
_RECIPE_TO_RESTORE = "apply the recipe that `lockstep rights --restore` prints for this directory"
_ID = "entryUUID"
_REQUIRED = (_ID, "entryCSN", *ppolicy.ENTRY_ATTRIBUTES, "memberOf")
"""Without these a lock or an affiliation is missed; without another attribute a profile shows less."""
_SECRETS = (PASSWORD, "pwdHistory", "authPassword", "sambaNTPassword", "sambaLMPassword", "krbPrincipalKey")
"""Where passwords and their hashes are kept; slapd passes over those that it does not know."""
_CONFIGURED_SECRETS = ("olcRootPW", "olcSyncrepl")
_SAMPLE = 20
"""How many users rights are tried on, and in how many units below their base somebody is looked for."""
_NAMED = 20
"""How many names of a kind are told."""
_PLACES = 5
"""In how many places writing is tried."""


def sample_of(client: Client, needs: Needs) -> tuple[Entry, ...]:
    """Return some users, with everything that settings want of them: the first, and one of each organizational unit.

    Rights usually differ by unit.
    """
    search = Search(
        base=needs.reading.base,
        filter=needs.reading.filter,
        scope=needs.reading.scope,
        attributes=read_of_people(needs),
        page_size=_SAMPLE,
    )
    found = list(client.page(search).entries)
    if needs.reading.scope is Scope.SUBTREE:
        units = Search(base=needs.reading.base, filter=equal("objectClass", "organizationalUnit"), page_size=_SAMPLE)
        for unit in client.page(units).entries:
            found += client.page(replace(search, base=unit.dn, scope=Scope.LEVEL, page_size=1)).entries
    return tuple({entry.dn: entry for entry in found}.values())


# --- reading ---------------------------------------------------------------------------------------------------------


def reading_checks(client: Client, needs: Needs, sample: Sequence[Entry]) -> Iterator[Check]:
    """Yield whether everything that settings want of users can be seen, and that no password can."""
    names = read_of_people(needs)
    if not all(entry.values(_ID) for entry in sample):
        yield _attributes(Grade.MISSING, f"{_ID} cannot be seen: without it nobody is recognised", _RECIPE)
        return
    hidden = [name for name in names if not _visible(client, needs, sample, name)]
    required = {name.lower() for name in _REQUIRED} | {one.attribute.lower() for one in needs.restorable}
    missing = [name for name in hidden if name.lower() in required]
    less = [name for name in hidden if name.lower() not in required]
    if missing:
        yield _attributes(Grade.MISSING, f"cannot be seen: {', '.join(missing)}", _RECIPE)
    if less:
        found = f"cannot be seen, or are unknown to the server: {', '.join(less)}"
        yield _attributes(Grade.WARNING, found, f"{_RECIPE}, or correct the names under attributes and rules")
    if not hidden:
        yield _attributes(Grade.OK, f"all {len(names)} can be seen")
    yield _passwords(client, needs, sample)


def _attributes(grade: Grade, found: str, advice: str = "") -> Check:
    return Check(what="attributes of users", grade=grade, found=found, advice=advice)


def _visible(client: Client, needs: Needs, sample: Sequence[Entry], name: str) -> bool:
    """Return whether every entry of the sample shows an attribute, or shows that it has none.

    slapd takes "is not there" for undefined where the attribute may not be searched, and undefined is no match. One
    that may be searched and not read is there and not shown: then "is not there" does not match either.
    """
    without = [entry for entry in sample if not entry.values(name)]
    return not without or _matching(client, needs, without, none_of(present(name))) == len(without)


def _passwords(client: Client, needs: Needs, sample: Sequence[Entry]) -> Check:
    seen = {name for entry in sample for name in _shown(client, entry.dn, _SECRETS)}
    told = [f"{name} of users can be read" for name in _SECRETS if name in seen]
    told += [
        f"{name} of users can be searched for"
        for name in _SECRETS
        if name not in seen and _matching(client, needs, sample, any_of(present(name), none_of(present(name))))
    ]
    told += [f"{name} in cn=config can be read" for name in _configured_secrets(client)]
    if told:
        return Check(what="passwords", grade=Grade.TOO_MUCH, found="; ".join(told), advice=_RECIPE)
    return Check(what="passwords", grade=Grade.OK, found="cannot be read or searched for")


def _shown(client: Client, dn: str, names: tuple[str, ...]) -> tuple[str, ...]:
    entry = client.search_one(dn, names)
    return tuple(name for name in names if entry is not None and entry.values(name))


def _configured_secrets(client: Client) -> tuple[str, ...]:
    """Return which passwords of the server's own configuration are shown to us."""
    root = client.search_one("", ("configContext",))
    context = root.text("configContext") if root is not None else ""
    if not context:
        return ()
    secret = any_of(*map(present, _CONFIGURED_SECRETS))
    entries = client.whole(Search(base=context, filter=secret, attributes=_CONFIGURED_SECRETS)).entries
    return tuple(name for name in _CONFIGURED_SECRETS if any(entry.values(name) for entry in entries))


def _matching(client: Client, needs: Needs, entries: Sequence[Entry], condition: str) -> int:
    """Return how many of these entries satisfy a condition."""
    them = any_of(*(equal(_ID, entry.text(_ID)) for entry in entries))
    search = Search(base=needs.reading.base, filter=all_of(them, condition), attributes=NOTHING)
    return len(read_all(client, search)[0])


# --- writing ---------------------------------------------------------------------------------------------------------


def writing_checks(client: Client, needs: Needs, sample: Sequence[Entry]) -> tuple[Check, ...] | None:
    """Return whether what settings need may be written, and nothing else; None where the server takes no writes.

    It is tried on users who are not locked, one of each place, and first with what an unlock may do: removing a marker
    that is not there.
    """
    people = _one_of_each_place(entry for entry in sample if not entry.values(ppolicy.MARKER))
    if not people:
        found = "there is nobody who is not locked to try it on; nothing was tried"
        return (Check(what="writing", grade=Grade.UNKNOWN, found=found),)
    rehearser = Rehearser(client)
    unlocking = {person.dn: rehearser.ask(removing(person, ppolicy.MARKER)) for person in people}
    if Answer.COPY in unlocking.values():
        return None
    restoring = (_restoring(client, rehearser, needs, people[0], one) for one in needs.restorable)
    canary = _canary(rehearser, needs) if needs.canary else ()
    return (_unlocking(unlocking), *restoring, *canary, _excess(rehearser, tuple(harms(client, needs, people))))


def _one_of_each_place(people: Iterable[Entry]) -> tuple[Entry, ...]:
    """Return the first of those who are in one place."""
    found: dict[str, Entry] = {}
    for person in people:
        found.setdefault(parent_of(person.dn), person)
    return tuple(found.values())[:_PLACES]


def _unlocking(answers: Mapping[str, Answer]) -> Check:
    refused = [parent_of(dn) for dn, answer in answers.items() if answer is Answer.REFUSED]
    if refused:
        where = f" of users below {', '.join(refused)}" if len(refused) < len(answers) else ""
        found = f"lock markers{where} may not be removed: every unlock would be refused"
        return Check(what="unlocking", grade=Grade.MISSING, found=found, advice=_RECIPE)
    if set(answers.values()) == {Answer.ALLOWED}:
        return Check(what="unlocking", grade=Grade.OK, found="lock markers may be removed")
    found = "this server rehearses no writes; whether an unlock is allowed shows when there is one"
    return Check(what="unlocking", grade=Grade.UNKNOWN, found=found)


def _restoring(client: Client, rehearser: Rehearser, needs: Needs, person: Entry, one: Restorable) -> Check:
    answer = rehearser.ask(_restoration(client, needs, person, one))
    what = f"restoring {one.group or f'{one.attribute}={one.value}'}"
    if answer is Answer.ALLOWED:
        return Check(what=what, grade=Grade.OK, found="people may be added")
    if answer is Answer.REFUSED:
        found = "people may not be added: whoever lost this affiliation could not get it back by an unlock"
        return Check(what=what, grade=Grade.MISSING, found=found, advice=_RECIPE_TO_RESTORE)
    return Check(what=what, grade=Grade.UNKNOWN, found="could not be tried")


def _restoration(client: Client, needs: Needs, person: Entry, one: Restorable) -> Attempt:
    """Return what an unlock would add; where possible something that is there, so that nothing can change."""
    if not one.group:
        shown = one.value in person.texts(one.attribute)
        return Attempt(rehearsal=adding_value(person.dn, one.attribute, one.value).rehearsal, harmless=shown)
    group = client.search_one(one.group, ("member",))
    members = group.texts("member") if group is not None else ()
    member = next((dn for dn in members if within(dn, needs.reading.base)), None)
    return Attempt(rehearsal=adding_value(one.group, "member", member or person.dn).rehearsal, harmless=bool(member))


def _canary(rehearser: Rehearser, needs: Needs) -> tuple[Check, ...]:
    if rehearser.ask(canary_unlock(needs)) is not Answer.ALLOWED:
        return ()
    found = "its lock may be removed by Lockstep's account too; nothing but a mistake would do that"
    return (Check(what="canary's lock", grade=Grade.WARNING, found=found, advice=_RECIPE),)


def _excess(rehearser: Rehearser, attempts: Sequence[Harm]) -> Check:
    """Return everything that may be written and should not, in one finding.

    What could not be tried is not said to be right: before the server has shown that it rehearses, which it does for
    who may unlock, only such attempts are made as change nothing anyway.
    """
    answers = [(harm, rehearser.ask(harm.attempt)) for harm in attempts]
    allowed: dict[str, dict[str, None]] = {}
    for harm, answer in answers:
        if answer is Answer.ALLOWED:
            allowed.setdefault(harm.may, {})[harm.of] = None
    if allowed:
        told = "; ".join(f"{may} {_some(tuple(of))}" for may, of in allowed.items())
        advice = f"{_RECIPE}; nothing of this is ever needed"
        if all(answer is not Answer.REFUSED for harm, answer in answers if harm.may != CHANGE):
            advice = f"{_RECIPE}; if this is slapd's root (rootdn), use another account: no rule takes its rights away"
        return Check(what="other writes", grade=Grade.TOO_MUCH, found=f"it may also {told}", advice=advice)
    left = sum(answer is not Answer.REFUSED for _, answer in answers)
    found = f"{len(answers) - left} ways were tried, all refused"
    if left:
        advice = f"{_RECIPE}; with the right to unlock the rest can be tried, too"
        return Check(
            what="other writes", grade=Grade.UNKNOWN, found=f"{found}; {left} could not be tried", advice=advice
        )
    return Check(what="other writes", grade=Grade.OK, found=found)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more

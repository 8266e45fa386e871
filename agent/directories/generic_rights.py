"""What Lockstep's account needs in a directory that settings describe, in words, and what can be seen of it."""

from collections.abc import Iterator

from agent.directories.checks import Check, Grade
from agent.directories.client import Client
from agent.directories.ds389_changes import STAMP
from agent.directories.ds389_checks import somebody
from agent.directories.filters import attributes_in
from agent.directories.mapping import Mapping, Marker
from agent.directories.rights import Needs, Recipe, Restorable, RightsRule
from ims.locks import LockReason

UNPROVED = Check(
    what="writing",
    grade=Grade.UNKNOWN,
    found="what the account may write cannot be found out without writing",
    advice="compare its rights with what `lockstep rights` prints",
)
_READ = "read and search"


def recipe(needs: Needs, mapping: Mapping) -> Recipe:
    """Return what the account has to be allowed, a paragraph each: how to grant it is the product's own."""
    rules = tuple(_rules(needs, mapping))
    head = (
        f"# The rights of {needs.account or 'the account'}. Grant them as your directory's manual says, and no more.\n"
    )
    text = "\n".join(f"\n# {rule.why}\non: {rule.what}\nallow: {rule.right}" for rule in rules)
    return Recipe(rules=rules, text=f"{head}{text}\n")


def checks(client: Client, needs: Needs, mapping: Mapping, readable: str) -> Iterator[Check]:
    """Yield whether one of the users shows what the mapping names. Raises DirectoryUnreachable and Refused."""
    person = somebody(client, needs)
    advice = "compare the account's rights with what `lockstep rights` prints"
    if person is None:
        found = f"no user is found below {needs.reading.base}"
        yield Check(what="people", grade=Grade.MISSING, found=found, advice=f"correct users.base, or {advice}")
        return
    entry = client.search_one(person.dn, (mapping.id, STAMP))
    lacking = [name for name in (mapping.id, STAMP) if entry is None or not entry.values(name)]
    if lacking:
        found = f"{person.dn}: cannot be read: {', '.join(lacking)}"
        yield Check(what="reading", grade=Grade.MISSING, found=found, advice=f"correct the mapping, or {advice}")
    else:
        yield Check(what="reading", grade=Grade.OK, found=f"{mapping.id} and {STAMP} can be read of people")
    shown = ", ".join(marker.attribute for marker in mapping.markers.values())
    if client.search_one(person.dn, filter_=readable) is None:
        yield Check(what="locks", grade=Grade.MISSING, found=f"{person.dn}: hidden: {shown}", advice=advice)
    elif not needs.canary:
        found = f"{shown}: not hidden, as far as the server tells"
        yield Check(what="locks", grade=Grade.UNKNOWN, found=found, advice="configure a canary, which proves it")
    else:
        yield Check(what="locks", grade=Grade.OK, found=f"{shown}: not hidden, and the canary proves it in each pass")


def _rules(needs: Needs, mapping: Mapping) -> Iterator[RightsRule]:
    people = f"people below {needs.reading.base}"
    named = (mapping.id, STAMP, *mapping.names, *needs.reading.attributes, *attributes_in(needs.reading.filter))
    yield _reading(people, named, "What is read of people.")
    for reason, marker in mapping.markers.items():
        if reason is not LockReason.EXPIRED:
            yield from _unlocking(people, marker)
    yield from (_restoring(people, one) for one in needs.restorable)
    if needs.groups:
        why = "Who is in the groups that settings name."
        yield _reading("; ".join(needs.groups), (mapping.id, STAMP, "member"), why)
    if needs.canary:
        yield _reading(needs.canary, (mapping.id, STAMP, *mapping.names), "The canary, which is never unlocked.")


def _reading(what: str, names: tuple[str, ...], why: str) -> RightsRule:
    plain = {name.partition(";")[0].lower(): name.partition(";")[0] for name in ("objectClass", *names)}
    return RightsRule(what=what, right=f"{_READ} {', '.join(plain.values())}", why=why)


def _unlocking(people: str, marker: Marker) -> Iterator[RightsRule]:
    for name, free in {marker.attribute: marker.free, **marker.resets}.items():
        right = f"delete any value of {name}" + (f", add the value {free}" if free else "")
        yield RightsRule(what=people, right=right, why="What an unlock does; adding other values could lock people.")


def _restoring(people: str, one: Restorable) -> RightsRule:
    why = "An affiliation that an unlock gives back; nothing is ever taken away."
    if one.group:
        return RightsRule(what=one.group, right="add values of member", why=why)
    return RightsRule(what=people, right=f"add the value {one.value} of {one.attribute}", why=why)

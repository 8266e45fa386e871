"""What a master of FreeIPA is like, and what Lockstep's account may do there, by what the server itself says."""

from collections.abc import Callable, Iterator
from datetime import datetime

from agent.directories.checks import Check, Grade
from agent.directories.client import Client
from agent.directories.dialect import Knowledge, Policies
from agent.directories.ds389_checks import ANYTHING, controls, numbers, rights_on, somebody
from agent.directories.entry import Entry
from agent.directories.freeipa_locks import COUNT, DISABLED
from agent.directories.freeipa_rights import WRITTEN, read_of_people
from agent.directories.rights import Needs

_ADVICE = "apply what `lockstep rights` prints"
_READ = frozenset("rs")
_WRITE = frozenset("wWoO")
"""Rights to write: any value, or, limited to some by a filter, adding and deleting."""


def server_checks(client: Client, needs: Needs, policies: Policies, now: Callable[[], datetime]) -> Iterator[Check]:
    """Yield what is found, in the order in which to mend it. Raises DirectoryUnreachable and Refused."""
    yield controls(client.search_one("", ("supportedControl",)))
    yield numbers(client, needs)
    policy = policies.of(Entry(dn=needs.base, attributes={}), now())
    if policy.knowledge is Knowledge.UNKNOWN:
        yield Check(what="policy", grade=Grade.UNKNOWN, found=f"not known: {policy.source}", advice=_ADVICE)
    else:
        yield Check(what="policy", grade=Grade.OK, found=f"the global password policy is known ({policy.source})")
    yield _reading(client, needs)


def writing_checks(client: Client, needs: Needs) -> tuple[Check, ...]:
    """Return what may be written of one of the people."""
    person = somebody(client, needs)
    rights = rights_on(client, needs, person.dn, (*WRITTEN, DISABLED, "userPassword")) if person is not None else None
    if rights is None:
        found = "the server does not say what the account may do"
        return (Check(what="writing", grade=Grade.UNKNOWN, found=found, advice="ask its administrators"),)
    lacking = [name for name in WRITTEN if _WRITE.isdisjoint(rights.get(name.lower(), ""))]
    checks = [Check(what="unlock", grade=Grade.OK, found="the count of wrong passwords may be set to zero")]
    if lacking:
        found = f"an unlock would be refused: {', '.join(lacking)} may not be written"
        checks = [Check(what="unlock", grade=Grade.MISSING, found=found, advice=_ADVICE)]
    for name in (COUNT, DISABLED, "userPassword"):
        if ANYTHING in rights.get(name.lower(), ""):
            found = f"{name} may be set to anything: whoever holds the account's password could lock people, or worse"
            checks.append(Check(what=name, grade=Grade.TOO_MUCH, found=found, advice=f"{_ADVICE} and no more"))
    return tuple(checks)


def _reading(client: Client, needs: Needs) -> Check:
    person = somebody(client, needs)
    if person is None:
        found = f"no user is found below {needs.reading.base}"
        return Check(what="people", grade=Grade.MISSING, found=found, advice=f"correct users.base, or {_ADVICE}")
    wanted = read_of_people(needs)
    rights = rights_on(client, needs, person.dn, wanted)
    if rights is None:
        found = "the server does not say what the account may do"
        return Check(what="reading", grade=Grade.UNKNOWN, found=found, advice="ask its administrators")
    lacking = [name for name in wanted if not set(rights.get(name.lower(), "")) >= _READ]
    if lacking:
        found = f"{person.dn}: may not be read: {', '.join(lacking)}"
        return Check(what="reading", grade=Grade.MISSING, found=found, advice=_ADVICE)
    return Check(what="reading", grade=Grade.OK, found="everything that settings name can be read of people")

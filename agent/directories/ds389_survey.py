"""A first look around a 389 Directory Server, alone or as FreeIPA has it, with policies and locks in its own words."""

from dataclasses import replace
from datetime import datetime

from agent.directories import ds389_locks
from agent.directories.access import ReadingRules
from agent.directories.client import Client
from agent.directories.dialect import Knowledge
from agent.directories.ds389_policies import Ds389Policies
from agent.directories.entry import Entry
from agent.directories.filters import any_of, equal
from agent.directories.freeipa_policies import IpaPolicies
from agent.directories.openldap_survey import Survey, survey
from agent.directories.searches import Search

_FEW = 5
_FOR_GOOD = any_of(equal(ds389_locks.MARKER, "19700101000000Z"), equal(ds389_locks.DISABLED, "true"))


def survey_389(client: Client, root: Entry, base: str, now: datetime) -> Survey:
    """Look around below `base`, or below the naming context with most people. Raises as `survey`."""
    found = survey(client, root, base)
    rules = ReadingRules(base=found.base, filter=equal("objectClass", found.users_class), attributes=())
    policy = Ds389Policies(client, rules).of(Entry(dn=found.base, attributes={}), now)
    locked = client.page(Search(base=found.base, filter=_FOR_GOOD, page_size=_FEW)).entries
    return replace(
        found,
        dialect="389ds",
        ppolicy=True,
        policies=(policy,) if policy.knowledge is Knowledge.KNOWN else (),
        default_policy="",
        locked_for_good=tuple(entry.dn for entry in locked),
    )


def survey_ipa(client: Client, root: Entry, base: str, now: datetime) -> Survey:
    """Look around below `base` in a realm of FreeIPA. Raises as `survey`."""
    found = survey(client, root, base)
    rules = ReadingRules(base=found.base, filter=equal("objectClass", found.users_class), attributes=())
    policy = IpaPolicies(client, rules).of(Entry(dn=found.base, attributes={}), now)
    locked = client.page(Search(base=found.base, filter=equal(ds389_locks.DISABLED, "true"), page_size=_FEW)).entries
    return replace(
        found,
        dialect="freeipa",
        ppolicy=True,
        policies=(policy,) if policy.knowledge is Knowledge.KNOWN else (),
        default_policy="",
        locked_for_good=tuple(entry.dn for entry in locked),
    )

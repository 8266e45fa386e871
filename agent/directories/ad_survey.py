"""A first look around an Active Directory domain: like one around OpenLDAP, with people and policies in its words."""

from dataclasses import replace
from datetime import datetime

from agent.directories.access import ReadingRules
from agent.directories.ad_policies import AdPolicies, domain_of
from agent.directories.client import Client
from agent.directories.dialect import Knowledge
from agent.directories.entry import Entry
from agent.directories.filters import equal
from agent.directories.openldap_survey import Survey, survey

USER_CLASS, USER_NAME = "user", "sAMAccountName"


def survey_ad(client: Client, root: Entry, base: str, now: datetime) -> Survey:
    """Look around below `base`, or in the controller's own domain. Raises as `survey`.

    The other naming contexts hold the schema and the configuration of the forest, and no people.
    """
    found = survey(client, root, base or domain_of(client))
    rules = ReadingRules(base=found.base, filter=equal("objectClass", USER_CLASS), attributes=())
    policy = AdPolicies(client, rules).of(Entry(dn=found.base, attributes={}), now)
    return replace(
        found,
        dialect="ad",
        users_class=USER_CLASS,
        user_name=USER_NAME,
        ppolicy=True,
        policies=(policy,) if policy.knowledge is Knowledge.KNOWN else (),
        default_policy="",
        locked_for_good=(),
    )

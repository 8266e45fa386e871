"""What the demonstration says once it is ready: who there is, and lines that can be copied into another terminal."""

from lockstep.demo.facts import Facts
from lockstep.demo.people import person
from lockstep.demo.stage import Stage

_PARTS = {
    "locked": "three wrong passwords, locked until somebody unlocks",
    "locked_timed": "three wrong passwords, locked for half an hour",
    "unaffiliated": "taken out of the staff group",
    "administrator_locked": "disabled by the directory's administrators",
    "expired": "validity ended last month",
    "protected": "locked, and protected: nobody unlocks this account here",
    "unlocked": "well; yours to lock",
}


def spoken(facts: Facts, stage: Stage) -> str:
    """Return the whole text."""
    return "\n".join((_addresses(facts, stage), _people(facts), _story(facts), "Ctrl-C stops everything."))


def _addresses(facts: Facts, stage: Stage) -> str:
    return f"""
Lockstep is running.
  portal      {facts.portal_url}
              as {_sign_in(facts, "co_administrator")} (Co-Administrator), {_sign_in(facts, "auditor")} (auditor),
              {_sign_in(facts, "locked")} (locked)
  SCIM        {facts.scim_url}
  directory   {facts.directory["url"]}
  its admin   {facts.directory["admin_dn"]}, password {facts.directory["admin_password"]}
  for scripts {stage.folder / "demo.json"}, log {stage.log}
  settings    {stage.config}
"""


def _sign_in(facts: Facts, part: str) -> str:
    return " / ".join(facts.sign_ins[part].values())


def _people(facts: Facts) -> str:
    lines = (
        f"  {facts.users[part]['user_name']:<16}{facts.users[part]['password']:<18}{what}"
        for part, what in _PARTS.items()
    )
    return "People of Acme Ltd., their directory passwords, and what befell them:\n" + "\n".join(lines) + "\n"


def _story(facts: Facts) -> str:
    locked, free = facts.users["locked"], facts.users["unlocked"]
    name, other = person("locked").given_name, person("unlocked").given_name
    return f"""In another terminal:

  IDP={facts.tokens["provisioner"]}
  CO={facts.tokens["co_administrator"]}
  {name.upper()}={facts.scim_url}/Users/{locked["id"]}
  {other.upper()}={facts.scim_url}/Users/{free["id"]}
  ON='{{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{{"op":"replace","path":"active","value":true}}]}}'

  # {name} is locked, and SCIM says why
  curl -s -H "Authorization: Bearer $CO" ${name.upper()}
  # the identity provider's active:true does not free {name}
  curl -s -X PATCH -H "Authorization: Bearer $IDP" -H "Content-Type: application/scim+json" -d "$ON" ${name.upper()}
  # a Co-Administrator's does, in the directory itself
  curl -s -X PATCH -H "Authorization: Bearer $CO" -H "Content-Type: application/scim+json" -d "$ON" ${name.upper()}
  ldapwhoami -x -H {facts.directory["url"]} -D {locked["dn"]} -w {locked["password"]}
  # lock {other} yourself, and look again a few seconds later
  for n in 1 2 3; do ldapwhoami -x -H {facts.directory["url"]} -D {free["dn"]} -w wrong; done
  curl -s -H "Authorization: Bearer $CO" ${other.upper()}
"""

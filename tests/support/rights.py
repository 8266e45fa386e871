"""Rights of a real slapd for the tests: applied as administrators apply them, and what somebody with them can do."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import ldap3

from agent.directories.openldap_rights import recipe
from agent.directories.rights import Needs
from agent.needs import needs_of
from ims.people import TenantId
from tests.support.people import ACME
from tests.support.slapd import Person, Slapd
from tests.support.slapd_config import (
    ADMIN_DN,
    ADMIN_PASSWORD,
    AGENT_DN,
    AGENT_PASSWORD,
    BASE,
    DEFAULT_POLICY,
    GROUPS,
    PEOPLE,
)
from tests.support.sync_world import CORP, SyncWorld

GENEROUS = (
    "access to attrs=userPassword by anonymous auth by users write",
    "access to * by users write by * read",
)
"""Rules under which everybody who signs in may write everything: what a recipe has to take away."""
MEAGRE = (
    f'access to attrs=userPassword by dn.exact="{AGENT_DN}" none by self write by anonymous auth by * none',
    f'access to * by dn.exact="{AGENT_DN}" none by self read by anonymous auth by * none',
)
"""Rules under which the agent may do nothing at all: what a recipe has to add."""
INSUFFICIENT, NO_SUCH_OBJECT = 50, 32
FOR_GOOD = "000001010000Z"
GLOBEX = TenantId("globex")
_FIVE_AT_MOST = """\
dn: olcDatabase={1}mdb,cn=config
changetype: modify
delete: olcLimits
-
add: olcSizeLimit
olcSizeLimit: 5
"""
"""What everybody is shown by a search, but for those whom a recipe exempts."""


def apply(slapd: Slapd, ldif: str) -> None:
    """Change the configuration of a running slapd as its administrator does: ldapmodify on cn=config."""
    command = ["ldapmodify", "-x", "-H", slapd.url, "-D", ADMIN_DN, "-w", ADMIN_PASSWORD]
    done = subprocess.run(command, input=ldif, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def everything(slapd: Slapd) -> dict[str, dict[str, list[bytes]]]:
    """Return every entry with every attribute, and so every change stamp: equal twice = nothing was written."""
    with slapd.connected() as admin:
        admin.search(BASE, "(objectClass=*)", attributes=["*", "+"])
        return {entry["dn"]: {k: sorted(v) for k, v in entry["raw_attributes"].items()} for entry in admin.response}


@contextmanager
def as_agent(slapd: Slapd) -> Iterator[ldap3.Connection]:
    """Hold a connection with the agent's password, on which a refusal is a result and no exception."""
    with slapd.connected(AGENT_DN, AGENT_PASSWORD) as connection:
        connection.raise_exceptions = False
        yield connection


def code(connection: ldap3.Connection) -> int:
    """Return the result of the last operation."""
    return int(connection.result["result"])


def modified(connection: ldap3.Connection, dn: str, kind: str, name: str, *values: Any) -> int:
    """Try one modification and return its result."""
    connection.modify(dn, {name: [(kind, list(values))]})
    return code(connection)


@dataclass(kw_only=True)
class Firm:
    """A directory with rules that people may be restored by, roles, a canary; and the agent's rights in it."""

    world: SyncWorld
    ada: Person
    canary: Person
    other: str
    auditors: str

    @property
    def slapd(self) -> Slapd:
        """Return the directory."""
        return self.world.slapd

    @property
    def needs(self) -> Needs:
        """Return what the settings make the agent need."""
        return needs_of(self.world.directory)

    def grant(self, *, restore: bool) -> None:
        """Apply a recipe, as the administrators would."""
        needs = self.needs if restore else replace(self.needs, restorable=())
        apply(self.slapd, recipe(needs).text)

    @property
    def targets(self) -> tuple[str, ...]:
        """Return an entry of each kind."""
        people = (self.ada.dn, self.world.keeper.dn, self.world.unit)
        return (*people, self.canary.dn, self.world.staff, self.other, self.auditors, DEFAULT_POLICY, AGENT_DN, BASE)


def furnished(world: SyncWorld) -> Firm:
    """Return a firm in a new corner of a directory, where everybody is shown five entries at most."""
    apply(world.slapd, _FIVE_AT_MOST)
    ada = world.person("ada", employeeType="clerk", description="secret", departmentNumber="7")
    canary = world.slapd.add_person(world.name("canary"), parent=GROUPS)
    world.slapd.modify(canary.dn, pwdAccountLockedTime=FOR_GOOD)
    other = world.slapd.add_group(world.name("other"), [world.keeper.dn], PEOPLE)
    auditors = world.slapd.add_group(world.name("auditors"), [world.keeper.dn])
    world.configure(
        canary=canary.dn,
        rules={
            "staff": {"tenant": ACME, "group": world.staff, "restore": True},
            "desk": {"tenant": GLOBEX, "attribute": "departmentNumber", "value": "Help Desk \\ (1)", "restore": True},
        },
        tenants={"acme": {"roles": {"auditor": {"directory": CORP, "group": auditors}}}, "globex": {}},
    )
    return Firm(world=world, ada=ada, canary=canary, other=other, auditors=auditors)

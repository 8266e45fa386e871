"""The people of the demonstration: two company accounts, and one person for each thing that can happen to somebody."""

from dataclasses import dataclass
from enum import StrEnum

BASE = "dc=demo,dc=test"
PEOPLE = f"ou=people,{BASE}"
GROUPS = f"ou=groups,{BASE}"
SERVICES = f"ou=services,{BASE}"
POLICIES = f"ou=policies,{BASE}"
ADMIN_DN = f"cn=admin,{BASE}"
AGENT_DN = f"cn=lockstep,{SERVICES}"
CANARY_DN = f"cn=lockstep canary,{SERVICES}"
STAFF_GROUP_DN = f"cn=acme staff,{GROUPS}"
GLOBEX = "Globex"


class Fate(StrEnum):
    """What has happened to a person by the time the demonstration is ready."""

    WELL = "well"
    LOCKED = "locked"
    LOCKED_TIMED = "locked_timed"
    UNAFFILIATED = "unaffiliated"
    ADMINISTRATOR_LOCKED = "administrator_locked"
    EXPIRED = "expired"
    NOT_BEGUN = "not_begun"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person. `part` is the name under which demo.json tells scripts about them; `group` gives a role."""

    uid: str
    given_name: str
    family_name: str
    tenant: str = "acme"
    fate: Fate = Fate.WELL
    part: str = ""
    group: str = ""

    @property
    def dn(self) -> str:
        """Return the address of the person's entry."""
        return f"uid={self.uid},{PEOPLE}"

    @property
    def password(self) -> str:
        """Return the person's right password; wrong ones are easily found."""
        return f"{self.given_name.lower()}-right-1"


CAST = (
    Person(uid="lena.hofer", given_name="Lena", family_name="Hofer", fate=Fate.LOCKED, part="locked"),
    Person(uid="marco.rossi", given_name="Marco", family_name="Rossi", fate=Fate.LOCKED_TIMED, part="locked_timed"),
    Person(uid="nadia.kaya", given_name="Nadia", family_name="Kaya", fate=Fate.UNAFFILIATED, part="unaffiliated"),
    Person(uid="olaf.berg", given_name="Olaf", family_name="Berg", part="unlocked"),
    Person(
        uid="paula.silva",
        given_name="Paula",
        family_name="Silva",
        fate=Fate.ADMINISTRATOR_LOCKED,
        part="administrator_locked",
    ),
    Person(uid="quentin.roy", given_name="Quentin", family_name="Roy", fate=Fate.EXPIRED, part="expired"),
    Person(uid="rosa.lind", given_name="Rosa", family_name="Lind", fate=Fate.NOT_BEGUN),
    Person(uid="stefan.wolf", given_name="Stefan", family_name="Wolf", fate=Fate.LOCKED, part="protected"),
    Person(uid="tomas.dvorak", given_name="Tomas", family_name="Dvorak"),
    Person(uid="carla.meier", given_name="Carla", family_name="Meier", part="co_administrator", group="co admins"),
    Person(uid="viktor.nagy", given_name="Viktor", family_name="Nagy", group="account admins"),
    Person(uid="ida.moreau", given_name="Ida", family_name="Moreau", part="auditor", group="auditors"),
    Person(
        uid="yuki.tanaka",
        given_name="Yuki",
        family_name="Tanaka",
        tenant="globex",
        part="other_tenant_co_administrator",
        group="globex co admins",
    ),
    Person(uid="zoe.martin", given_name="Zoe", family_name="Martin", tenant="globex", fate=Fate.LOCKED),
    Person(uid="bruno.costa", given_name="Bruno", family_name="Costa", tenant="globex"),
)

USER_PARTS = ("locked", "locked_timed", "unaffiliated", "unlocked", "administrator_locked", "expired", "protected")
"""The parts that demo.json lists under "users"; all of them belong to the first tenant."""


SIGN_IN_PARTS = ("co_administrator", "auditor", "locked")
"""The parts that demo.json lists under "sign_ins": who there is to try the portal as."""


def person(part: str) -> Person:
    """Return whoever plays this part."""
    return next(who for who in CAST if who.part == part)

"""Who is in the benchmark's directory, as LDIF: the same for the same number of people, to the byte.

`PEOPLE` holds as many users as were asked for, nearly all of them unlocked. `LOCKED` holds locked ones only, so that
both together have one locked user in a hundred: what reads `BASE` sees them all.
"""

import base64
import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

BASE = "dc=bench,dc=test"
PEOPLE = f"ou=people,{BASE}"
LOCKED = f"ou=locked,{BASE}"
GROUPS = f"ou=groups,{BASE}"
POLICIES = f"ou=policies,{BASE}"
SERVICES = f"ou=services,{BASE}"
ADMIN_DN = f"cn=admin,{BASE}"
AGENT_DN = f"cn=agent,{SERVICES}"
AGENT_PASSWORD = "agent-of-the-benchmark-1"  # noqa: S105 - of a throw-away server
CANARY_DN = f"uid=canary,{SERVICES}"
DEFAULT_POLICY = f"cn=default,{POLICIES}"
STAFF_GROUP = f"cn=staff,{GROUPS}"
HELPDESK_GROUP = f"cn=helpdesk,{GROUPS}"
CONTRACTOR = "Contractor"
USERS = "(objectClass=inetOrgPerson)"
"""The filter of the product's own settings: everybody in both branches, and the canary."""

LOCKED_IN_ALL = 100
"""One user in so many is locked, counting both branches."""
LOCKED_AT_REST = 2000
"""One user in so many is locked in `PEOPLE`."""
_CONTRACTORS = 5
"""One user in so many is a contractor; the others are in the staff group."""
_FORGETFUL = 10
"""One user in so many gave no telephone number; one in three gave a mobile one."""
_MOBILE = 3
_BEGINNING = datetime(2025, 1, 6, 8, tzinfo=UTC)
_YEAR_S = 365 * 86_400
_SPACE = uuid.UUID("7b1f3f52-5d57-5a0e-9c0e-4b8d8b1a6c11")

_GIVEN = ("Ada", "Bjarne", "Chiara", "Edsger", "Fatima", "Grace", "Jürgen", "Ken", "Margaret", "Noor", "Søren", "Zoë")
_FAMILY = (
    "Allen",
    "Bianchi",
    "Dijkstra",
    "Hopper",
    "Jansen",
    "Kováč",
    "Lamport",
    "Liskov",
    "Müller",
    "Romano",
    "Wirth",
)
_TITLES = ("Accountant", "Architect", "Engineer", "Head of Department", "Nurse", "Researcher", "Technician", "Trainee")
_LANGUAGES = ("en", "de", "it", "es", "fr-CH")
_DEPARTMENTS = 240


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many of everything there are."""

    people: int

    @property
    def locked(self) -> int:
        """Return how many are locked in both branches together."""
        return max(2, self.people // LOCKED_IN_ALL)

    @property
    def locked_at_rest(self) -> int:
        """Return how many are locked in `PEOPLE`."""
        return max(1, self.people // LOCKED_AT_REST)

    @property
    def everybody(self) -> int:
        """Return how many users there are in both branches."""
        return self.people + self.locked - self.locked_at_rest


def ldif(sizes: Sizes) -> Iterator[str]:
    """Yield the directory's entries, parents first, as slapadd reads them."""
    yield _entry(BASE, "dcObject", "organization", dc="bench", o="Bench")
    for branch in (PEOPLE, LOCKED, GROUPS, POLICIES, SERVICES):
        yield _entry(branch, "organizationalUnit", ou=_rdn_value(branch))
    yield from _policies()
    yield from _services()
    for number in range(sizes.people):
        yield _person(number, PEOPLE, locked=_at_rest(number, sizes))
    for number in range(sizes.people, sizes.everybody):
        yield _person(number, LOCKED, locked=True)
    yield _group(STAFF_GROUP, (_dn(number, _branch(number, sizes)) for number in _staff(sizes)))
    yield _group(HELPDESK_GROUP, (_dn(number, PEOPLE) for number in range(1, min(21, sizes.people))))


def uid(number: int) -> str:
    """Return what somebody signs in with."""
    return f"user{number:07d}"


def name(number: int) -> tuple[str, str]:
    """Return somebody's given and family name."""
    return _GIVEN[number % len(_GIVEN)], _FAMILY[number // len(_GIVEN) % len(_FAMILY)]


def _dn(number: int, branch: str) -> str:
    return f"uid={uid(number)},{branch}"


def _at_rest(number: int, sizes: Sizes) -> bool:
    each, rest = divmod(number, LOCKED_AT_REST)
    return rest == 0 and each < sizes.locked_at_rest


def _branch(number: int, sizes: Sizes) -> str:
    return PEOPLE if number < sizes.people else LOCKED


def _staff(sizes: Sizes) -> Iterator[int]:
    return (number for number in range(sizes.everybody) if not _is_contractor(number))


def _is_contractor(number: int) -> bool:
    return number % _CONTRACTORS == _CONTRACTORS - 1


def _policies() -> Iterator[str]:
    for policy, lockout in (("default", "TRUE"), ("services", "FALSE")):
        rules = {"pwdLockout": lockout, "pwdMaxFailure": "5", "pwdLockoutDuration": "0"}
        dn = f"cn={policy},{POLICIES}"
        yield _entry(dn, "namedPolicy", "pwdPolicy", cn=policy, pwdAttribute="userPassword", **rules)


def _services() -> Iterator[str]:
    unlocked = {"userPassword": AGENT_PASSWORD, "pwdPolicySubentry": f"cn=services,{POLICIES}"}
    yield _entry(AGENT_DN, "organizationalRole", "simpleSecurityObject", cn="agent", **unlocked)
    locked = {"pwdAccountLockedTime": "000001010000Z"}
    yield _entry(
        CANARY_DN, "inetOrgPerson", uid="canary", cn="Canary", sn="Canary", userPassword="never-used", **locked
    )


def _person(number: int, branch: str, *, locked: bool) -> str:
    given, family = name(number)
    changed = _changed(number)
    return _entry(
        _dn(number, branch),
        "inetOrgPerson",
        uid=uid(number),
        cn=f"{given} {family}",
        sn=family,
        givenName=given,
        mail=f"{uid(number)}@bench.test",
        title=_TITLES[number % len(_TITLES)],
        employeeType=CONTRACTOR if _is_contractor(number) else "Employee",
        departmentNumber=str(1000 + number % _DEPARTMENTS),
        preferredLanguage=_LANGUAGES[number % len(_LANGUAGES)],
        userPassword=f"{{SSHA}}{base64.b64encode(_bytes(number, 24)).decode()}",
        entryUUID=str(uuid.uuid5(_SPACE, str(number))),
        entryCSN=f"{changed:%Y%m%d%H%M%S}.{number % 1_000_000:06d}Z#000000#000#000000",
        modifyTimestamp=_generalized(changed),
        createTimestamp=_generalized(_BEGINNING),
        pwdChangedTime=_generalized(changed - timedelta(hours=1)),
        **_telephones(number),
        **(_lock(changed) if locked else {}),
    )


def _telephones(number: int) -> dict[str, str]:
    work = (
        {} if number % _FORGETFUL == 0 else {"telephoneNumber": f"+41 44 {number // 10_000:03d} {number % 10_000:04d}"}
    )
    return work if number % _MOBILE else {**work, "mobile": f"+41 79 {number % 1000:03d} {number // 1000:04d}"}


def _lock(at: datetime) -> dict[str, str]:
    return {"pwdAccountLockedTime": _generalized(at), "pwdFailureTime": f"{at:%Y%m%d%H%M%S}.250000Z"}


def _changed(number: int) -> datetime:
    """Return when an entry was last changed: some time in the year that follows the beginning."""
    return _BEGINNING + timedelta(seconds=number * 7_919 % _YEAR_S)


def _group(dn: str, members: Iterator[str]) -> str:
    listed = "\n".join(f"member: {member}" for member in members)
    return f"{_entry(dn, 'groupOfNames', cn=_rdn_value(dn))}{listed}\n"


def _rdn_value(dn: str) -> str:
    return dn.partition(",")[0].partition("=")[2]


def _generalized(moment: datetime) -> str:
    return f"{moment:%Y%m%d%H%M%S}Z"


def _bytes(number: int, length: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()[:length]


def _entry(dn: str, *classes: str, **attributes: str) -> str:
    lines = [f"dn: {dn}", *(f"objectClass: {name}" for name in classes)]
    lines += [_line(name, value) for name, value in attributes.items()]
    return "\n".join(lines) + "\n"


def _line(name: str, value: str) -> str:
    """Return one attribute; what is no ASCII goes as base64 (RFC 2849)."""
    return f"{name}: {value}" if value.isascii() else f"{name}:: {base64.b64encode(value.encode()).decode()}"

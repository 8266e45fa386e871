"""A slapd with the attributes of eDirectory: the fixture counts wrong passwords and refuses the locked, as that would.

eDirectory itself cannot be had. Attributes, rights and every write of Lockstep's are real; `sign_in` below does what
its intruder detection does around a bind.
"""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import ldap3

from tests.support.certificates import CertificateAuthority
from tests.support.slapd import Person, Slapd
from tests.support.slapd_config import AGENT_DN, SlapdOptions

POLICIES: dict[str, int | None] = {"default": 0, "timed": 1800, "brief": 2, "none": None}
"""By name: for how many seconds three wrong passwords lock; 0 = for good, None = not at all."""
MOST = 3
_FORM = "%Y%m%d%H%M%SZ"
_OIDS = "1.3.6.1.4.1.4203.666.11.99"
_SYNTAXES = "1.3.6.1.4.1.1466.115.121.1"
_TRUTH, _TIME, _NUMBER, _OCTETS, _TEXT = (
    f"EQUALITY {rule} SYNTAX {_SYNTAXES}.{number}"
    for rule, number in (
        ("booleanMatch", 7),
        ("generalizedTimeMatch ORDERING generalizedTimeOrderingMatch", 24),
        ("integerMatch ORDERING integerOrderingMatch", 27),
        ("octetStringMatch", 40),
        ("caseIgnoreMatch", 15),
    )
)
_ATTRIBUTES = {
    "lockedByIntruder": _TRUTH,
    "loginDisabled": _TRUTH,
    "loginIntruderResetTime": _TIME,
    "loginExpirationTime": _TIME,
    "loginIntruderAttempts": _NUMBER,
    "GUID": _OCTETS,
    "intruderPolicy": _TEXT,
    "detectIntruder": _TRUTH,
    "lockoutAfterDetection": _TRUTH,
    "loginIntruderLimit": _NUMBER,
    "intruderAttemptResetInterval": _NUMBER,
    "intruderLockoutResetInterval": _NUMBER,
}
_ACCESS = (
    f'access to attrs=lockedByIntruder val/booleanMatch="FALSE" by dn.exact="{AGENT_DN}" =arsc by * break',
    f'access to attrs=lockedByIntruder by dn.exact="{AGENT_DN}" =zrsc by * break',
    f'access to attrs=loginIntruderAttempts val/integerMatch="0" by dn.exact="{AGENT_DN}" =arsc by * break',
    f'access to attrs=loginIntruderAttempts by dn.exact="{AGENT_DN}" =zrsc by * break',
    f'access to attrs=loginIntruderResetTime by dn.exact="{AGENT_DN}" =zrsc by * break',
)


class IntruderSlapd(Slapd):
    """A running slapd whose people are watched by an intruder detection; `access` comes before all other rules."""

    def __init__(self, authority: CertificateAuthority, access: Sequence[str] = ()) -> None:
        self._schema = Path(authority.folder) / f"intruder-{secrets.token_hex(4)}.schema"
        self._schema.write_text(_schema(), encoding="ascii")
        options = SlapdOptions(tls=False, default_policy="", access=(*access, *_ACCESS), schemas=(str(self._schema),))
        super().__init__(authority, options)

    def add_person(self, uid: str = "", *, parent: str = "", policy: str = "", **attributes: str) -> Person:
        """Add somebody whom the detection watches."""
        person = super().add_person(uid, **({"parent": parent} if parent else {}), **attributes)
        watched = {"objectClass": [(ldap3.MODIFY_ADD, ["watchedByIntruderDetection"])]}
        values = {"GUID": secrets.token_bytes(16), "intruderPolicy": policy or "default", "loginIntruderAttempts": "0"}
        with self.connected() as admin:
            admin.modify(person.dn, watched | {name: [(ldap3.MODIFY_REPLACE, [one])] for name, one in values.items()})
        return person

    def sign_in(self, dn: str, password: str) -> bool:
        """Let somebody in or not, and count, as the detection does around the bind."""
        held = {name.lower(): values[0].decode(errors="replace") for name, values in self.read(dn).items() if values}
        if "intruderpolicy" not in held:
            return super().sign_in(dn, password)
        now = datetime.now(UTC)
        if _refused(held, now):
            return False
        if super().sign_in(dn, password):
            self.modify(dn, lockedByIntruder="FALSE", loginIntruderAttempts="0", loginIntruderResetTime=[])
            return True
        # A lock that is over, or that an administrator has cleared, takes the count with it.
        before = int(held["loginintruderattempts"])
        self._count(dn, 1 if before >= MOST else before + 1, POLICIES[held["intruderpolicy"]], now)
        return False

    def lock(self, person: Person, tries: int = MOST) -> str:
        """Lock somebody as everybody locks themselves: by wrong passwords. Return when it ends, empty for never."""
        for _ in range(tries):
            assert not self.sign_in(person.dn, "a wrong password")
        assert self.text(person.dn, "lockedByIntruder") == "TRUE"
        return self.text(person.dn, "loginIntruderResetTime")

    def _count(self, dn: str, count: int, seconds: int | None, now: datetime) -> None:
        if seconds is None or count < MOST:
            self.modify(dn, loginIntruderAttempts=str(count), lockedByIntruder=[], loginIntruderResetTime=[])
            return
        ends = [f"{now + timedelta(seconds=seconds):{_FORM}}"] if seconds else []
        self.modify(dn, loginIntruderAttempts=str(count), lockedByIntruder="TRUE", loginIntruderResetTime=ends)


def _refused(held: dict[str, str], now: datetime) -> bool:
    if held.get("logindisabled") == "TRUE" or held.get("loginexpirationtime", "9") < f"{now:{_FORM}}":
        return True
    return held.get("lockedbyintruder") == "TRUE" and f"{now:{_FORM}}" < held.get("loginintruderresettime", "9")


def _schema() -> str:
    lines = [
        f"attributetype ( {_OIDS}.1.{number} NAME '{name}' {kind} SINGLE-VALUE )"
        for number, (name, kind) in enumerate(_ATTRIBUTES.items())
    ]
    names = " $ ".join(_ATTRIBUTES)
    return "\n".join(
        [*lines, f"objectclass ( {_OIDS}.2.1 NAME 'watchedByIntruderDetection' SUP top AUXILIARY MAY ( {names} ) )", ""]
    )

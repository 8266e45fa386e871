"""A stand-in for a master of FreeIPA: a real 389 Directory Server with its schema; the fixture counts and refuses.

No package of FreeIPA's server exists here. What its plug-in and its KDC write on a sign-in, and whom they refuse, is
done by `sign_in` below, after ipa_lockout.c; attributes, policies, rights and every write of Lockstep's are real.
"""

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import ldap3

from tests.support.ns_slapd import AGENT_DN, BASE, NsSlapd
from tests.support.slapd import Person

REALM = f"cn=EXAMPLE.TEST,cn=kerberos,{BASE}"
POLICIES = {"global_policy": ("3", "0"), "timed": ("3", "1800"), "brief": ("3", "2"), "none": ("0", "0")}
"""By name: how many wrong passwords lock, and for how many seconds; 0 = for good."""
_FORM = "%Y%m%d%H%M%SZ"
_TIME, _NUMBER, _DN, _TEXT = (f"1.3.6.1.4.1.1466.115.121.1.{number}" for number in (24, 27, 12, 15))
_ATTRIBUTES = {
    "krbPrincipalExpiration": ("2.16.840.1.113719.1.301.4.6.1", _TIME),
    "krbPwdPolicyReference": ("2.16.840.1.113719.1.301.4.36.1", _DN),
    "krbPasswordExpiration": ("2.16.840.1.113719.1.301.4.37.1", _TIME),
    "krbLastFailedAuth": ("2.16.840.1.113719.1.301.4.49.1", _TIME),
    "krbLoginFailedCount": ("2.16.840.1.113719.1.301.4.50.1", _NUMBER),
    "krbPwdMaxFailure": ("1.3.6.1.4.1.5322.21.2.1", _NUMBER),
    "krbPwdLockoutDuration": ("1.3.6.1.4.1.5322.21.2.3", _NUMBER),
    "krbLastAdminUnlock": ("1.3.6.1.4.1.5322.21.2.5", _TIME),
    "ipaUniqueID": ("2.16.840.1.113730.3.8.3.1", _TEXT),
}
_EQUAL = {
    _TIME: "generalizedTimeMatch",
    _NUMBER: "integerMatch",
    _DN: "distinguishedNameMatch",
    _TEXT: "caseIgnoreMatch",
}
_PRINCIPAL = ("krbPrincipalExpiration", "krbPwdPolicyReference", "krbPasswordExpiration", "krbLastFailedAuth")
_CLASSES = {
    "( 2.16.840.1.113719.1.301.6.8.1 NAME 'krbPrincipalAux' SUP top AUXILIARY": (
        *_PRINCIPAL,
        "krbLoginFailedCount",
        "krbLastAdminUnlock",
    ),
    "( 2.16.840.1.113719.1.301.6.14.1 NAME 'krbPwdPolicy' SUP top STRUCTURAL MUST cn": (
        "krbPwdMaxFailure",
        "krbPwdLockoutDuration",
    ),
    "( 2.16.840.1.113730.3.8.4.1 NAME 'ipaObject' SUP top AUXILIARY": ("ipaUniqueID",),
}


def _schema() -> str:
    lines = ["dn: cn=schema"]
    for name, (oid, syntax) in _ATTRIBUTES.items():
        order = " ORDERING integerOrderingMatch" if syntax == _NUMBER else ""
        rule = f"EQUALITY {_EQUAL[syntax]}{order} SYNTAX {syntax} SINGLE-VALUE"
        lines.append(f"attributeTypes: ( {oid} NAME '{name}' {rule} )")
    lines += [f"objectClasses: {head} MAY ( {' $ '.join(names)} ) )" for head, names in _CLASSES.items()]
    return "\n".join([*lines, ""])


class IpaServer(NsSlapd):
    """A running ns-slapd with people of FreeIPA's. Its global policy locks for good after three wrong passwords."""

    id_attribute = "ipaUniqueID"
    more_files = {"schema/98ipa.ldif": _schema()}  # noqa: RUF012 - of the class, and read only

    def _seed(self) -> None:
        """Add policies, and the right to unlock."""
        super()._seed()
        with self.connected() as admin:
            for dn in (f"cn=kerberos,{BASE}", REALM):
                admin.add(dn, "nsContainer")
            for name, (most, seconds) in POLICIES.items():
                limits = {"krbPwdMaxFailure": most, "krbPwdLockoutDuration": seconds}
                admin.add(f"cn={name},{REALM}", "krbPwdPolicy", limits)
            admin.modify(BASE, {"aci": [(ldap3.MODIFY_ADD, [_unlocking()])]})

    def _open_policy(self) -> None:
        """Switch the server's own lockout off, as FreeIPA does: each master has that for itself."""
        super()._open_policy()
        with self.connected() as admin:
            admin.modify("cn=config", {"passwordLockout": [(ldap3.MODIFY_REPLACE, ["off"])]})

    def govern(self, dn: str, policy: str) -> None:
        """Make somebody a person of the realm, under a policy."""
        named = {"krbPwdPolicyReference": [(ldap3.MODIFY_REPLACE, [f"cn={policy},{REALM}"])]}
        changes = {
            "objectClass": [(ldap3.MODIFY_ADD, ["krbPrincipalAux", "ipaObject"])],
            "ipaUniqueID": [(ldap3.MODIFY_ADD, [str(uuid.uuid4())])],
            "krbLoginFailedCount": [(ldap3.MODIFY_REPLACE, ["0"])],
            **(named if policy not in ("", "default") else {}),
        }
        with self.connected() as admin:
            admin.modify(dn, changes)

    def add_group(self, name: str, members: Sequence[str], parent: str = "") -> str:
        """Add a group of the realm. Return its DN."""
        dn = super().add_group(name, members, parent)
        with self.connected() as admin:
            classes = {"objectClass": [(ldap3.MODIFY_ADD, ["ipaObject"])]}
            admin.modify(dn, {**classes, "ipaUniqueID": [(ldap3.MODIFY_ADD, [str(uuid.uuid4())])]})
        return dn

    def sign_in(self, dn: str, password: str) -> bool:
        """Let somebody in or not, as FreeIPA's plug-in does around the bind, and count."""
        held = {name: values[0].decode() for name, values in self.read(dn).items() if values}
        if "krbloginfailedcount" not in held:
            return super().sign_in(dn, password)
        now = datetime.now(UTC)
        if self._locked(held, now) or held.get("krbprincipalexpiration", "9") < f"{now:{_FORM}}":
            return False
        if super().sign_in(dn, password):
            self.modify(dn, krbLoginFailedCount="0")
            return True
        if held.get("nsaccountlock", "").lower() != "true":
            count = int(held["krbloginfailedcount"]) + 1
            self.modify(dn, krbLoginFailedCount=str(count), krbLastFailedAuth=f"{now:{_FORM}}")
        return False

    def lock(self, person: Person, tries: int = 3) -> str:
        """Lock somebody as everybody locks themselves: by wrong passwords. Return the time of the last."""
        for _ in range(tries):
            assert not self.sign_in(person.dn, "a wrong password")
        assert int(self.text(person.dn, "krbLoginFailedCount")) >= tries
        return self.text(person.dn, "krbLastFailedAuth")

    def _locked(self, held: dict[str, str], now: datetime) -> bool:
        policy = held.get("krbpwdpolicyreference", f"cn=global_policy,{REALM}")
        name = policy.partition(",")[0].partition("=")[2]
        most, seconds = map(int, POLICIES[name])
        failed = held.get("krblastfailedauth", "")
        if not most or int(held["krbloginfailedcount"]) < most or held.get("krblastadminunlock", "") >= failed:
            return False
        ends = datetime.strptime(failed, _FORM).replace(tzinfo=UTC) + timedelta(seconds=seconds)
        return not seconds or now < ends


def _unlocking() -> str:
    """Return the right to unlock and nothing else, for all people."""
    names = ("krbLoginFailedCount", "krbLastFailedAuth", "krbLastAdminUnlock")
    anything = [f"{name}:({name}=*)" for name in names]
    adding = " && ".join(["krbLoginFailedCount:(krbLoginFailedCount=0)", *anything[1:]])
    who = f'userdn="ldap:///{AGENT_DN}"'
    return (
        f'(targattrfilters="add={adding}, del={" && ".join(anything)}")(version 3.0; acl "ipa"; allow (write) {who};)'
    )

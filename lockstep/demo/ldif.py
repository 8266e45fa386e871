"""What goes into the demonstration's slapd: its configuration, the entries it starts with, and what befalls people."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from lockstep.demo.people import (
    ADMIN_DN,
    AGENT_DN,
    BASE,
    CANARY_DN,
    CAST,
    GLOBEX,
    GROUPS,
    PEOPLE,
    POLICIES,
    SERVICES,
    STAFF_GROUP_DN,
    Fate,
    Person,
)

_LOCKED_BY_ADMINISTRATOR = "000001010000Z"
"""How a ppolicy directory says "locked for good" (draft-behera-ldap-password-policy, pwdAccountLockedTime)."""
_TIMED_LOCK_S = 1800
_ENDED_AGO = timedelta(days=30)
_BEGINS_IN = timedelta(days=30)


def configuration(folder: Path, admin_password: str) -> str:
    """Return slapd.conf. The agent gets the least that works: read, delete a lock marker, add a member of the staff."""
    schemas = "\n".join(
        f"include /etc/ldap/schema/{name}.schema" for name in ("core", "cosine", "inetorgperson", "namedobject")
    )
    modules = "\n".join(f"moduleload {name}" for name in ("back_mdb", "ppolicy", "memberof", "refint", "syncprov"))
    agent = f'by dn.exact="{AGENT_DN}"'
    return f"""{schemas}
modulepath /usr/lib/ldap
{modules}
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
TLSCACertificateFile {folder}/tls/ca.pem
TLSCertificateFile {folder}/tls/server.pem
TLSCertificateKeyFile {folder}/tls/server.key

database mdb
suffix {BASE}
rootdn "{ADMIN_DN}"
rootpw {admin_password}
directory {folder}/db
maxsize 104857600
index objectClass,entryCSN,entryUUID,uid,member eq
index pwdAccountLockedTime eq,pres
access to attrs=userPassword,pwdHistory
  {agent} =c by self =w by anonymous auth by * none
access to dn.exact="{CANARY_DN}" attrs=pwdAccountLockedTime
  {agent} =rsc by * none
access to attrs=pwdAccountLockedTime
  {agent} =zrsc by * none
access to dn.exact="{STAFF_GROUP_DN}" attrs=member
  {agent} =arscd by * none
access to *
  {agent} read by self read by anonymous auth by * none
limits dn.exact="{AGENT_DN}" size=unlimited
overlay memberof
memberof-group-oc groupOfNames
memberof-refint TRUE
overlay refint
refint_attributes member
overlay syncprov
overlay ppolicy
ppolicy_default cn=default,{POLICIES}
"""


def entries(agent_password: str) -> str:
    """Return the LDIF that slapadd loads: the tree, the policies, the agent, its canary and the people."""
    tree = f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: demo\no: Demonstration\n"
    units = (f"dn: {dn}\nobjectClass: organizationalUnit\n" for dn in (POLICIES, PEOPLE, GROUPS, SERVICES))
    policies = (_policy("default", 0), _policy("timed", _TIMED_LOCK_S), _policy("services", None))
    services = (_service(AGENT_DN, agent_password), _service(CANARY_DN, "never-used-1", locked=True))
    return "\n".join((tree, *units, *policies, *services, *(_entry(person) for person in CAST)))


def groups() -> str:
    """Return the groups as changes to a running server: loaded offline, nobody's memberOf would be kept."""
    staff = [person for person in CAST if person.tenant == "acme"]
    named: dict[str, list[Person]] = {}
    for person in CAST:
        if person.group:
            named.setdefault(f"cn={person.group},{GROUPS}", []).append(person)
    return "\n".join(_group(dn, members) for dn, members in ({STAFF_GROUP_DN: staff} | named).items())


def fates() -> str:
    """Return what the directory's administrators did to people: locked one, let one's validity end, hired one early."""
    now = datetime.now(UTC)
    changes = {
        Fate.ADMINISTRATOR_LOCKED: ("pwdAccountLockedTime", _LOCKED_BY_ADMINISTRATOR),
        Fate.EXPIRED: ("pwdEndTime", _generalized(now - _ENDED_AGO)),
        Fate.NOT_BEGUN: ("pwdStartTime", _generalized(now + _BEGINS_IN)),
    }
    return "\n".join(
        f"dn: {person.dn}\nchangetype: modify\nadd: {changes[person.fate][0]}\n{': '.join(changes[person.fate])}\n"
        for person in CAST
        if person.fate in changes
    )


def _policy(name: str, lockout_s: int | None) -> str:
    lockout = "pwdLockout: FALSE\n"
    if lockout_s is not None:
        lockout = f"pwdLockout: TRUE\npwdMaxFailure: 3\npwdLockoutDuration: {lockout_s}\npwdFailureCountInterval: 0\n"
    head = f"dn: cn={name},{POLICIES}\nobjectClass: namedPolicy\nobjectClass: pwdPolicy\ncn: {name}\n"
    return f"{head}pwdAttribute: userPassword\n{lockout}"


def _service(dn: str, password: str, *, locked: bool = False) -> str:
    mark = f"pwdAccountLockedTime: {_LOCKED_BY_ADMINISTRATOR}\n" if locked else ""
    classes = "objectClass: organizationalRole\nobjectClass: simpleSecurityObject\n"
    name = dn.partition(",")[0].removeprefix("cn=")
    return f"dn: {dn}\n{classes}cn: {name}\nuserPassword: {password}\npwdPolicySubentry: cn=services,{POLICIES}\n{mark}"


def _entry(person: Person) -> str:
    policy = f"pwdPolicySubentry: cn=timed,{POLICIES}\n" if person.fate is Fate.LOCKED_TIMED else ""
    organization = GLOBEX if person.tenant == "globex" else "Acme"
    return (
        f"dn: {person.dn}\nobjectClass: inetOrgPerson\nuid: {person.uid}\n"
        f"cn: {person.given_name} {person.family_name}\ndisplayName: {person.given_name} {person.family_name}\n"
        f"givenName: {person.given_name}\nsn: {person.family_name}\nmail: {person.uid}@{person.tenant}.test\n"
        f"o: {organization}\nuserPassword: {person.password}\n{policy}"
    )


def _group(dn: str, members: list[Person]) -> str:
    listed = "".join(f"member: {person.dn}\n" for person in members)
    return f"dn: {dn}\nchangetype: add\nobjectClass: groupOfNames\n{listed}"


def _generalized(moment: datetime) -> str:
    return f"{moment:%Y%m%d%H%M%S}Z"

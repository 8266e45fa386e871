"""What goes into a test's slapd: its configuration and the entries it starts with."""

from dataclasses import dataclass
from pathlib import Path

BASE = "dc=example,dc=test"
PEOPLE = f"ou=people,{BASE}"
GROUPS = f"ou=groups,{BASE}"
POLICIES = f"ou=policies,{BASE}"
ADMIN_DN = f"cn=admin,{BASE}"
ADMIN_PASSWORD = "admin-of-tests-1"
AGENT_DN = f"cn=agent,ou=services,{BASE}"
AGENT_PASSWORD = "agent-of-tests-1"
DEFAULT_POLICY = f"cn=default,{POLICIES}"
LOG_BASE = "cn=log"

POLICY_ATTRIBUTES: dict[str, dict[str, str]] = {
    "none": {"pwdLockout": "FALSE"},
    "default": {"pwdLockout": "TRUE", "pwdMaxFailure": "3", "pwdLockoutDuration": "0", "pwdMustChange": "TRUE"},
    "timed": {"pwdLockout": "TRUE", "pwdMaxFailure": "3", "pwdLockoutDuration": "1800"},
    "brief": {"pwdLockout": "TRUE", "pwdMaxFailure": "3", "pwdLockoutDuration": "2"},
    "idle": {"pwdLockout": "TRUE", "pwdMaxFailure": "3", "pwdMaxIdle": "3600"},
    "ageing": {"pwdLockout": "TRUE", "pwdMaxFailure": "3", "pwdMaxAge": "86400"},
}
"""The policies by their cn; lengths are seconds, and a lockout of 0 s is one for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlapdOptions:
    """How a test's slapd differs from the usual one.

    `access` holds `access to …` lines that come before the usual ones: what is refused there stays refused. `limits`
    are slapd's for the agent ("size=5"). `provider` makes this a consumer of that server (an ldap:// address).
    `log_writes` keeps every write in `cn=log` (accesslog). `lastbind` lets slapd write pwdLastSuccess at each sign-in.
    `schemas` are files with more of them.
    """

    use_lockout: bool = False
    tls: bool = True
    lastbind: bool = False
    log_writes: bool = False
    limits: str = "size=unlimited"
    default_policy: str = DEFAULT_POLICY
    access: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    provider: str = ""
    certificate_names: tuple[str, ...] = ("DNS:localhost", "IP:127.0.0.1")
    schemas: tuple[str, ...] = ()


def policy_dn(name: str) -> str:
    """Return the address of one of the policies above."""
    return f"cn={name},{POLICIES}"


def configuration(folder: Path, options: SlapdOptions, tls: tuple[Path, Path, Path] | None) -> str:
    """Return slapd.conf; `tls` are the files of the authority, the certificate and the key."""
    sections = [_global(folder, options, tls), "database config", f'rootdn "{ADMIN_DN}"']
    if options.log_writes:
        sections.append(_log_database(folder))
    sections.append(_database(folder, options))
    return "\n".join(sections)


def seed() -> str:
    """Return the LDIF that slapadd loads: the tree, the policies and the agent; people and groups come over LDAP."""
    tree = [_entry(BASE, "dcObject", "organization", dc="example", o="Example")]
    units = ("people", "groups", "policies", "services")
    tree += [_entry(f"ou={unit},{BASE}", "organizationalUnit", ou=unit) for unit in units]
    policies = [
        _entry(policy_dn(name), "namedPolicy", "pwdPolicy", cn=name, pwdAttribute="userPassword", **attributes)
        for name, attributes in POLICY_ATTRIBUTES.items()
    ]
    secret = {"userPassword": AGENT_PASSWORD, "pwdPolicySubentry": policy_dn("none")}
    agent = _entry(AGENT_DN, "organizationalRole", "simpleSecurityObject", cn="agent", **secret)
    return "\n".join([*tree, *policies, agent])


def _entry(dn: str, *classes: str, **attributes: str) -> str:
    lines = [f"dn: {dn}", *(f"objectClass: {name}" for name in classes)]
    lines += [f"{name}: {value}" for name, value in attributes.items()]
    return "\n".join(lines) + "\n"


def _global(folder: Path, options: SlapdOptions, tls: tuple[Path, Path, Path] | None) -> str:
    schemas = ("core", "cosine", "inetorgperson", "namedobject")
    modules = ("back_mdb", "back_ldap", "ppolicy", "memberof", "refint", "syncprov", "accesslog")
    lines = [f"include /etc/ldap/schema/{name}.schema" for name in schemas]
    lines += [f"include {file}" for file in options.schemas]
    lines += ["modulepath /usr/lib/ldap", *(f"moduleload {name}" for name in modules)]
    lines += [f"pidfile {folder}/slapd.pid", f"argsfile {folder}/slapd.args"]
    if tls:
        names = ("TLSCACertificateFile", "TLSCertificateFile", "TLSCertificateKeyFile")
        lines += [f"{name} {file}" for name, file in zip(names, tls, strict=True)]
    # slapd.conf takes one backslash away, the regular expression needs the other.
    root = r"gidNumber=0\\+uidNumber=0,cn=peercred,cn=external,cn=auth"
    anybody = r"gidNumber=[0-9]+\\+uidNumber=[0-9]+,cn=peercred,cn=external,cn=auth"
    lines += [f'authz-regexp "{who}" "{AGENT_DN}"' for who in (root, anybody)]
    return "\n".join(lines)


def _log_database(folder: Path) -> str:
    return f"""database mdb
suffix {LOG_BASE}
rootdn "{ADMIN_DN}"
directory {folder}/log
maxsize 104857600
dbnosync
index reqStart,objectClass eq
"""


def _database(folder: Path, options: SlapdOptions) -> str:
    lines = ["database mdb", f"suffix {BASE}", f'rootdn "{ADMIN_DN}"', f"rootpw {ADMIN_PASSWORD}"]
    lines += [f"directory {folder}/db", "maxsize 104857600", "dbnosync"]
    lines += ["index objectClass,entryCSN,entryUUID,uid,member,pwdAccountLockedTime eq"]
    lines += [f"lastbind {'on' if options.lastbind else 'off'}", *options.access, *_USUAL_ACCESS]
    lines += [f'limits dn.exact="{AGENT_DN}" {options.limits}', *_consumer(options.provider)]
    lines += ["overlay memberof", "memberof-group-oc groupOfNames", "memberof-refint TRUE"]
    lines += ["overlay refint", "refint_attributes member", "overlay ppolicy"]
    lines += [f"ppolicy_default {options.default_policy}"] if options.default_policy else []
    lines += ["ppolicy_use_lockout"] if options.use_lockout else []
    lines += ["overlay syncprov", "syncprov-sessionlog 1000"]
    lines += (
        ["overlay accesslog", f"logdb {LOG_BASE}", "logops writes", "logsuccess TRUE"] if options.log_writes else []
    )
    return "\n".join([*lines, *options.extra, ""])


def _consumer(provider: str) -> tuple[str, ...]:
    if not provider:
        return ()
    credentials = f'bindmethod=simple binddn="{ADMIN_DN}" credentials={ADMIN_PASSWORD}'
    replica = f'syncrepl rid=001 provider={provider} searchbase="{BASE}" type=refreshAndPersist retry="1 +" attrs="*,+"'
    return (f"{replica} {credentials}", f"updateref {provider}")


_USUAL_ACCESS = (
    f'access to attrs=userPassword,pwdHistory by dn.exact="{AGENT_DN}" =c by self =w by anonymous auth by * none',
    f'access to attrs=pwdAccountLockedTime by dn.exact="{AGENT_DN}" =zrsc by * none',
    f'access to * by dn.exact="{AGENT_DN}" read by self read by anonymous auth by * none',
)
"""The least that works: read everything but passwords, delete a lock marker and nothing else."""

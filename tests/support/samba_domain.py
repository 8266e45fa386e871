"""What goes into a test's domain: its configuration, its policies, and the entries that it starts with."""

import struct
from pathlib import Path

import ldap3

REALM, WORKGROUP = "EXAMPLE.TEST", "EXAMPLE"
BASE = "DC=example,DC=test"
PEOPLE = f"OU=People,{BASE}"
GROUPS = f"OU=Groups,{BASE}"
SERVICES = f"OU=Services,{BASE}"
POLICIES = f"CN=Password Settings Container,CN=System,{BASE}"
ADMIN_NAME, ADMIN_PASSWORD = f"Administrator@{REALM.lower()}", "Adm1n-of-tests!"
AGENT_DN = f"CN=agent,{SERVICES}"
READER_DN = f"CN=reader,{SERVICES}"
LOCKOUT_RIGHT = "28630ebf-41d5-11d1-a9c1-0000f80367c1"
FOR_EVER = "-9223372036854775808"
HALF_AN_HOUR = str(-30 * 60 * 10**7)
TWO_SECONDS = str(-2 * 10**7)
FINE_POLICIES = {"timed": (10, "3", HALF_AN_HOUR), "brief": (20, "3", TWO_SECONDS), "none": (30, "0", HALF_AN_HOUR)}
"""By name: precedence, how many wrong passwords lock, and for how long. The domain's own policy locks for good."""
EVERY_ACCOUNT = bytes.fromhex("01010000000000050b000000")
"""S-1-5-11 (Authenticated Users), as security descriptors hold it (MS-DTYP 2.4.2)."""
_ADMINISTRATORS = bytes.fromhex("01020000000000052000000020020000")
_ALL, _READ = 0xF01FF, 0x20094
DACL_ONLY = 0x04
_ADDRESS = "127.0.0.77/32"
"""An address that this machine does not have: the controller opens no port."""


def password_of(name: str) -> str:
    """Return the right password of somebody."""
    return f"Right-{name}-1!"


def fine_policy(name: str) -> str:
    """Return the DN of a fine-grained policy."""
    return f"CN={name},{POLICIES}"


def configuration(folder: Path) -> str:
    """Return smb.conf for a controller that answers LDAP on a socket, in a folder of its own."""
    return f"""[global]
realm = {REALM}
workgroup = {WORKGROUP}
netbios name = DC1
server role = active directory domain controller
server services = ldap
interfaces = {_ADDRESS}
bind interfaces only = yes
private dir = {folder}/private
state directory = {folder}/state
lock directory = {folder}
cache directory = {folder}/cache
pid directory = {folder}/run
ncalrpc dir = {folder}/ncalrpc
log file = {folder}/log
ldap server require strong auth = no
tls enabled = no
"""


def seed(admin: ldap3.Connection) -> None:
    """Add units, policies and the agent's accounts; three wrong passwords lock for good."""
    policy = {"lockoutThreshold": "3", "lockoutDuration": FOR_EVER, "lockOutObservationWindow": HALF_AN_HOUR}
    changes = {name: [(ldap3.MODIFY_REPLACE, [value])] for name, value in {**policy, "minPwdAge": "0"}.items()}
    admin.modify(BASE, changes)
    for unit in (PEOPLE, GROUPS, SERVICES):
        admin.add(unit, ["organizationalUnit"])
    for name, (precedence, threshold, duration) in FINE_POLICIES.items():
        admin.add(fine_policy(name), ["msDS-PasswordSettings"], _fine_policy(precedence, threshold, duration))
    for dn in (AGENT_DN, READER_DN):
        _add_account(admin, dn)


def _add_account(admin: ldap3.Connection, dn: str) -> None:
    """Add an account of the agent's: under a policy that never locks it, without any right of its own."""
    name = dn.partition(",")[0].partition("=")[2]
    quoted = f'"{password_of(name)}"'.encode("utf-16-le")
    admin.add(dn, ["user"], {"sAMAccountName": name, "unicodePwd": quoted, "userAccountControl": "512"})
    admin.modify(fine_policy("none"), {"msDS-PSOAppliesTo": [(ldap3.MODIFY_ADD, [dn])]})


def _fine_policy(precedence: int, threshold: str, duration: str) -> dict[str, str]:
    return {
        "msDS-PasswordSettingsPrecedence": str(precedence),
        "msDS-PasswordReversibleEncryptionEnabled": "FALSE",
        "msDS-PasswordHistoryLength": "0",
        "msDS-PasswordComplexityEnabled": "FALSE",
        "msDS-MinimumPasswordLength": "0",
        "msDS-MinimumPasswordAge": "0",
        "msDS-MaximumPasswordAge": FOR_EVER,
        "msDS-LockoutThreshold": threshold,
        "msDS-LockoutObservationWindow": duration,
        "msDS-LockoutDuration": duration,
    }


def protected_descriptor(*readers: bytes) -> bytes:
    """Return a security descriptor: administrators may do everything, `readers` (SIDs) read; nothing is inherited.

    MS-DTYP 2.4.6: control bits "there is a DACL", "it is protected", "self-relative".
    """
    entries = [(_ALL, _ADMINISTRATORS), *((_READ, sid) for sid in readers)]
    listed = b"".join(struct.pack("<BBHI", 0, 0, 8 + len(sid), mask) + sid for mask, sid in entries)
    dacl = struct.pack("<BBHHH", 4, 0, 8 + len(listed), len(entries), 0) + listed
    return struct.pack("<BBHIIII", 1, 0, 0x8000 | 0x1000 | 0x0004, 0, 0, 0, 20) + dacl

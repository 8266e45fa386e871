"""What the contract of all dialects asks of a real server: one more vendor is one more class here.

`default` is the policy that locks for good after three wrong passwords, `timed` for half an hour, `brief` for 2 s.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol, cast

import ldap3

from agent.directories import ad_rights
from tests.support import ad_side, ns_slapd, samba_domain, slapd_config
from tests.support.certificates import CertificateAuthority
from tests.support.intruder_slapd import IntruderSlapd
from tests.support.ipa_server import IpaServer
from tests.support.ns_slapd import NsSlapd
from tests.support.samba_dc import SambaDc
from tests.support.slapd import Person, Slapd
from tests.support.sync_world import SyncWorld, open_sync_world

READER_DN, READER_PASSWORD = f"cn=reader,ou=services,{slapd_config.BASE}", "reader-of-tests-1"
LONG_AGO = "20200101000000Z"


class Server(Protocol):
    """What an administrator and people do at any server, without the agent's code."""

    @property
    def url(self) -> str:
        """Return the address."""
        ...

    def start(self) -> None:
        """Start it."""
        ...

    def stop(self) -> None:
        """Stop it, and leave nothing."""
        ...

    def connected(self) -> AbstractContextManager[ldap3.Connection]:
        """Hold an open connection of the administrator."""
        ...

    def add_person(self, uid: str = "", *, parent: str = ..., policy: str = "", **attributes: str) -> Person:
        """Add somebody under a policy."""
        ...

    def modify(self, dn: str, **attributes: Any) -> None:
        """Replace attributes."""
        ...

    def delete(self, dn: str) -> None:
        """Remove an entry."""
        ...

    def text(self, dn: str, name: str) -> str:
        """Return the one value of an attribute, or empty text."""
        ...

    def sign_in(self, dn: str, password: str) -> bool:
        """Return whether the server lets this person in."""
        ...

    def lock(self, person: Person, tries: int = 3) -> str:
        """Lock somebody by wrong passwords."""
        ...


@dataclass(frozen=True, kw_only=True)
class DialectServer:
    """A running server, the settings for it, and how its vendor spells what the contract does.

    `disabling` are the attributes by which an administrator disables somebody, `markers` those of a lock by wrong
    passwords, `expiring` those of a validity that ended: none where the vendor has no such thing. `enabling` and
    `unlocking` undo that, by no value at all where nothing else is said. `spared` are attributes that the account must
    not be able to write, with a value: by default all that lock somebody. `naming` and `user_name` are the attribute
    that an entry is named by, and the one that holds the user name, where that is another. `users_filter` finds people
    where the usual one does not. `reset_unlocks` = a new password ends a lock by wrong ones, `refuses` = the server
    itself refuses the locked: else the fixture does so in its place. `reader` is an
    account that reads what the agent reads and writes nothing. `tells_locks` = a sign-in says that it is a lock,
    `tells_time` = the server says what time it is, `tells_length` = a policy says how long a lock lasts.
    """

    name: str
    server: Server
    settings: dict[str, Any]
    reader: dict[str, str]
    disabling: dict[str, str]
    markers: tuple[str, ...]
    expiring: dict[str, str]
    tells_locks: bool
    tells_time: bool
    enabling: dict[str, str] = field(default_factory=dict)
    unlocking: dict[str, str] = field(default_factory=dict)
    spared: dict[str, str] = field(default_factory=dict)
    naming: str = "uid"
    user_name: str = "uid"
    users_filter: str = ""
    reset_unlocks: bool = True
    tells_length: bool = True
    refuses: bool = True

    def world(self, folder: Path) -> SyncWorld:
        """Return a corner of the directory under sync. Close its store when done."""
        # A world asks a server for nothing but what `Server` says, except in tests that are slapd's own.
        world = open_sync_world(cast("Slapd", self.server), folder)
        world.configure(**self.settings)
        if self.users_filter:
            world.configure(users={"base": world.unit, "filter": self.users_filter})
        return world

    def unlock(self, person: Person) -> None:
        """Unlock somebody as the help desk does, without Lockstep."""
        changes: dict[str, Any] = dict(self.unlocking) or {name: [] for name in self.markers}
        self.server.modify(person.dn, **changes)

    def enable(self, person: Person) -> None:
        """Enable somebody again."""
        changes: dict[str, Any] = dict(self.enabling) or {name: [] for name in self.disabling}
        self.server.modify(person.dn, **changes)

    def not_to_be_written(self) -> dict[str, str]:
        """Return what the account must not be able to write, each with a value that would do harm."""
        marked = {name: "3" if "Count" in name else "20990101000000Z" for name in self.markers}
        usual = marked | self.disabling | {"userPassword": "a new one", "description": "x"}
        return self.spared or usual

    def rename(self, person: Person, name: str) -> Person:
        """Give somebody another name, and another user name with it."""
        rdn = f"{self.naming}={name}"
        with self.server.connected() as admin:
            admin.modify_dn(person.dn, rdn)
        dn = f"{rdn},{person.dn.partition(',')[2]}"
        self.server.modify(dn, **{self.user_name: name})
        return Person(uid=name, dn=dn, password=person.password, entry_id=person.entry_id)

    def move(self, person: Person, parent: str) -> Person:
        """Put somebody elsewhere."""
        rdn = person.dn.partition(",")[0]
        with self.server.connected() as admin:
            admin.modify_dn(person.dn, rdn, new_superior=parent)
        return Person(uid=person.uid, dn=f"{rdn},{parent}", password=person.password, entry_id=person.entry_id)


def openldap(authority: CertificateAuthority) -> DialectServer:
    """Return a slapd, not yet started, that tells locks and knows an account which only reads."""
    access = f'access to * by dn.exact="{READER_DN}" read by * break'
    server = Slapd(authority, slapd_config.SlapdOptions(tls=False, use_lockout=True, access=(access,)))
    return DialectServer(
        name="openldap",
        server=server,
        settings={},
        reader={"dn": READER_DN, "password": READER_PASSWORD},
        disabling={"pwdAccountLockedTime": "000001010000Z"},
        markers=("pwdAccountLockedTime",),
        expiring={"pwdEndTime": LONG_AGO},
        tells_locks=True,
        tells_time=False,
    )


def ds389(authority: CertificateAuthority) -> DialectServer:  # noqa: ARG001 - the same for every vendor
    """Return an ns-slapd, not yet started."""
    settings = {
        "dialect": "389ds",
        "bind": {"dn": ns_slapd.AGENT_DN, "password": ns_slapd.AGENT_PASSWORD},
        "default_policy": None,
    }
    return DialectServer(
        name="389ds",
        server=NsSlapd(),
        settings=settings,
        reader={"dn": ns_slapd.READER_DN, "password": ns_slapd.READER_PASSWORD},
        disabling={"nsAccountLock": "true"},
        markers=("accountUnlockTime", "passwordRetryCount", "retryCountResetTime"),
        expiring={},
        tells_locks=True,
        tells_time=True,
    )


class _GrantedDc(SambaDc):
    """A domain controller on which the agent's account has the rights of the recipe."""

    def start(self) -> None:
        """Start it, and apply the recipe to all of the domain."""
        super().start()
        everywhere = replace(ad_side.NEEDS, reading=replace(ad_side.RULES, base=samba_domain.BASE))
        ad_side.grant(self, ad_rights.recipe(everywhere))


def ad(authority: CertificateAuthority) -> DialectServer:  # noqa: ARG001 - the same for every vendor
    """Return a domain controller of Samba's, not yet started."""
    settings = {
        "dialect": "ad",
        "bind": {"dn": samba_domain.AGENT_DN, "password": samba_domain.password_of("agent")},
        "attributes": {"userName": "sAMAccountName"},
        "default_policy": None,
    }
    enabled, disabled = {"userAccountControl": "512"}, {"userAccountControl": "514"}
    return DialectServer(
        name="ad",
        server=_GrantedDc(),
        settings=settings,
        reader={"dn": samba_domain.READER_DN, "password": samba_domain.password_of("reader")},
        disabling=disabled,
        enabling=enabled,
        markers=("lockoutTime",),
        unlocking={"lockoutTime": "0"},
        expiring={"accountExpires": "132223104000000000"},
        spared={**disabled, "accountExpires": "132223104000000000", "pwdLastSet": "0", "description": "x"},
        naming="CN",
        users_filter=ad_side.PERSONS,
        reset_unlocks=False,
        user_name="sAMAccountName",
        tells_locks=True,
        tells_time=True,
    )


def freeipa(authority: CertificateAuthority) -> DialectServer:  # noqa: ARG001 - the same for every vendor
    """Return an ns-slapd with FreeIPA's schema, not yet started."""
    return DialectServer(
        name="freeipa",
        server=IpaServer(),
        settings={
            "dialect": "freeipa",
            "bind": {"dn": ns_slapd.AGENT_DN, "password": ns_slapd.AGENT_PASSWORD},
            "default_policy": None,
        },
        reader={"dn": ns_slapd.READER_DN, "password": ns_slapd.READER_PASSWORD},
        disabling={"nsAccountLock": "true"},
        markers=("krbLoginFailedCount",),
        unlocking={"krbLoginFailedCount": "0"},
        expiring={"krbPrincipalExpiration": LONG_AGO},
        spared={"krbLoginFailedCount": "9", "nsAccountLock": "true", "userPassword": "a new one", "description": "x"},
        reset_unlocks=False,
        refuses=False,
        tells_locks=True,
        tells_time=True,
    )


def generic(authority: CertificateAuthority) -> DialectServer:
    """Return a slapd with another vendor's attributes, not yet started, and the mapping that describes them."""
    access = f'access to * by dn.exact="{READER_DN}" read by * break'
    lock = {
        "attribute": "lockedByIntruder",
        "syntax": "boolean",
        "ends": "loginIntruderResetTime",
        "free": "FALSE",
        "resets": ["loginIntruderAttempts: 0", "loginIntruderResetTime"],
    }
    mapping = {
        "lock": lock,
        "disabled": {"attribute": "loginDisabled", "syntax": "boolean", "free": "FALSE"},
        "expired": {"attribute": "loginExpirationTime", "syntax": "since"},
        "failures": "loginIntruderAttempts",
        "max_failures": 3,
        "assertion": True,
    }
    return DialectServer(
        name="generic",
        server=IntruderSlapd(authority, (access,)),
        settings={"dialect": "generic", "mapping": mapping, "default_policy": None},
        reader={"dn": READER_DN, "password": READER_PASSWORD},
        disabling={"loginDisabled": "TRUE"},
        markers=("loginIntruderAttempts",),
        unlocking={"lockedByIntruder": "FALSE", "loginIntruderAttempts": "0"},
        expiring={"loginExpirationTime": LONG_AGO},
        spared={"lockedByIntruder": "TRUE", "loginDisabled": "TRUE", "userPassword": "a new one", "description": "x"},
        reset_unlocks=False,
        refuses=False,
        tells_locks=True,
        tells_time=False,
        tells_length=False,
    )


def started(made: DialectServer) -> DialectServer:
    """Start a server, and give it the account that only reads where it comes without."""
    made.server.start()
    if made.reader["dn"] == READER_DN:
        account = {"cn": "reader", "userPassword": READER_PASSWORD}
        with made.server.connected() as admin:
            admin.add(READER_DN, ["organizationalRole", "simpleSecurityObject"], account)
    return made


SERVERS = {"openldap": openldap, "389ds": ds389, "ad": ad, "freeipa": freeipa, "generic": generic}
WITH_VALIDITY = ("openldap", "ad", "freeipa", "generic")
"""The vendors whose accounts have dates of validity."""

"""What an administrator and a person do in any directory, with ldap3 alone and never through the agent's code."""

import itertools
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import ldap3

from tests.support.slapd import Person

_NUMBERS = itertools.count(1)


class LdapAdministrator:
    """A server on a loopback port, as its administrator and its people use it. A vendor's server says the rest."""

    admin_dn: str
    admin_password: str
    id_attribute: str
    people: str
    groups: str
    port: int
    refusals: frozenset[int]
    """The result codes with which the server refuses a sign-in: a wrong password, a lock."""

    @property
    def url(self) -> str:
        """Return the address for plaintext."""
        return f"ldap://127.0.0.1:{self.port}"

    @contextmanager
    def connected(self, dn: str = "", password: str = "") -> Iterator[ldap3.Connection]:
        """Hold an open connection of the administrator or somebody else; every refusal raises ldap3's error."""
        server = ldap3.Server("127.0.0.1", self.port, get_info=ldap3.NONE, connect_timeout=10)
        quiet = {"raise_exceptions": True, "check_names": False, "return_empty_attributes": False}
        who = (dn or self.admin_dn, password or self.admin_password)
        connection = ldap3.Connection(server, *who, receive_timeout=10, auto_referrals=False, **quiet)
        try:
            connection.bind()
            yield connection
        finally:
            connection.unbind()

    def add_person(self, uid: str = "", *, parent: str = "", policy: str = "", **attributes: str) -> Person:
        """Add somebody with a right password of their own; `policy` is the name of one of the fixture's policies."""
        uid = uid or f"person{next(_NUMBERS)}-{os.getpid()}"
        person = {"uid": uid, "cn": uid, "sn": uid, "mail": f"{uid}@example.test", "userPassword": f"right-{uid}"}
        dn = f"uid={uid},{parent or self.people}"
        with self.connected() as admin:
            admin.add(dn, "inetOrgPerson", {**person, **attributes})
        self.govern(dn, policy)
        return Person(uid=uid, dn=dn, password=person["userPassword"], entry_id=self.text(dn, self.id_attribute))

    def govern(self, dn: str, policy: str) -> None:
        """Put somebody under one of the fixture's policies."""
        raise AssertionError(f"this server has no policy {policy} for {dn}")

    def add_group(self, name: str, members: Sequence[str], parent: str = "") -> str:
        """Add a group and return its DN."""
        dn = f"cn={name},{parent or self.groups}"
        with self.connected() as admin:
            admin.add(dn, "groupOfNames", {"cn": name, "member": list(members)})
        return dn

    def modify(self, dn: str, **attributes: str | Sequence[str]) -> None:
        """Replace attributes as the administrator; an empty list removes one."""
        changes = {
            name: [(ldap3.MODIFY_REPLACE, [values] if isinstance(values, str) else list(values))]
            for name, values in attributes.items()
        }
        with self.connected() as admin:
            admin.modify(dn, changes)

    def delete(self, dn: str) -> None:
        """Remove an entry."""
        with self.connected() as admin:
            admin.delete(dn)

    def read(self, dn: str, *names: str) -> dict[str, list[bytes]]:
        """Return an entry's attributes, all of them unless named; lower-cased names, raw values."""
        with self.connected() as admin:
            admin.search(dn, "(objectClass=*)", ldap3.BASE, attributes=list(names) or ["*", "+"])
            return {name.lower(): list(values) for name, values in admin.response[0]["raw_attributes"].items()}

    def text(self, dn: str, name: str) -> str:
        """Return the one value of an attribute, or empty text."""
        return next(iter(self.read(dn, name).get(name.lower(), [])), b"").decode()

    def sign_in(self, dn: str, password: str) -> bool:
        """Return whether the directory itself lets this person in; any answer but yes and no fails the test."""
        server = ldap3.Server("127.0.0.1", self.port, get_info=ldap3.NONE, connect_timeout=10)
        connection = ldap3.Connection(server, dn, password, receive_timeout=10)
        try:
            connection.bind()
            code = int(connection.result["result"])
        finally:
            connection.unbind()
        assert code == 0 or code in self.refusals, connection.result["description"]
        return code == 0

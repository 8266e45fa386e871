"""A configured directory for tests that need settings and no server."""

from typing import Any

from agent.configured import ConfiguredDirectory, configured
from config.settings import Settings
from tests.support.agent_side import MemoryCircuits, WallClock

STAFF = "cn=staff,ou=groups,dc=x"
ADMINS = "cn=admins,ou=groups,dc=x"
AUDITORS = "cn=auditors,ou=groups,dc=x"
RULES = {
    "staff": {"tenant": "acme", "group": STAFF},
    "desk": {"tenant": "acme", "attribute": "departmentNumber", "value": "Help Desk"},
    "guests": {"tenant": "globex", "subtree": "ou=guests,ou=people,dc=x"},
}


def directory(**top: Any) -> ConfiguredDirectory:
    """Return a directory with one rule of each kind, and role groups."""
    roles = {
        "co_administrator": {"directory": "corp", "group": ADMINS},
        "auditor": {"directory": "corp", "group": AUDITORS},
    }
    corp = {
        "dialect": "openldap",
        "servers": ["ldaps://ldap.x.test"],
        "base": "dc=x",
        "bind": {"dn": "cn=agent,dc=x", "password": "secret"},
        "canary": "cn=canary,dc=x",
        "rules": RULES,
    }
    usual: dict[str, Any] = {"tenants": {"acme": {"roles": roles}, "globex": {}}, "directories": {"corp": corp}}
    return configured(Settings(**{**usual, **top}), "corp", MemoryCircuits(), WallClock())

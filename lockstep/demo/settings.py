"""The settings under which the demonstration runs: what an administrator would write, but for its haste."""

from pathlib import Path

from lockstep.demo.directory import DirectoryPlace
from lockstep.demo.people import AGENT_DN, BASE, CANARY_DN, GLOBEX, GROUPS, PEOPLE, POLICIES, STAFF_GROUP_DN, person

DIRECTORY = "corp"
CONNECTION = "acme_idp"


def settings(folder: Path, port: int, directory: DirectoryPlace) -> str:
    """Return lockstep.toml. A tick of 3 s and an un-affiliation believed at once: you are watching, not waiting."""
    return _installation(folder, port) + _directory(folder, directory)


def _installation(folder: Path, port: int) -> str:
    return f"""[store]
url = "sqlite:///{folder}/lockstep.db"

[web]
port = {port}
workers = 1

[log]
level = "info"
format = "console"

[affiliation]
confirm = 0

[protected]
user_names = ["{person("protected").uid}"]

[tenants.acme]
display_name = "Acme Ltd."
contact = "the service desk, telephone 4711"
[tenants.acme.roles]
co_administrator = {{ directory = "{DIRECTORY}", group = "cn=co admins,{GROUPS}" }}
account_administrator = {{ directory = "{DIRECTORY}", group = "cn=account admins,{GROUPS}" }}
auditor = {{ directory = "{DIRECTORY}", group = "cn=auditors,{GROUPS}" }}

[tenants.globex]
display_name = "{GLOBEX} Inc."
[tenants.globex.roles]
co_administrator = {{ directory = "{DIRECTORY}", group = "cn=globex co admins,{GROUPS}" }}

[connections.{CONNECTION}]
tenant = "acme"
role = "provisioner"

"""


def _directory(folder: Path, directory: DirectoryPlace) -> str:
    return f"""[directories.{DIRECTORY}]
dialect = "openldap"
servers = ["ldap://localhost:{directory.port}"]
base = "{BASE}"
bind = {{ dn = "{AGENT_DN}", password_file = "{folder}/agent-password" }}
tls = {{ ca_file = "{directory.ca_file}" }}
mode = "enforce"
users = {{ base = "{PEOPLE}" }}
canary = "{CANARY_DN}"
default_policy = "cn=default,{POLICIES}"

[directories.{DIRECTORY}.rules.acme]
tenant = "acme"
group = "{STAFF_GROUP_DN}"
restore = true

[directories.{DIRECTORY}.rules.globex]
tenant = "globex"
attribute = "o"
value = "{GLOBEX}"

[directories.{DIRECTORY}.schedule]
tick = 3
changes = "push"
jitter = 0
reconcile_every = "10m"
"""

"""The settings that `lockstep init` writes: what was found, what was guessed, and what to choose, each with a comment.

They observe only, and everybody who was found belongs to one tenant: until somebody chooses who is affiliated, nobody
can be unaffiliated. Whatever came from the directory stands in quotation marks, in comments too: no name of an entry
can add a line.
"""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

from agent.directories.explaining import policy_line
from agent.directories.names import parent_of
from agent.directories.openldap_survey import Survey
from config.document import as_toml

DIRECTORY = "corp"
_NO_TENANT = "main"
_PACKAGED = Path("/etc")
_SHOWN = 8
_AD = "ad"
_GLOBAL_POLICY = {"389ds": "cn=config", "freeipa": "cn=kerberos", _AD: "the domain's own entry"}
"""Where the policy of those who name none stands, for the products that have one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How the directory was reached. `bind_dn` empty = nobody signed in, or the socket said who asks (`external`)."""

    url: str
    external: bool = False
    bind_dn: str = ""
    password_file: Path | None = None
    ca_file: Path | None = None
    plaintext: bool = False

    @property
    def complete(self) -> bool:
        """Return whether settings can say how Lockstep comes in."""
        return self.external or bool(self.bind_dn)


def next_commands(file: Path | None) -> tuple[str, ...]:
    """Return the three commands to type next, once the settings are in `file`."""
    program = f"lockstep --config {shlex.quote(str(file or 'lockstep.toml'))}"
    return (f"{program} migrate", f"{program} check --online", f"{program} sync --reconcile --dry-run")


def settings_text(found: Survey, way: Way, product: str, file: Path | None) -> str:
    """Return the text of lockstep.toml."""
    blocks = [_head(way, product, file), _store(file), _tenant(found), _directory(found, way), _users(found)]
    return "\n".join([*blocks, _rules(found), _schedule()])


def tenant_name(base: str) -> str:
    """Return a name for the first tenant, made of the base: "dc=Example,dc=com" gives example."""
    value = base.partition(",")[0].partition("=")[2].lower()
    return re.sub(r"[^a-z0-9]+", "_", value).strip("_") or _NO_TENANT


def _head(way: Way, product: str, file: Path | None) -> str:
    lines = [
        f"# Lockstep's settings, written by `lockstep init` for {as_toml(way.url)}, {as_toml(product)}. Type next:",
        *(f"#   {command}" for command in next_commands(file)),
        "#",
        "# This directory is only observed: nobody is locked or unlocked before `lockstep enable`. What is marked",
        "# GUESSED was concluded from what is there: look at it. docs/settings.md has every key.",
    ]
    if not way.complete:
        lines += [
            "#",
            "# Nobody signed in while this was written. Make an account for Lockstep in the directory, correct [bind]",
            f"# below, and put the password into its file; `lockstep rights {DIRECTORY}` prints the rights it needs.",
        ]
    return "\n".join([*lines, ""])


def _store(file: Path | None) -> str:
    """Return where to keep things: where packages keep theirs, or beside a file of somebody who tries it."""
    if file is None or file.is_relative_to(_PACKAGED):
        return '[store]\n#url = "sqlite:////var/lib/lockstep/lockstep.db"  # the default\n'
    return f"[store]\nurl = {as_toml(f'sqlite:///{file.parent / file.stem}.db')}\n"


def _tenant(found: Survey) -> str:
    name = tenant_name(found.base)
    return f"""# One company account. GUESSED: its name, from the base.
[tenants.{name}]
#display_name = "Example Ltd."
# Who may unlock: the members of a group. Without one, tokens of people work until they expire.
#[tenants.{name}.roles]
#co_administrator = {{ directory = "{DIRECTORY}", group = {as_toml(_example_group(found))} }}
"""


def _example_group(found: Survey) -> str:
    return f"cn=lockstep-admins,{parent_of(found.groups[0].dn) if found.groups else f'ou=groups,{found.base}'}"


def _directory(found: Survey, way: Way) -> str:
    contexts = [context for context in found.contexts if context != found.base]
    others = f"  # other naming contexts: {as_toml(contexts[:_SHOWN])}" if contexts else ""
    lines = [
        f"[directories.{DIRECTORY}]",
        f"dialect = {as_toml(found.dialect)}",
        f"servers = [{as_toml(way.url)}]  # and its replicas: a lock may exist on one server only",
        f"base = {as_toml(found.base)}{others}",
        f"bind = {_bind(found, way)}",
        *_tls(way),
        'mode = "observe"',
        *_default_policy(found),
        *_canary(found),
    ]
    return "\n".join([*lines, ""])


def _bind(found: Survey, way: Way) -> str:
    if way.external:
        return '{ method = "external" }  # the operating system\'s user who runs Lockstep'
    dn = way.bind_dn or f"cn=lockstep,{found.base}"
    file = way.password_file or Path("secrets") / f"{DIRECTORY}-bind-password"
    return f"{{ dn = {as_toml(dn)}, password_file = {as_toml(file)} }}"


def _tls(way: Way) -> list[str]:
    if way.plaintext:
        return ['tls = { mode = "none" }  # the server offers no StartTLS; it is on this machine']
    return [f"tls = {{ ca_file = {as_toml(way.ca_file)} }}"] if way.ca_file else []


def _default_policy(found: Survey) -> list[str]:
    """Return the policy of those who name none, and what each policy does."""
    if found.dialect in _GLOBAL_POLICY:
        told = [f"#   {as_toml(policy_line(policy))}" for policy in found.policies]
        where = _GLOBAL_POLICY[found.dialect]
        return ["# The global password policy:", *(told or [f"#   not known: the account may not read it in {where}."])]
    if not found.ppolicy:
        return ["# The overlay ppolicy is not loaded: wrong passwords lock nobody in this directory."]
    told = [f"#   {as_toml(policy_line(policy))}" for policy in found.policies[:_SHOWN]]
    there = ["# Policies that can be seen:" if told else "# No policy can be seen.", *told]
    if not found.default_policy:
        example = as_toml(f"cn=default,ou=policies,{found.base}")
        why = "# The policy of users that name none (ppolicy_default in slapd's configuration) is not known."
        return [why, *there, f"#default_policy = {example}"]
    why = "# GUESSED: the policy of users that name none (ppolicy_default in slapd's configuration)."
    return [why, *there, f"default_policy = {as_toml(found.default_policy)}"]


def _canary(found: Survey) -> list[str]:
    """Return the entry that proves that locks are seen, if one is called so."""
    if found.dialect == _AD:
        return []
    why = "# An entry that is always locked proves that locks can be seen; without one fewer unlocks are believed."
    if found.canary:
        return [why, f"canary = {as_toml(found.canary)}  # GUESSED by its name"]
    return [why, f"#canary = {as_toml(f'uid=lockstep-canary,{found.users_base}')}"]


def _users(found: Survey) -> str:
    looked = f"{found.people} were looked at" if found.people else "none could be seen"
    lines = [
        f"# GUESSED: where people are, and what makes an entry a person; {looked}.",
        f"[directories.{DIRECTORY}.users]",
        f"base = {as_toml(found.users_base)}",
        f'filter = "{_filter(found)}"',
        "",
        "# GUESSED: which attributes say what. docs/settings.md lists all; an empty text means: not read.",
        f"[directories.{DIRECTORY}.attributes]",
        f'userName = "{found.user_name}"',
        f'displayName = "{found.display_name}"',
        "",
    ]
    return "\n".join(lines)


def _filter(found: Survey) -> str:
    """Return what makes an entry a person: in Active Directory computers are users too, but for their category."""
    by_class = f"(objectClass={found.users_class})"
    return f"(&(objectCategory=person){by_class})" if found.dialect == _AD else by_class


def _rules(found: Survey) -> str:
    """Return one rule that everybody matches, and the groups that may be meant instead."""
    tenant = tenant_name(found.base)
    choices = [
        f"#group = {as_toml(group.dn)}  # {group.members} members, {group.people} of them among the people looked at"
        for group in found.groups
    ]
    lines = [
        "# Who belongs to the company account. To begin with: everybody, so that nobody is ever unaffiliated. Better:",
        "# the members of a group; replace subtree by one of the lines below it. With restore = true an unlock may put",
        "# a person back into the group.",
        f"[directories.{DIRECTORY}.rules.{tenant}]",
        f'tenant = "{tenant}"',
        f"subtree = {as_toml(found.users_base)}",
        *(choices or ['#group = "cn=staff,ou=groups,dc=example,dc=com"']),
        "#restore = true",
        "",
    ]
    return "\n".join(lines)


def _schedule() -> str:
    return f"""# A lock appears here within a tick.
[directories.{DIRECTORY}.schedule]
tick = "60s"
reconcile_at = "02:30"
"""

"""What does not go together: within a table, between tables, and above all what would be unsafe."""

from pathlib import Path

import pytest

from tests.support.settings_texts import changed, in_corp, reported

PASSWORD = 'password = "correct-horse-battery"\n'
DN = 'dn = "cn=lockstep,ou=services,dc=example,dc=com"\n'
SERVERS = 'servers = ["ldaps://ldap.example.com"]'
GROUP = 'group = "cn=staff,ou=groups,dc=example,dc=com"\n'


def servers(*urls: str) -> tuple[str, str]:
    return SERVERS, "servers = [" + ", ".join(f'"{url}"' for url in urls) + "]"


@pytest.mark.parametrize(
    ("urls", "tls", "expected"),
    [
        (("ldaps://a.example",), "", None),
        (("ldap://a.example",), "", None),
        (("ldaps://a.example", "ldap://b.example", "ldapi://%2Fx"), "", None),
        (("ldaps://a.example",), 'mode = "ldaps"', None),
        (("ldap://a.example",), 'mode = "starttls"', None),
        (("ldap://127.0.0.1:1389",), 'mode = "none"', None),
        (("ldap://localhost:1389", "ldap://[::1]:2389"), 'mode = "none"', None),
        (("ldapi://%2Fx",), 'mode = "none"', None),
        (("ldap://a.example",), 'mode = "none"\nallow_plaintext = true', None),
        (("ldap://a.example",), 'mode = "none"', "would send passwords readable to ldap://a.example"),
        (("ldap://127.0.0.1", "ldap://10.0.0.1"), 'mode = "none"', "would send passwords readable to ldap://10.0.0.1"),
        (("ldap://localhost.evil.example",), 'mode = "none"', "would send passwords readable"),
        (("ldaps://a.example",), 'mode = "none"', "contradicts ldaps://a.example"),
        (("ldaps://a.example",), 'mode = "starttls"', "contradicts ldaps://a.example"),
        (("ldap://a.example",), 'mode = "ldaps"', 'mode = "ldaps" contradicts ldap://a.example: write ldaps://'),
        (("ldapi://%2Fx",), 'mode = "ldaps"', "never leaves the machine: leave mode out"),
        (("ldapi://%2Fx",), 'mode = "starttls"', "never leaves the machine: leave mode out"),
        (("ldap://a.example",), "allow_plaintext = true", 'does nothing while mode is not "none"'),
    ],
)
def test_the_way_to_every_server_is_protected_or_stays_on_the_machine(
    urls: tuple[str, ...], tls: str, expected: str | None
) -> None:
    found = reported(changed(servers(*urls), also=f"[directories.corp.tls]\n{tls}\n"))
    assert len(found) == (expected is not None)
    assert all(mistake.startswith("directories.corp.tls: ") and str(expected) in mistake for mistake in found)


@pytest.mark.parametrize(
    ("urls", "bind", "expected"),
    [
        (("ldapi://%2Fx",), 'method = "external"', None),
        (("ldapi://%2Fx",), f'method = "simple"\n{DN}{PASSWORD}', None),
        (
            ("ldaps://a.example",),
            'method = "external"',
            "works over ldapi:// only, and servers names ldaps://a.example",
        ),
        (("ldapi://%2Fx", "ldap://b.example"), 'method = "external"', "works over ldapi:// only"),
        (("ldapi://%2Fx",), f'method = "external"\n{DN}', "neither dn nor password"),
        (("ldapi://%2Fx",), f'method = "external"\n{PASSWORD}', "neither dn nor password"),
        (("ldaps://a.example",), f"{PASSWORD}", "needs a dn"),
        (("ldaps://a.example",), f"{DN}", "needs a password_file, password_env or password"),
    ],
)
def test_the_sign_in_is_complete_and_possible(urls: tuple[str, ...], bind: str, expected: str | None) -> None:
    found = reported(changed(servers(*urls), (DN, ""), (PASSWORD, bind + "\n")))
    assert len(found) == (expected is not None)
    assert all(mistake.startswith("directories.corp.bind: ") and str(expected) in mistake for mistake in found)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (GROUP, None),
        (f'{GROUP}via = "memberof"\nrestore = true', None),
        ('attribute = "o"\nvalue = "Acme"\nrestore = true', None),
        ('subtree = "ou=x,dc=example,dc=com"', None),
        ('subtree = "dc=com"', None),
        ("", "needs exactly one of: group, attribute with value, subtree"),
        (f'{GROUP}subtree = "ou=x,dc=example,dc=com"', "needs exactly one of"),
        (f'{GROUP}attribute = "o"\nvalue = "x"', "needs exactly one of"),
        ('attribute = "o"', "attribute and value go together"),
        (f'{GROUP}value = "x"', "attribute and value go together"),
        ('subtree = "ou=x,dc=example,dc=com"\nvia = "memberof"', "via says where a group's members are read"),
        ('subtree = "ou=x,dc=example,dc=com"\nrestore = true', "restore = true is not possible for a subtree"),
    ],
)
def test_a_rule_has_one_criterion_and_can_do_what_it_says(rule: str, expected: str | None) -> None:
    found = reported(changed((GROUP, rule + "\n")))
    assert len(found) == (expected is not None)
    assert all(mistake.startswith("directories.corp.rules.staff: ") and str(expected) in mistake for mistake in found)


def test_a_subtree_without_users_is_reported() -> None:
    text = changed(
        in_corp('users.base = "ou=people,dc=example,dc=com"'), (GROUP, 'subtree = "ou=x,dc=example,dc=com"\n')
    )
    (mistake,) = reported(text)
    assert mistake.startswith('directories.corp.rules: "staff" matches nobody')


@pytest.mark.parametrize(
    "other",
    [
        'group = "CN=Staff, ou=groups,dc=example,dc=com"',
        'group = "cn=staff,ou=groups,dc=example,dc=com"\nvia = "memberof"',
    ],
)
def test_two_rules_for_the_same_people_are_reported(other: str) -> None:
    text = changed(also=f'[tenants.beta]\n[directories.corp.rules.also]\ntenant = "beta"\n{other}\n')
    assert reported(text) == ['directories.corp.rules: "staff" and "also" match the same people: keep one of them']


def test_rules_for_different_people_are_fine() -> None:
    also = '[directories.corp.rules.{}]\ntenant = "acme"\n{}\n'
    text = changed(
        also=also.format("a", 'attribute = "o"\nvalue = "x"')
        + also.format("b", 'attribute = "o"\nvalue = "y"')
        + also.format("c", 'attribute = "ou"\nvalue = "x"')
        + also.format("d", 'subtree = "ou=groups,dc=example,dc=com"')
        + also.format("e", 'subtree = "cn=staff,ou=groups,dc=example,dc=com"'),
    )
    assert reported(text) == []


def test_a_directory_without_rules_is_reported() -> None:
    text = changed(
        ("[directories.corp.rules.staff]\n", ""), ('tenant = "acme"\n', ""), (GROUP, ""), in_corp("rules = {}")
    )
    assert reported(text) == ["directories.corp.rules: must hold at least one"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('users.base = "ou=people,dc=example,dc=org"', "directories.corp.users: base = "),
        ('canary = "uid=c,dc=example,dc=org"', "directories.corp.canary: "),
        (
            'canary = "CN=lockstep,ou=services,dc=example,dc=com"',
            "directories.corp.canary: is the account that Lockstep",
        ),
        ('schedule = {reconcile_at = "02:00", reconcile_every = "6h"}', "directories.corp.schedule: holds both"),
        ('schedule = {tick = "1h", reconcile_every = "30m"}', "directories.corp.schedule: reconcile_every must not be"),
        ('schedule = {tick = "5s", jitter = "5s"}', "directories.corp.schedule: jitter must be shorter than tick"),
    ],
)
def test_keys_of_one_directory_fit_together(lines: str, expected: str) -> None:
    (mistake,) = reported(changed(in_corp(lines)))
    assert mistake.startswith(expected)


def test_the_same_server_twice_is_reported() -> None:
    (mistake,) = reported(changed(servers("ldaps://a.example", "ldaps://A.example:636/")))
    assert mistake == "directories.corp.servers: names ldaps://A.example:636 twice"
    assert reported(changed(servers())) == ["directories.corp.servers: must hold at least one"]


# --- between tables --------------------------------------------------------------------------------------------------


def test_an_unknown_tenant_or_directory_is_reported_where_it_is_named() -> None:
    text = changed(
        ('tenant = "acme"', 'tenant = "amce"'),
        also="""
[connections.okta]
tenant = "ceta"
role = "reader"
[tenants.beta.roles.auditor]
directory = "crop"
group = "cn=auditors,dc=example,dc=com"
""",
    )
    assert reported(text) == [
        'connections.okta.tenant: there is no tenant "ceta"; did you mean "beta"?',
        'directories.corp.rules.staff.tenant: there is no tenant "amce"; did you mean "acme"?',
        'tenants.beta.roles.auditor.directory: there is no directory "crop"; did you mean "corp"?',
    ]


def test_checks_between_tables_run_although_a_table_has_mistakes_of_its_own() -> None:
    text = changed(('base = "dc=example,dc=com"', "base = 5"), ('tenant = "acme"', 'tenant = "other"'))
    assert reported(text) == [
        "directories.corp.base: must be a text in quotation marks",
        'directories.corp.rules.staff.tenant: there is no tenant "other"; known: acme',
    ]


@pytest.mark.parametrize("role", ["co_administrator", "account_administrator", "auditor"])
def test_an_unlock_never_restores_a_group_that_gives_a_role(role: str) -> None:
    roles = f"[tenants.acme.roles.{role}]\ndirectory = 'corp'\ngroup = 'CN=staff,ou=groups, dc=example,dc=com'\n"
    assert reported(changed(also=roles)) == []
    (mistake,) = reported(changed((GROUP, f"{GROUP}restore = true\n"), also=roles))
    assert mistake.startswith("directories.corp.rules.staff.restore: must not be true")
    assert mistake.endswith(f'the group gives the role "{role}" in the tenant "acme"')


def test_a_role_of_another_directory_does_not_forbid_a_restore() -> None:
    other = """
[tenants.acme.roles.auditor]
directory = "other"
group = "cn=staff,ou=groups,dc=example,dc=com"
[directories.other]
dialect = "openldap"
servers = "ldapi://%2Fx"
base = "dc=example,dc=com"
bind.method = "external"
rules.all = {tenant = "acme", subtree = "dc=example,dc=com"}
"""
    assert reported(changed((GROUP, f"{GROUP}restore = true\n"), also=other)) == []


def test_a_canary_copied_to_another_directory_is_reported() -> None:
    other = """
[directories.other]
dialect = "openldap"
servers = "ldapi://%2Fx"
base = "dc=example,dc=com"
canary = "UID=c, dc=example,dc=com"
bind.method = "external"
rules.all = {tenant = "acme", subtree = "dc=example,dc=com"}
"""
    assert reported(changed(in_corp('canary = "uid=c,dc=example,dc=com"'), also=other)) == [
        'directories.other.canary: is the canary of "corp" too: each directory needs its own',
    ]


# --- the web side ----------------------------------------------------------------------------------------------------

PUBLIC = 'public_url = "https://lockstep.example.com"\n'
PROXY = 'behind_proxy = true\ntrusted_proxies = ["10.0.0.1"]\n'
OPEN = 'host = "0.0.0.0"\n'


@pytest.mark.parametrize(
    ("web", "expected"),
    [
        ("", None),
        ('host = "::1"', None),
        ('host = "localhost"', None),
        ('public_url = "http://localhost:8080"', None),
        (f"{OPEN}{PUBLIC}{PROXY}", None),
        (f"{OPEN}{PUBLIC}", 'web: host = "0.0.0.0" would send tokens readable'),
        (f'host = "::"\n{PUBLIC}', 'web: host = "::" would send tokens readable'),
        (f'host = "lockstep.example.com"\n{PUBLIC}', "web: host = "),
        (f"{OPEN}{PROXY}", "web.public_url: is missing; for example"),
        ("behind_proxy = true", "web.trusted_proxies: must name the proxy's address"),
        ('trusted_proxies = ["10.0.0.1"]', "web: trusted_proxies does nothing without behind_proxy = true"),
        ('behind_proxy = true\ntrusted_proxies = ["0.0.0.0/0"]', "web.trusted_proxies: must not trust every address"),
        ('behind_proxy = true\ntrusted_proxies = ["::/0"]', "web.trusted_proxies: must not trust every address"),
        ('behind_proxy = true\ntrusted_proxies = ["10.0.0.1/8"]', "web.trusted_proxies: item 1 must be an address"),
        ('behind_proxy = true\ntrusted_proxies = ["proxy"]', "web.trusted_proxies: item 1 must be an address"),
        ('public_url = "http://lockstep.example.com"', "web.public_url: must begin with https://"),
        ('public_url = "lockstep.example.com"', "web.public_url: must be an address such as"),
        ('public_url = "https://u:hunter2@lockstep.example.com"', "web.public_url: must be an address such as"),
        ('public_url = "https://lockstep.example.com/scim"', "web.public_url: must end after the host"),
        ('public_url = "https://lockstep.example.com:x"', "web.public_url: is no URL"),
        ('host = "*"', 'web.host: must be an address such as "127.0.0.1"'),
        ('host = "127.0.0.1:8080"', "web.host: must be an address"),
        ('host = "http://127.0.0.1"', "web.host: must be an address"),
        ("port = 0", "web.port: must be at least 1"),
        ("port = 65536", "web.port: must be at most 65535"),
        ("max_json_depth = 1000", "web.max_json_depth: must be at most 200"),
    ],
)
def test_tokens_never_travel_readable(web: str, expected: str | None) -> None:
    found = reported(changed(also=f"[web]\n{web}\n"))
    assert len(found) == (expected is not None)
    assert all(mistake.startswith(str(expected)) and "hunter2" not in mistake for mistake in found)


def test_a_certificate_is_whole_and_lets_others_in(tmp_path: Path) -> None:
    for name in ("c.pem", "k.pem"):
        (tmp_path / name).write_text("-----BEGIN SOMETHING-----\n")
    for keys, expected in (
        ('certificate_file = "c.pem"\nkey_file = "k.pem"', []),
        ('certificate_file = "c.pem"', ["web: certificate_file and key_file go together: give both or neither"]),
    ):
        assert reported(changed(also=f"[web]\n{OPEN}{PUBLIC}{keys}\n"), folder=tmp_path) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////var/lib/lockstep/x.db", None),
        ("SQLite:////x.db", None),
        ("sqlite:////x.db?timeout=2.5", None),
        ("sqlite:////x.db?timeout=soon", "may have ?timeout=SECONDS after it"),
        ("sqlite:///var/lib/lockstep/x.db", "write four slashes and the whole path"),
        ("sqlite://", "write four slashes"),
        ("sqlite:///:memory:", "write four slashes"),
        ("sqlite:////var/lib/", "must end with the name of the database file"),
        ("sqlite:////x.db?mode=ro", "must end with the name of the database file"),
        ("/var/lib/lockstep/x.db", 'must begin with "sqlite:////"'),
        ("postgresql://u:hunter2@h/db", 'must begin with "sqlite:////"'),
    ],
)
def test_the_store_is_a_file_that_every_process_finds(url: str, expected: str | None) -> None:
    found = reported(changed(also=f'[store]\nurl = "{url}"\n'))
    assert len(found) == (expected is not None)
    assert all(mistake.startswith("store.url: ") and str(expected) in mistake for mistake in found)
    assert "hunter2" not in str(found)

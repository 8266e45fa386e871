"""`lockstep check`: whether what settings say can work, before anything is started."""

from datetime import UTC, datetime

import click

from agent.directories.checks import Grade
from agent.examples import checked
from config.mistakes import Mistake, SettingsError
from config.settings import Settings
from ims.errors import LockstepError
from ims.people import DirectoryName
from lockstep.exits import ExitCode
from lockstep.invocation import Invocation, json_option, pass_invocation
from lockstep.output import Cell, say, show_table, working
from lockstep.probing import Finding, probe
from lockstep.proving import audit_findings
from lockstep.wiring import Wiring

_COLUMNS = ("directory", "what", "grade", "found", "advice")


@click.command
@click.option("--online", is_flag=True, help="Also connect to every directory and look at what is read there.")
@click.option(
    "--forget-refusals",
    is_flag=True,
    help="With --online: try refused secrets once more, because the account was repaired.",
)
@json_option
@pass_invocation
def check(invocation: Invocation, *, online: bool, forget_refusals: bool, as_json: bool) -> None:
    """Check the settings, and with --online the directories.

    Every mistake is in one report, each with what to do. With --online: what is missing, and which rights are too much.
    Nothing is changed in a directory.
    """
    settings = _settings(invocation, as_json=as_json)
    findings = list(_of_settings(settings))
    try:
        with invocation.wired() as wiring:
            findings.append(_finding("store", Grade.OK, wiring.settings.store.url))
            findings += audit_findings(wiring.store, settings.audit.heads_file)
            if forget_refusals:
                _forget(wiring)
            if online:
                findings += _online(wiring)
    except LockstepError as error:
        findings.append(_finding("store", Grade.MISSING, str(error), "`lockstep migrate` prepares a new store"))
    _show(findings, as_json=as_json)
    _sum_up(findings)


def _settings(invocation: Invocation, *, as_json: bool) -> Settings:
    """Return the settings. Mistakes end the command: as findings where JSON is wanted, else as the usual report."""
    try:
        return invocation.settings
    except SettingsError as error:
        if not as_json:
            raise
        _show([_of_mistake(mistake) for mistake in error.mistakes], as_json=True)
        say("There are mistakes in the settings.")
        raise click.exceptions.Exit(ExitCode.USAGE.value) from error


def _of_mistake(mistake: Mistake) -> Finding:
    where = f"{mistake.place}, line {mistake.line}" if mistake.line else mistake.place
    return _finding(f"setting {mistake.key}".strip(), Grade.MISTAKE, mistake.text, f"correct it in {where}")


def _show(findings: list[Finding], *, as_json: bool) -> None:
    rows: list[tuple[Cell, ...]] = [(f.directory, f.what, f.grade.value, f.found, f.advice) for f in findings]
    show_table(_COLUMNS, rows, as_json=as_json, empty="")


def _of_settings(settings: Settings) -> list[Finding]:
    found = f"{len(settings.directories)} directories, {len(settings.tenants)} tenants"
    findings = [_finding("settings", Grade.OK, f"{found}, {len(settings.connections)} connections")]
    for name, directory in settings.directories.items():
        if directory.tls.allow_plaintext:
            advice = "use ldaps:// or StartTLS, then remove tls.allow_plaintext"
            findings.append(_finding("transport", Grade.WARNING, "passwords are sent unprotected", advice, name))
        if directory.mapping is not None:
            found_there = checked(directory.mapping, datetime.now(UTC))
            findings += [_finding(c.what, c.grade, c.found, c.advice, name) for c in found_there]
    for name, tenant in settings.tenants.items():
        roles = (tenant.roles.co_administrator, tenant.roles.account_administrator, tenant.roles.auditor)
        if not any(roles):
            text = f"the tenant {name} names no role groups: its people's tokens work until they expire"
            advice = "name the groups with roles, so that whoever leaves one loses the role at once"
            findings.append(_finding("roles", Grade.WARNING, text, advice))
    return findings


def _forget(wiring: Wiring) -> None:
    for circuit in wiring.store.circuits():
        wiring.store.close_circuit(circuit.secret)
        say(f"{circuit.directory}: its refused secret will be tried once more.")


def _online(wiring: Wiring) -> list[Finding]:
    findings: list[Finding] = []
    for name in map(DirectoryName, wiring.settings.directories):
        with working(f"Looking at {name}"):
            findings += probe(wiring.directory(name), enforced=wiring.directories.enforced(name))
    return findings


def _finding(what: str, grade: Grade, found: str, advice: str = "", directory: str = "") -> Finding:
    return Finding(directory=directory, what=what, grade=grade, found=found, advice=advice)


def _sum_up(findings: list[Finding]) -> None:
    grades = [finding.grade for finding in findings]
    if Grade.UNREACHABLE in grades:
        say("A directory cannot be used; see the advice above.")
        click.get_current_context().exit(ExitCode.UNREACHABLE.value)
    if Grade.MISSING in grades:
        say("Something is missing; see the advice above.")
    if Grade.TOO_MUCH in grades:
        say("Lockstep's account has rights that it must not have; see the advice above.")
    if {Grade.MISSING, Grade.TOO_MUCH} & set(grades):
        click.get_current_context().exit(ExitCode.FAILURE.value)

"""One directory under sync, as settings of the product describe it, over a store of the task's."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from agent.configured import configured, ledger_rules
from agent.directories.reader import users
from agent.run import PassResult, Run
from bench import people
from bench.errors import BenchProblem
from bench.measuring import Done, Task
from bench.tasks.signing_in import CORP, MachineClock, NoCircuits
from config.settings import Settings
from ims.store import open_store

_LEASE = timedelta(days=1)


@contextmanager
def run_of(task: Task) -> Iterator[Run]:
    """Open the store and yield what a pass works with."""
    clock = MachineClock()
    store = open_store(f"sqlite:///{task.store}", clock)
    try:
        chosen = settings(task.url, task.base)
        yield Run(
            directory=configured(chosen, CORP, store, clock),
            store=store,
            clock=clock,
            rules=ledger_rules(chosen),
            fence=store.take_lease(CORP, "the benchmark", _LEASE, clock.now()),
        )
    finally:
        store.close()


def settings(url: str, base: str) -> Settings:
    """Return what an administrator would write: a group and an attribute that affiliate, a role, a canary."""
    corp: dict[str, Any] = {
        "dialect": "openldap",
        "servers": [url],
        "base": people.BASE,
        "bind": {"dn": people.AGENT_DN, "password": people.AGENT_PASSWORD},
        "tls": {"mode": "none"},
        "receive_timeout": 120,
        "mode": "enforce",
        "users": {"base": base, "filter": people.USERS},
        "rules": {
            "staff": {"tenant": "acme", "group": people.STAFF_GROUP},
            "contractors": {"tenant": "globex", "attribute": "employeeType", "value": people.CONTRACTOR},
        },
        "default_policy": people.DEFAULT_POLICY,
        "canary": people.CANARY_DN,
    }
    roles = {"co_administrator": {"directory": CORP, "group": people.HELPDESK_GROUP}}
    tenants: dict[str, Any] = {"acme": {"roles": roles}, "globex": {}}
    return Settings(tenants=tenants, directories={"corp": corp})  # type: ignore[dict-item]  # parsed, as TOML would be


def asked(url: str, base: str) -> tuple[str, ...]:
    """Return the attributes that a pass asks for, so that the peer can be asked for the same."""
    directory = configured(settings(url, base), CORP, NoCircuits(), MachineClock())
    return users(directory.dialect, directory.reading).attributes


def complete(result: PassResult) -> Done:
    """Return what a pass read. Raises BenchProblem unless it was complete and kept nothing back."""
    report = result.report
    if not report.complete or report.error or report.kept_back or report.quarantined:
        raise BenchProblem(f"the pass is no fair one: {report}")
    return Done(report.read)

"""What Prometheus may know: numbers from the store at the moment of the scrape, no people, and this process's requests.

Web workers share nothing but the store, so what concerns the whole installation is computed from it, whichever of them
is asked. Requests are counted per process and carry its number: the series of another process are not lost, only silent
until that one is asked again.
"""

import os
from collections.abc import Iterator, Sequence
from datetime import datetime

import flask
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ims.locks import LockReason
from ims.passes import ChangeSource
from ims.people import DirectoryName, TenantId
from ims.query import Collection, Compare, Member, Operator, Page, Some
from lockstep import __version__
from lockstep.wiring import Wiring


class Requests:
    """Counts this process's answers by method, route and status."""

    def __init__(self) -> None:
        self.counter = Counter(
            "lockstep_http_requests",
            "Answered requests of one web worker.",
            ("process", "method", "route", "status"),
            registry=None,
        )

    def count(self, response: flask.Response) -> flask.Response:
        """Count an answer. What is no route has one name, or anybody could make up series without end."""
        route = flask.request.url_rule.rule if flask.request.url_rule else "none"
        method = flask.request.method if flask.request.method in _METHODS else "other"
        self.counter.labels(str(os.getpid()), method, route, str(response.status_code)).inc()
        return response


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class StoreCollector(Collector):
    """Reads the installation's state from the store, anew at every scrape. Raises StoreUnusable."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring

    def collect(self) -> Iterator[Metric]:
        """Yield every family of numbers."""
        yield _gauge("lockstep_build_info", "The running version.", ("version",), [((__version__,), 1)])
        yield from self._people()
        yield from self._directories()
        store = self._wiring.store
        yield _gauge("lockstep_open_unlocks", "Unlocks under way or unsettled.", (), [((), len(store.open_intents()))])

    def describe(self) -> list[Metric]:
        """Return nothing: what is described is read from the store, which may not be there yet."""
        return []

    def _people(self) -> Iterator[Metric]:
        store, now = self._wiring.store, self._wiring.clock.now()
        tenants = [TenantId(name) for name in self._wiring.settings.tenants]
        users = [((tenant,), store.count(tenant)) for tenant in tenants]
        yield _gauge("lockstep_users", "Users of a company account.", ("tenant",), users)
        locked = [
            ((tenant, reason.value), store.find(tenant, _locked_for(reason), Page(limit=0), now).total)
            for tenant in tenants
            for reason in LockReason
        ]
        yield _gauge("lockstep_locked_users", "Users locked now, by reason.", ("tenant", "reason"), locked)

    def _directories(self) -> Iterator[Metric]:
        store = self._wiring.store
        states = self._wiring.directories.states()
        of = ("directory",)
        ticks = [((s.name,), _seconds(s.last_tick)) for s in states if s.last_tick]
        yield _gauge("lockstep_last_tick_timestamp_seconds", "The last good tick.", of, ticks)
        full = [((s.name,), _seconds(s.last_reconcile)) for s in states if s.last_reconcile]
        yield _gauge("lockstep_last_reconcile_timestamp_seconds", "The last good complete reading.", of, full)
        errors = [((s.name,), bool(s.error)) for s in states]
        yield _gauge("lockstep_directory_error", "Whether the last pass failed.", of, errors)
        told = [((s.name,), s.told.source is ChangeSource.PUSH) for s in states]
        yield _gauge("lockstep_directory_push", "Whether a server tells at once what changes.", of, told)
        batches = store.held_batches()
        waits = [((s.name,), sum(b.waiting for b in batches if b.directory == s.name)) for s in states]
        kept_back = [(labels, bool(count)) for labels, count in waits]
        yield _gauge("lockstep_kept_back", "Whether the brake keeps something back.", of, kept_back)
        yield _gauge("lockstep_kept_back_users", "Users whose changes wait for a decision.", of, waits)
        attempts = [((s.name,), bool(s.attempts)) for s in states]
        yield _gauge("lockstep_many_password_attempts", "Whether unusually many were locked.", of, attempts)
        entries = [((s.name,), s.entries) for s in states]
        yield _gauge("lockstep_directory_users", "Users with an entry there.", of, entries)
        waiting = [((s.name,), sum(not one.rejected for one in store.quarantine(s.name))) for s in states]
        yield _gauge("lockstep_quarantined_entries", "Entries that cannot be trusted.", of, waiting)
        refused = [circuit.directory for circuit in store.circuits()]
        circuits = [((s.name,), refused.count(DirectoryName(s.name))) for s in states]
        yield _gauge("lockstep_refused_secrets", "Secrets that the directory refused.", of, circuits)


def registry_of(wiring: Wiring, requests: Requests) -> CollectorRegistry:
    """Return a registry of its own: the library's global one would be shared by every application of a process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(StoreCollector(wiring))
    registry.register(requests.counter)
    return registry


def _locked_for(reason: LockReason) -> Some:
    """Return the question for users with a lock for this reason in force now."""
    return Some(Collection.LOCKS, Compare(Member.VALUE, Operator.EQ, reason.value))


def _gauge(
    name: str,
    text: str,
    labels: tuple[str, ...],
    samples: Sequence[tuple[tuple[str, ...], float]],
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, number in samples:
        family.add_metric(values, float(number))
    return family


def _seconds(at: datetime | None) -> float:
    return at.timestamp() if at else 0.0

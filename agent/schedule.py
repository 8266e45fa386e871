"""When passes run: APScheduler starts them, a lease lets one agent at a time write a directory, and nothing stops them.

Everything that goes wrong in a pass is logged and recorded; the next one starts all the same, later and later while the
directory cannot be reached. APScheduler ends here.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger

from agent.configured import ConfiguredDirectory
from agent.doorbell import Doorbell
from agent.groups import GroupMemory
from agent.heads import HeadKeeper
from agent.run import PassResult, PassStopped, Run, Stop
from agent.sync import reconcile, tick
from ims.errors import DirectoryUnreachable, FenceLost, LockstepError, StoreUnusable
from ims.locks import LedgerRules
from ims.passes import ChangeSource, Fence, PassKind, Told
from ims.people import DirectoryName
from ims.ports import Clock, Directories, Processes, Store, WriteBack
from ims.settling import settle_open_intents

LEASE = timedelta(seconds=30)
"""How long a directory is left alone after its agent has died. It is renewed three times as often."""
LONGEST_BACKOFF = timedelta(minutes=5)
"""However long a directory was unreachable, it is tried again that often."""
STOPS_WITHIN_S = 10.0
"""How long a pass under way has to come to the end of its page when the agent is told to stop."""
_LOOKS_UP_EVERY_S = 1.0
"""A signal may be given to another thread, and does not wake the main one then; only that one may act on it."""
_DAY = timedelta(days=1)
_log = structlog.get_logger("lockstep.agent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What the agent works with; put together once by the composition root."""

    store: Store
    write_back: WriteBack
    directories: Directories
    processes: Processes
    clock: Clock
    rules: LedgerRules
    heads_file: Path | None = None
    """Where to keep the audit's head besides the log, and how often (see `agent.heads`)."""
    heads_every: timedelta = timedelta(hours=1)


class Agent:
    """The scheduled sync of all configured directories in one process."""

    def __init__(self, directories: Mapping[DirectoryName, ConfiguredDirectory], services: Services) -> None:
        self._services = services
        self._stop = Stop()
        self._settling = threading.Lock()
        self._heads = HeadKeeper(services.store, services.heads_file)
        workers = {"default": ThreadPoolExecutor(max_workers=3 * len(directories) + 2)}
        defaults = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}
        self._scheduler = BackgroundScheduler(executors=workers, job_defaults=defaults)
        self._runners = tuple(
            _Runner(directory, services, self._stop, self._next_of(name)) for name, directory in directories.items()
        )

    def run(self) -> None:
        """Run until `stop` is called from elsewhere, or a KeyboardInterrupt comes; a pass under way ends cleanly."""
        self.start()
        try:
            while not self._stop.wait(_LOOKS_UP_EVERY_S):
                pass
        finally:
            self.stop()

    def start(self) -> None:
        """Start: unlocks that a crash left open are settled, then every directory is read at once."""
        self._settle()
        now, at_once = self._services.clock.now(), datetime.now(UTC)
        for runner in self._runners:
            runner.renew()
            self._add(runner.renew, f"{runner.name} lease", _every(LEASE / 3))
            self._add(partial(self._tick, runner), _tick_id(runner.name), runner.ticks, at_once)
            first = at_once if runner.overdue(now) else None
            self._add(runner.reconcile, f"{runner.name} reconcile", runner.reconciles, first)
            runner.listen()
        self._heads.keep()
        self._add(self._heads.keep, "audit heads", _every(self._services.heads_every))
        self._scheduler.start()

    def stop(self) -> None:
        """Stop: no pass starts any more, one under way ends, and the leases are given back. May be called twice."""
        self._stop.set()
        running = self._scheduler.running
        if running:
            self._scheduler.shutdown(wait=False)
        for runner in self._runners:
            runner.close()
        if running:
            self._heads.keep()

    def _add(self, job: Callable[[], None], name: str, trigger: BaseTrigger, at: datetime | None = None) -> None:
        first = {"next_run_time": at} if at is not None else {}
        self._scheduler.add_job(job, trigger, id=name, name=name, **first)

    def _tick(self, runner: "_Runner") -> None:
        self._settle()
        runner.tick()

    def _settle(self) -> None:
        """Settle unlocks whose process is gone; one thread at a time is enough."""
        if not self._settling.acquire(blocking=False):
            return
        services = self._services
        try:
            settled = settle_open_intents(
                services.store,
                services.write_back,
                services.processes,
                services.clock,
                services.directories,
            )
            if settled:
                _log.warning("unlocks_settled_after_a_crash", count=settled)
        except LockstepError as error:
            _log.warning("unlocks_not_settled", error=str(error))
        except Exception:  # noqa: BLE001 - whatever it is, the passes must go on; the log has the trace
            _log.exception("unlocks_not_settled")
        finally:
            self._settling.release()

    def _next_of(self, name: DirectoryName) -> Callable[[], datetime | None]:
        def following() -> datetime | None:
            job = self._scheduler.get_job(_tick_id(name))
            found: datetime | None = job.next_run_time if job is not None else None
            return found

        return following


class _Runner:
    """The passes of one directory: one at a time, under the lease, with patience."""

    def __init__(
        self,
        directory: ConfiguredDirectory,
        services: Services,
        stop: Stop,
        next_tick: Callable[[], datetime | None],
    ) -> None:
        self.name = directory.name
        self._directory = directory
        self._services = services
        self._stop = stop
        self._next_tick = next_tick
        self._memory = GroupMemory()
        self._busy = threading.Lock()
        self._leasing = threading.Lock()
        self._fence: Fence | None = None
        self._failures = 0
        self._not_before: datetime | None = None
        push = ChangeSource(directory.settings.schedule.changes.value) is ChangeSource.PUSH
        self._doorbell = Doorbell(directory, stop, self._at_once) if push else None

    @property
    def ticks(self) -> BaseTrigger:
        """Return when to read what changed."""
        schedule = self._directory.settings.schedule
        return _every(schedule.tick, jitter=schedule.spread)

    @property
    def reconciles(self) -> BaseTrigger:
        """Return when to read everything."""
        schedule = self._directory.settings.schedule
        at = schedule.daily_at
        if at is not None:
            return CronTrigger(hour=at.hour, minute=at.minute, second=at.second)
        return _every(schedule.reconcile_every or _DAY)

    def overdue(self, now: datetime) -> bool:
        """Return whether a reconcile was missed. A directory that was never read is read by its first tick."""
        last = self._services.store.directory(self.name).last_reconcile
        return last is not None and now - last > (self._directory.settings.schedule.reconcile_every or _DAY)

    def tick(self) -> None:
        """Read what changed, unless a pass is under way or the directory is left alone for now."""
        waiting = self._not_before is not None and self._services.clock.now() < self._not_before
        if not waiting and self._busy.acquire(blocking=False):
            self._pass(PassKind.TICK)

    def reconcile(self) -> None:
        """Read everything, after the pass under way."""
        if self._busy.acquire():
            self._pass(PassKind.RECONCILE)

    def listen(self) -> None:
        """Begin to listen for changes, where the settings ask for it."""
        if self._doorbell is not None:
            self._doorbell.start()

    def renew(self) -> None:
        """Take or keep the lease; without it another agent has the directory. After the stop none is taken any more."""
        services = self._services
        with self._leasing:
            if self._stop.is_set():
                return
            try:
                processes, now = services.processes, services.clock.now()
                self._fence = services.store.take_lease(self.name, processes.me(), LEASE, now, processes)
            except LockstepError as error:
                _log.warning("lease_not_renewed", directory=self.name, error=str(error))

    def close(self) -> None:
        """Wait for the pass under way, which sees the stop between two pages, and give the lease back."""
        if not self._busy.acquire(timeout=STOPS_WITHIN_S):
            _log.warning("pass_does_not_end", directory=self.name)
            return
        try:
            with self._leasing:
                fence, self._fence = self._fence, None
                if fence is not None:
                    self._services.store.drop_lease(fence)
        except LockstepError as error:
            _log.warning("lease_not_given_back", directory=self.name, error=str(error))
        finally:
            self._busy.release()
        if self._doorbell is not None:
            self._doorbell.join()  # it may have waited for the pass that ended just now

    # -----------------------------------------------------------------------------------------------------------------

    def _at_once(self) -> None:
        """Read what changed now: a server has just said something, so that it is not left alone any longer."""
        if self._busy.acquire():
            self._pass(PassKind.TICK)

    def _pass(self, kind: PassKind) -> None:
        """Run one pass. Whatever it raises is logged, and the next one starts all the same."""
        try:
            self.renew()
            fence = self._fence
            if fence is None or self._stop.is_set():
                return
            result = (tick if kind is PassKind.TICK else reconcile)(self._run(fence))
            self._failures, self._not_before = 0, None
            _tell(result)
        except DirectoryUnreachable as error:
            self._failures += 1
            self._not_before = self._retry_at(self._failures)
            _log.warning("directory_unreachable", directory=self.name, error=str(error), retry_at=self._not_before)
        except PassStopped:
            _log.info("pass_stopped", directory=self.name)
        except FenceLost as error:
            _log.warning("another_agent_took_over", directory=self.name, error=str(error))
        except StoreUnusable as error:
            _log.warning("store_unusable", directory=self.name, error=str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the next pass starts; the log has the trace
            _log.exception("pass_failed", directory=self.name)
            self._record(error)
        finally:
            self._busy.release()

    def _run(self, fence: Fence) -> Run:
        services = self._services
        return Run(
            directory=self._directory,
            store=services.store,
            clock=services.clock,
            rules=services.rules,
            fence=fence,
            memory=self._memory,
            stop=self._stop,
            next_run=self._next_tick(),
            retry_at=self._retry_at(self._failures + 1),
            told=self._doorbell.told() if self._doorbell is not None else Told(),
        )

    def _retry_at(self, failures: int) -> datetime:
        """Return when to try again after so many failures: twice as long each time, from one tick on."""
        tick = self._directory.settings.schedule.tick
        pause = max(tick, min(LONGEST_BACKOFF, tick * (1 << min(failures, 16))))
        return self._services.clock.now() + pause

    def _record(self, error: Exception) -> None:
        """Leave in the state what no pass could: a fault of ours is as bad as an unreachable directory."""
        try:
            state = self._services.store.directory(self.name)
            since = state.error_since or self._services.clock.now()
            told = str(error) if isinstance(error, LockstepError) else f"{type(error).__name__}; the log says where"
            text = f"the pass failed: {told}"
            self._services.store.save_directory(replace(state, error=text, error_since=since))
        except LockstepError as second:
            _log.warning("state_not_saved", directory=self.name, error=str(second))


def _every(interval: timedelta, jitter: timedelta | None = None) -> BaseTrigger:
    spread = jitter.total_seconds() if jitter else None
    return IntervalTrigger(seconds=interval.total_seconds(), jitter=spread)


def _tick_id(name: DirectoryName) -> str:
    return f"{name} tick"


def _tell(result: PassResult) -> None:
    report = result.report
    log = _log.info if report.complete else _log.warning
    log(
        "pass",
        directory=report.directory,
        kind=report.kind.value,
        pass_id=report.id,
        complete=report.complete,
        read=report.read,
        passed_over=report.passed_over,
        changed=report.changed,
        raised=report.raised,
        lifted=report.lifted,
        kept_back=report.kept_back,
        quarantined=report.quarantined,
        error=report.error,
        notes=report.notes,
    )

"""The sync of one directory: a tick reads what changed, a reconcile everything. Both can be repeated at any point.

This is the walk; each phase is one call. A pass writes nothing of which it is not sure before it has read, planned and
braked (see `agent.writing`), its watermark is committed with its last batch, and what it could not know it does not
decide.
"""

from dataclasses import replace

from agent.braking import braked
from agent.collector import held_back
from agent.committing import Committer, record, record_failure
from agent.drafting import draft, interpret
from agent.quarantine import Quarantine
from agent.reading import read
from agent.replicas import far_enough
from agent.run import PassResult, Run, Start, resume
from agent.writing import Writer
from ims.errors import DirectoryUnreachable
from ims.passes import PassKind


def tick(run: Run) -> PassResult:
    """Read what changed since the last pass, and everybody who is locked on either side.

    It becomes a reconcile where there is nothing to go on from: no watermark, another server, other settings. Raises
    DirectoryUnreachable (the directory's state says so then), FenceLost and StoreUnusable.
    """
    return _pass(run, PassKind.TICK)


def reconcile(run: Run) -> PassResult:
    """Read everybody; whoever is known and not there is absent once a second reading confirms it. Raises as `tick`."""
    return _pass(run, PassKind.RECONCILE)


def _pass(run: Run, kind: PassKind) -> PassResult:
    start = resume(run, kind)  # 1 resume
    try:
        return _walk(run, start)
    except DirectoryUnreachable as error:
        record_failure(run, start, error)
        raise


def _walk(run: Run, start: Start) -> PassResult:
    quarantine = Quarantine(run.name, start.now, run.store.quarantine(run.name))
    writer = Writer(run, start, quarantine)
    with held_back(), far_enough(run, start) as (client, lag):
        start = replace(start, lag=lag)
        reading = read(client, run, start)  # 2 read
        sightings = interpret(reading, quarantine)  # 3 interpret
        plans, drafts = draft(client, run, start, reading, sightings, quarantine, writer)  # 4 plan
        braking = braked(run, start, plans, drafts, quarantine)  # 5 brake
        committer = Committer(run, start, reading, plans, quarantine, braking, writer)
        committer.commit(client)  # 6 commit
    return record(run, start, reading, plans, quarantine, committer, braking)  # 7 record

"""What `lockstep check` says of the audit: its newest rows hold, and its head is kept elsewhere.

`lockstep audit verify` walks all rows.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from agent.directories.checks import Grade
from ims.chain import Head
from ims.errors import InvalidInput
from ims.ports import AuditLog
from ims.verifying import Verified
from lockstep.probing import Finding
from lockstep.verification import heads_in, verify_chain

NEWEST = 5000
"""How many rows are walked: well under a second."""
_ADVICE = "`lockstep audit verify` shows every break; docs/audit.md says what each means"


def audit_findings(audit: AuditLog, heads_file: Path | None) -> Iterator[Finding]:
    """Yield how the audit's chain stands, and where its head is kept. Raises StoreUnusable."""
    try:
        heads = heads_in(heads_file) if heads_file is not None and heads_file.exists() else ()
    except InvalidInput as error:
        heads = ()
        yield _finding(Grade.MISSING, str(error), "put this line, or the file, aside, with a note why")
    verified = newest_verified(audit, heads[-1:])
    if verified.holds:
        kept = f", and follow the head kept on {heads[-1].at:%Y-%m-%d %H:%M:%S} UTC" if heads else ""
        yield _finding(Grade.OK, f"its newest {verified.rows} rows hold{kept}")
    else:
        yield _finding(Grade.MISSING, f"its chain is broken: {verified.breaks[0].sentence}", _ADVICE)
    if heads_file is not None and not _can_be_kept(heads_file):
        advice = "make it, or its folder, writable for the user Lockstep runs as"
        yield _finding(Grade.WARNING, f"its head cannot be kept in {heads_file}", advice)


def newest_verified(audit: AuditLog, heads: tuple[Head, ...]) -> Verified:
    """Walk the newest rows, and look at the head's own row where that is older. Raises StoreUnusable."""
    end = audit.head().number
    start = max(0, end - NEWEST)
    for head in heads:
        if 0 < head.number < start:
            with audit.chain(after=head.number - 1) as chain:
                link = next(chain.links, None)
            if link is None or (link.number, link.hash) != (head.number, head.hash):
                start = head.number - 1
    with audit.chain(after=start) as chain:
        return verify_chain(chain, heads)


def _can_be_kept(file: Path) -> bool:
    return os.access(file, os.R_OK | os.W_OK) if file.exists() else os.access(file.parent, os.W_OK | os.X_OK)


def _finding(grade: Grade, found: str, advice: str = "") -> Finding:
    return Finding(directory="", what="audit", grade=grade, found=found, advice=advice)

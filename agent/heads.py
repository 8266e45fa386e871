"""The audit's head, kept elsewhere: whoever writes the whole chain anew cannot write anew what left the machine.

Each head is a line in the log, and one in a file where settings name one. What cannot be kept is an alarm in the log;
the passes go on.
"""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

import structlog

from ims.chain import Head, line_of_head
from ims.errors import LockstepError
from ims.ports import AuditLog

_log = structlog.get_logger("lockstep.audit")


class HeadKeeper:
    """Keeps the head of the audit's chain, as it is whenever it is told to."""

    def __init__(self, audit: AuditLog, file: Path | None) -> None:
        self._audit = audit
        self._file = file

    def keep(self) -> None:
        """Keep the head as it is now. Raises nothing: what goes wrong is logged as an error."""
        try:
            head = self._audit.head()
            _log.info("audit_head", store=head.store, number=head.number, hash=head.hash, at=head.at.isoformat())
            if self._file is not None:
                append_head(self._file, head)
        except (LockstepError, OSError) as error:
            _log.error("audit_head_not_kept", error=str(error))
        except Exception:  # noqa: BLE001 - whatever it is, the passes must go on; the log has the trace
            _log.exception("audit_head_not_kept")


def append_head(file: Path, head: Head) -> None:
    """Append a head to a file, which is made for its owner only, and wait until it is on the disk. Raises OSError.

    A line that could not be written whole is taken back, or ended by the next one: no head shares a line with another.
    """
    number = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(number, fcntl.LOCK_EX)
        size = os.fstat(number).st_size
        start = b"" if not size or os.pread(number, 1, size - 1) == b"\n" else b"\n"
        try:
            _write(number, b"%b%b\n" % (start, line_of_head(head).encode()))
            os.fsync(number)
        except OSError:
            with suppress(OSError):
                os.ftruncate(number, size)
            raise
    finally:
        os.close(number)


def _write(number: int, data: bytes) -> None:
    while data:
        data = data[os.write(number, data) :]

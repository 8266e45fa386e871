"""On what and when a run took place: what a reader needs to make sense of seconds, and to mistrust them."""

import os
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

_KIB_PER_GIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where and when. `load` is the load average of the minute before: 0 = the machine had nothing else to do."""

    date: str
    cores: int
    processor: str
    memory_gib: int
    kernel: str
    python: str
    slapd: str = ""
    load: float

    def sentence(self) -> str:
        """Return it all as people read it."""
        server = f", slapd {self.slapd}" if self.slapd else ""
        return (
            f"{self.date}, {self.cores} cores ({self.processor}), {self.memory_gib} GiB, Linux {self.kernel}, "
            f"Python {self.python}{server}; load average {self.load:.1f} when it began."
        )


def this_machine(slapd: str = "") -> Machine:
    """Return this machine, now."""
    return Machine(
        date=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        cores=len(os.sched_getaffinity(0)),
        processor=_value_of("/proc/cpuinfo", "model name") or platform.machine(),
        memory_gib=round(int(_value_of("/proc/meminfo", "MemTotal").split()[0]) / _KIB_PER_GIB),
        kernel=platform.release(),
        python=platform.python_version(),
        slapd=slapd,
        load=round(os.getloadavg()[0], 2),
    )


def _value_of(file: str, key: str) -> str:
    """Return the first "key: value" of one of the kernel's tables, empty if it is not there."""
    lines = Path(file).read_text(encoding="utf-8").splitlines()
    found = (value.strip() for name, _, value in (line.partition(":") for line in lines) if name.strip() == key)
    return next(found, "")

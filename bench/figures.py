"""The figures: how each follows from the samples of a contest, its target, and what it is held against.

Names are for good: whoever compares two results goes by them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from bench.measuring import Sample

Samples = Mapping[str, Sequence[Sample]]
Amount = Callable[[Sample], float]


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure has to be. `most` is the greatest value that meets it, `least` the smallest."""

    most: float | None = None
    least: float | None = None

    def met(self, value: float) -> bool:
        """Return whether a value is good enough."""
        return (self.most is None or value <= self.most) and (self.least is None or value >= self.least)

    def __str__(self) -> str:
        """Return the target as results show it."""
        return f"<= {self.most:g}" if self.most is not None else f">= {self.least:g}"


@dataclass(frozen=True, slots=True)
class Formula:
    """How a figure follows from samples: one value per round, from those of `contestants`."""

    contestants: tuple[str, ...]
    of: Callable[[Samples], list[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure of a contest. Without a target it is only there to be seen."""

    name: str
    contest: str
    unit: str
    what: str
    against: str = ""
    target: Target | None = None
    formula: Formula


@dataclass(frozen=True, slots=True)
class Taken:
    """A figure with one value per round."""

    figure: Figure
    runs: tuple[float, ...]

    @property
    def value(self) -> float:
        """Return the median."""
        return median(self.runs)

    @property
    def verdict(self) -> str:
        """Return whether the target is met, in a word or two."""
        target = self.figure.target
        return "" if target is None else "met" if target.met(self.value) else "**missed**"


def wall(sample: Sample) -> float:
    """Return the wall time in seconds."""
    return sample.wall_s


def cpu(sample: Sample) -> float:
    """Return the CPU time in seconds."""
    return sample.cpu_s


def peak(sample: Sample) -> float:
    """Return the peak resident memory in MiB."""
    return sample.peak_mib


def above_idle(sample: Sample) -> float:
    """Return by how much the work raised the peak memory, in MiB."""
    return sample.peak_mib - sample.idle_mib


def server_cpu(sample: Sample) -> float:
    """Return the CPU time that the directory used, in seconds."""
    return sample.server_cpu_s


def rows(sample: Sample) -> float:
    """Return the rows that were written."""
    return float(sample.rows)


def per_user_us(sample: Sample) -> float:
    """Return the wall time per user, in microseconds."""
    return sample.wall_s / sample.entries * 1e6


def ratio(one: str, other: str, amount: Amount) -> Formula:
    """Return one contestant's amount divided by the other's."""
    return Formula(
        (one, other),
        lambda samples: [amount(a) / amount(b) for a, b in zip(samples[one], samples[other], strict=True)],
    )


def plain(who: str, amount: Amount) -> Formula:
    """Return one contestant's amount."""
    return Formula((who,), lambda samples: [amount(sample) for sample in samples[who]])


def ratio_without_start(one: str, other: str, start: str) -> Formula:
    """Return one contestant's wall time divided by the other's without what it takes to start that program.

    Where the other one's work is short, its start is most of it, and a ratio to the whole flatters us.
    """

    def divided(samples: Samples) -> list[float]:
        triples = zip(samples[one], samples[other], samples[start], strict=True)
        return [a.wall_s / max(b.wall_s - c.wall_s, 1e-3) for a, b, c in triples]

    return Formula((one, other, start), divided)

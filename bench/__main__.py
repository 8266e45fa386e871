"""Take the figures: `python -m bench`, or `make bench`.

A run at full size writes its results into the repository; any other one into a folder of its own, so that a trial never
passes for the figures.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench import results
from bench.catalogue import FIGURES
from bench.contests import CONTESTS, FULL_SIZE, Stage
from bench.directory import running, slapd_version
from bench.errors import BenchProblem
from bench.figures import Figure, Samples, Taken
from bench.machine import Machine, this_machine
from bench.measuring import ROOT, Sample
from bench.people import Sizes

PAIRS = 5
HERE = ROOT / "bench"
BUILT = ROOT / "build" / "bench"


def main() -> int:
    """Run what the command line asks for, and return the exit code: 0 also where a target is missed."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))  # slapd ends with us
    try:
        taken, machine = _run(options.size, options.pairs, _chosen(options.only), options.cache)
    except BenchProblem as problem:
        _say(f"bench: {problem}")
        return 1
    folder = options.results or _folder(options)
    results.save(folder, taken, machine)
    text = f"{_title(options, machine)}\n\n{results.table(taken)}\n"
    sys.stdout.write(text)
    if folder == HERE / "results":
        results.put(HERE / "README.md", "figures", text)
    _say(f"results: {folder / 'latest.json'}")
    return 0


def _run(size: int, pairs: int, figures: Sequence[Figure], cache: Path) -> tuple[list[Taken], Machine]:
    sizes, machine = Sizes(size), this_machine(slapd_version())
    wanted = dict.fromkeys(figure.contest for figure in figures)
    _say(f"{size:,} people; the first run with so many makes their directory in {cache}")
    with running(sizes, cache) as directory, _stores(cache) as folder:
        stage = Stage(directory, folder)
        samples = {contest: _rounds(contest, _needed(contest, figures), stage, pairs) for contest in wanted}
    taken = [Taken(figure, tuple(figure.formula.of(samples[figure.contest]))) for figure in figures]
    return taken, machine


@contextmanager
def _stores(cache: Path) -> Iterator[Path]:
    """Make a folder for stores where the directories are: on a disk, as stores are, and not in a memory's /tmp."""
    with tempfile.TemporaryDirectory(prefix="stores-", dir=cache) as folder:
        yield Path(folder)


def _needed(contest: str, figures: Sequence[Figure]) -> frozenset[str]:
    """Return whom the figures need of a contest."""
    return frozenset(name for figure in figures if figure.contest == contest for name in figure.formula.contestants)


def _rounds(contest: str, needed: frozenset[str], stage: Stage, pairs: int) -> Samples:
    """Measure everybody who is needed once per round."""
    with CONTESTS[contest](stage) as everybody:
        contestants = {name: measure for name, measure in everybody.items() if name in needed}
        taken: dict[str, list[Sample]] = {name: [] for name in contestants}
        for number in range(1, pairs + 1):
            for name, measure in contestants.items():
                taken[name].append(_told(f"{contest} {number}/{pairs} {name}", measure))
    return taken


def _told(what: str, measure: Callable[[], Sample]) -> Sample:
    sample = measure()
    _say(f"  {what:<36} {sample.wall_s:8.3f} s wall {sample.cpu_s:8.3f} s CPU {sample.peak_mib:7.1f} MiB")
    return sample


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Lockstep against its peers.")
    parser.add_argument("--size", type=int, default=FULL_SIZE, help="how many people (default: %(default)s)")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="how many rounds (default: %(default)s)")
    parser.add_argument("--only", action="append", metavar="NAME", help="only this figure; may be repeated")
    parser.add_argument("--results", type=Path, help="the folder for the results")
    parser.add_argument("--cache", type=Path, default=BUILT, help="where directories are kept (default: build/bench)")
    options = parser.parse_args()
    if options.size < 1 or options.pairs < 1:
        parser.error("--size and --pairs are numbers from 1 on")
    unknown = set(options.only or ()) - {figure.name for figure in FIGURES}
    if unknown:
        parser.error(
            f"no figure is called {', '.join(sorted(unknown))}; there are {', '.join(f.name for f in FIGURES)}"
        )
    return options


def _chosen(only: Sequence[str] | None) -> list[Figure]:
    return [figure for figure in FIGURES if not only or figure.name in only]


def _folder(options: argparse.Namespace) -> Path:
    whole = options.size == FULL_SIZE and options.pairs >= PAIRS and not options.only
    return HERE / "results" if whole else BUILT / "results"


def _title(options: argparse.Namespace, machine: Machine) -> str:
    trial = "" if options.size == FULL_SIZE else f" The targets are for {FULL_SIZE:,} people; of fewer they say little."
    return f"{options.size:,} people, rounds: {options.pairs}. {machine.sentence()}{trial}"


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())

"""How figures follow from samples, and how their targets are judged."""

import json

import pytest

from bench.catalogue import FIGURES
from bench.contests import CONTESTS
from bench.figures import Figure, Taken, Target, cpu, plain, ratio, ratio_without_start, wall
from bench.measuring import Sample
from bench.results import as_json, shown, table

SAMPLES = {
    "ours": [Sample(wall_s=2, cpu_s=3), Sample(wall_s=4, cpu_s=1), Sample(wall_s=9, cpu_s=1)],
    "peer": [Sample(wall_s=1, cpu_s=1), Sample(wall_s=1, cpu_s=2), Sample(wall_s=3, cpu_s=4)],
    "start": [Sample(wall_s=0.5, cpu_s=0), Sample(wall_s=0.5, cpu_s=0), Sample(wall_s=1, cpu_s=0)],
}


def figure(name: str = "speed", target: Target | None = None) -> Figure:
    """Return a figure of these samples."""
    formula = ratio("ours", "peer", wall)
    return Figure(name=name, contest="reading", unit="ratio", what="how fast", target=target, formula=formula)


def taken(one: Figure) -> Taken:
    """Return a figure with its values."""
    return Taken(one, tuple(one.formula.of(SAMPLES)))


def test_a_ratio_is_taken_round_by_round() -> None:
    """Never the median of one divided by the median of the other: a busy moment hits both of a round."""
    assert ratio("ours", "peer", wall).of(SAMPLES) == [2, 4, 3]
    assert ratio("ours", "peer", cpu).of(SAMPLES) == [3, 0.5, 0.25]
    assert ratio_without_start("ours", "peer", "start").of(SAMPLES) == [4, 8, 4.5]
    assert plain("peer", wall).of(SAMPLES) == [1, 1, 3]


def test_the_value_is_the_median_of_the_rounds() -> None:
    """One bad moment does not move it."""
    assert taken(figure()).value == 3


@pytest.mark.parametrize(
    ("target", "verdict"),
    [
        (Target(most=3), "met"),
        (Target(most=2.9), "**missed**"),
        (Target(least=3), "met"),
        (Target(least=3.1), "**missed**"),
        (None, ""),
    ],
)
def test_a_target_is_met_or_missed(target: Target | None, verdict: str) -> None:
    """The limit itself is good enough."""
    assert taken(figure(target=target)).verdict == verdict


def test_results_hold_each_value_with_its_target() -> None:
    """As other programs read them."""
    (told,) = json.loads(as_json([taken(figure(target=Target(least=8)))])).values()
    assert told == {"value": 3, "unit": "ratio", "target": ">= 8", "against": None, "runs": [2, 4, 3]}


def test_the_table_shows_what_has_a_target_first() -> None:
    """Median, least, greatest, target, verdict."""
    rows = table([taken(figure("seen")), taken(figure("aimed", Target(most=2)))]).splitlines()[2:]
    assert rows == [
        "| `aimed`: how fast | ratio | 3 | 2 | 4 | ≤ 2 | **missed** |",
        "| `seen`: how fast | ratio | 3 | 2 | 4 |  |  |",
    ]


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (0.01234, "0.0123"), (1.5, "1.5"), (99.96, "100"), (1234.5, "1,234")]
)
def test_numbers_have_three_digits_that_count(number: float, text: str) -> None:
    """More would pretend to an exactness that no benchmark has."""
    assert shown(number) == text


def test_names_are_unique_and_every_figure_has_its_contest() -> None:
    """Whoever compares two results goes by the names."""
    names = [one.name for one in FIGURES]
    assert len(names) == len(set(names))
    assert {one.contest for one in FIGURES} == set(CONTESTS)

from __future__ import annotations

import random
from statistics import median

import pytest
from paired import (
    MIN_PAIRS,
    FigurePair,
    Interval,
    PairedCase,
    PairedVerdict,
    exit_status,
    median_interval,
)

FIFTEEN = [float(value) for value in range(1, 16)]
EQUAL = [0.97, 1.02, 0.99, 1.01, 1.0, 1.03, 0.98, 1.0, 1.01, 0.99, 1.02, 0.97, 1.0, 1.01, 0.99]


def case(
    ratios: list[float],
    *,
    unit: str = "/s",
    more_is_better: bool = True,
    tolerance: float = 0.0,
    old: float = 1000.0,
) -> PairedCase:
    pairs = [FigurePair(old, old * ratio) for ratio in ratios]
    return PairedCase("Group", "READ", unit, more_is_better, tolerance, pairs)


@pytest.mark.parametrize(
    ("count", "interval"),
    [
        (5, None),
        (6, Interval(1, 6)),
        (8, Interval(1, 8)),
        (9, Interval(2, 8)),
        (15, Interval(4, 12)),
        (20, Interval(6, 15)),
        (25, Interval(8, 18)),
    ],
)
def test_the_ends_are_those_of_the_tables_of_the_sign_test(
    count: int, interval: Interval | None
) -> None:
    values = [float(value) for value in range(1, count + 1)]
    random.Random(1).shuffle(values)
    assert median_interval(values) == interval


def test_fewer_values_than_the_least_have_no_interval() -> None:
    assert median_interval(FIFTEEN[:MIN_PAIRS]) is not None
    assert median_interval(FIFTEEN[: MIN_PAIRS - 1]) is None
    assert median_interval([]) is None


@pytest.mark.parametrize("count", [6, 15, 40])
def test_the_interval_holds_the_true_median_in_95_of_100_samples(count: int) -> None:
    source = random.Random(count)
    samples = 4000
    held = 0
    for _ in range(samples):
        # Lopsided, and with a far outlier in one of ten.
        values = [source.expovariate(1.0) * source.choice([1] * 9 + [100]) for _ in range(count)]
        interval = median_interval(values)
        assert interval is not None
        held += interval.low <= _TRUE_MEDIAN <= interval.high
    assert held / samples >= 0.945


_MANY = random.Random(0)
_TRUE_MEDIAN = median(
    _MANY.expovariate(1.0) * _MANY.choice([1] * 9 + [100]) for _ in range(400_000)
)


def test_how_far_away_an_outlier_lies_does_not_matter() -> None:
    assert median_interval([*FIFTEEN[:-1], 1e9]) == median_interval(FIFTEEN)
    assert median_interval([1e-9, *FIFTEEN[1:]]) == median_interval(FIFTEEN)


@pytest.mark.parametrize(
    ("factor", "more_is_better", "verdict"),
    [
        (1.0, True, PairedVerdict.NO_DIFFERENCE),
        (1.0, False, PairedVerdict.NO_DIFFERENCE),
        (0.9, True, PairedVerdict.WORSE),
        (0.9, False, PairedVerdict.BETTER),
        (1.1, True, PairedVerdict.BETTER),
        (1.1, False, PairedVerdict.WORSE),
    ],
)
def test_the_verdict_knows_whether_more_is_better(
    factor: float, more_is_better: bool, verdict: PairedVerdict
) -> None:
    measured = case([ratio * factor for ratio in EQUAL], more_is_better=more_is_better)
    assert measured.verdict is verdict


def test_three_spoiled_rounds_of_fifteen_change_no_verdict() -> None:
    slower = [ratio * 0.9 for ratio in EQUAL]
    assert case([*slower[:12], 50.0, 60.0, 70.0]).verdict is PairedVerdict.WORSE
    assert case([*EQUAL[:12], 0.001, 0.001, 0.001]).verdict is PairedVerdict.NO_DIFFERENCE


def test_an_interval_that_reaches_one_is_no_difference() -> None:
    assert case([1.0] * 15).verdict is PairedVerdict.NO_DIFFERENCE
    assert case([0.9] * 11 + [1.0] * 4).verdict is PairedVerdict.NO_DIFFERENCE
    assert case([0.9] * 12 + [1.0] * 3).verdict is PairedVerdict.WORSE


def test_differences_within_the_tolerance_are_none() -> None:
    assert case([1.015] * 15, tolerance=0.02).verdict is PairedVerdict.NO_DIFFERENCE
    assert case([0.985] * 15, tolerance=0.02).verdict is PairedVerdict.NO_DIFFERENCE
    assert case([1.03] * 15, tolerance=0.02).verdict is PairedVerdict.BETTER
    assert case([0.97] * 15, tolerance=0.02).verdict is PairedVerdict.WORSE


def test_a_round_without_replies_is_left_out() -> None:
    measured = case(EQUAL)
    measured.pairs += [FigurePair(0.0, 1000.0), FigurePair(1000.0, 0.0)]
    assert sorted(measured.ratios) == pytest.approx(sorted(EQUAL))
    assert measured.ratio == pytest.approx(1.0)


def test_too_few_pairs_are_no_verdict() -> None:
    assert case([0.5] * (MIN_PAIRS - 1)).verdict is PairedVerdict.TOO_FEW_PAIRS
    assert case([]).ratio is None


def test_a_repeated_case_is_decided_by_its_fresh_pairs_alone() -> None:
    first = case([0.9] * 15, unit="s", tolerance=0.01)
    again = first.repeated()
    assert (again.pairs, again.suspected) == ([], first.pairs)
    assert (again.group, again.case, again.unit) == ("Group", "READ", "s")
    assert (again.more_is_better, again.tolerance) == (True, 0.01)
    again.pairs += [FigurePair(1.0, 1.0)] * 15
    assert again.verdict is PairedVerdict.NO_DIFFERENCE


def test_the_exit_status_is_1_for_a_worse_case_and_2_for_an_undecided_one() -> None:
    equal, faster, slower = case(EQUAL), case([1.1] * 15), case([0.9] * 15)
    undecided = case([1.0])
    assert exit_status([equal, faster]) == 0
    assert exit_status([equal, slower, undecided]) == 1
    assert exit_status([equal, undecided]) == 2
    assert exit_status([]) == 2

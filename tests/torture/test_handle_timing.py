from __future__ import annotations

import random

import pytest

from handle_timing import mann_whitney, run
from torture.goals import all_missed


def test_one_distribution_is_told_from_two() -> None:
    chance = random.Random(5)
    first, second = ([round(chance.gauss(100, 10)) for _ in range(3000)] for _ in "12")
    assert mann_whitney(first, second)[0] > 0.01
    p, larger = mann_whitney([value + 2 for value in first], second)
    assert p < 0.001
    assert larger > 0.53


def test_a_known_small_case() -> None:
    # U = 0 of 16: z = -8 / sqrt(12), two-sided p = 0.0209.
    p, larger = mann_whitney([1, 2, 3, 4], [5, 6, 7, 8])
    assert p == pytest.approx(0.0209, abs=0.0001)
    assert larger == 0
    assert mann_whitney([1, 1], [1, 1]) == (1.0, 0.5)


def test_it_measures() -> None:
    assert "Mann–Whitney p" in run(2000)[0].measured


def test_handles_that_take_longer_are_found() -> None:
    assert all_missed(run(10_000, flaw="freed handles take longer"))

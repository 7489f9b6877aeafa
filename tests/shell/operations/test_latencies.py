"""How latencies are counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ether_shell.operations.latencies import Latencies


def counted(*values: int) -> Latencies:
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    return latencies


@given(st.lists(st.integers(0, 10**11), min_size=1), st.sampled_from([1, 50, 90, 99, 99.9, 100]))
def test_a_percentile_is_right_to_within_a_64th(values: list[int], percent: float) -> None:
    rank = next(n for n in range(1, len(values) + 1) if n >= len(values) * percent / 100)
    exact = sorted(values)[rank - 1]
    found = counted(*values).percentile(percent)
    assert exact <= found <= exact + exact // 64 + 1


@given(st.lists(st.integers(0, 10**11)))
def test_a_histogram_loses_nothing(values: list[int]) -> None:
    latencies = counted(*values)
    assert sum(count for _, count in latencies.histogram()) == len(values) == latencies.count
    assert latencies.longest_ns == max(values, default=0)


@pytest.mark.parametrize(
    ("values", "rows"),
    [
        ([], []),
        ([900], [(1_000, 1)]),
        ([1_500, 1_600, 9_000], [(2_000, 2), (5_000, 0), (10_000, 1)]),
        ([3_000_000], [(5_000_000, 1)]),
    ],
)
def test_rows_go_by_one_two_and_five(values: list[int], rows: list[tuple[int, int]]) -> None:
    assert counted(*values).histogram() == rows


def test_nothing_has_no_percentile() -> None:
    assert Latencies().percentile(50) == 0

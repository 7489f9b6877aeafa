"""Measured latencies, as they are seen."""

from __future__ import annotations

import pytest

from ether_shell.commands.bench import Measured
from ether_shell.drawing.measures import bar, duration
from ether_shell.operations.latencies import Latencies
from ether_shell.views.registry import render
from ether_shell.views.renderer import View


def test_percentiles_and_a_histogram() -> None:
    latencies = Latencies()
    for value in [40_000] * 6 + [70_000] * 3 + [1_500_000]:
        latencies.add(value)
    assert list(render(Measured("read", 64, 0.5, latencies, False), View())) == [
        "read 64 B: 10 requests in 0.50 s, 20 a second, stopped",
        "  p50 40.45 µs  p90 70.66 µs  p99 1.50 ms  p99.9 1.50 ms  max 1.50 ms",
        "  ≤   50 µs  ████████████████████████████████████████  60.00%  6",
        "  ≤  100 µs  ████████████████████  30.00%  3",
        "  ≤  200 µs",
        "  ≤  500 µs",
        "  ≤ 1.00 ms",
        "  ≤ 2.00 ms  ██████▋  10.00%  1",
    ]


def test_what_was_stopped_begins_below_the_terminals_own_sign() -> None:
    stopped, whole = (Measured("ping", 64, 0.5, Latencies(), whole) for whole in (False, True))
    assert next(iter(render(stopped, View(terminal=True)))) == ""
    assert next(iter(render(whole, View(terminal=True)))) != ""


def test_nothing_measured_is_no_histogram() -> None:
    result = Measured("ping", 64, 0.0, Latencies(), False)
    assert list(render(result, View())) == ["ping 64 B: 0 requests in 0.00 s, 0 a second, stopped"]


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [(0, "0 ns"), (950, "950 ns"), (1_500, "1.50 µs"), (48_230, "48.23 µs"), (2e9, "2.00 s")],
)
def test_short_times(nanoseconds: float, text: str) -> None:
    assert duration(nanoseconds) == text


@pytest.mark.parametrize(
    ("share", "shown"), [(0, ""), (1e-9, "▏"), (0.5, "█████"), (0.55, "█████▌"), (1, "█" * 10)]
)
def test_a_bar_is_right_to_an_eighth(share: float, shown: str) -> None:
    assert bar(share, 10) == shown

"""Sizes, times and counts as users read them."""

from __future__ import annotations

import pytest

from ether_shell.drawing.measures import bar, blocks, duration, moment, size_of, span, sparkline


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB (1,024 bytes)")],
)
def test_a_size(size: int, text: str) -> None:
    assert size_of(size) == text


def test_a_moment() -> None:
    assert moment(1_795_351_385_891) == "2026-11-22T12:43:05.891Z"
    assert moment(2**64 - 1) == str(2**64 - 1)


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 blocks"), (1, "1 block"), (4101, "4,101 blocks")]
)
def test_a_number_of_blocks(count: int, text: str) -> None:
    assert blocks(count) == text


@pytest.mark.parametrize(
    ("nanoseconds", "text"),
    [
        (999, "999 ns"),
        (1_000, "1.00 µs"),
        (48_210, "48.21 µs"),
        (123_456, "123.5 µs"),
        (1_230_000, "1.23 ms"),
        (2_000_000_000, "2.00 s"),
    ],
)
def test_a_duration(nanoseconds: float, text: str) -> None:
    assert duration(nanoseconds) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, ""), (0.0001, "▏"), (0.5, "██"), (0.53125, "██▏"), (1.0, "████")],
)
def test_a_bar(share: float, text: str) -> None:
    assert bar(share, 4) == text


def test_a_sparkline() -> None:
    assert sparkline([]) == ""
    assert sparkline([0, 0]) == "▁▁"
    assert sparkline([0, 7, 14]) == "▁▅█"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (125, "2 m 5 s"), (3_600, "1 h 0 m"), (273_600, "3 d 4 h")],
)
def test_a_span(seconds: int, text: str) -> None:
    assert span(seconds) == text

"""The server at work, as it is seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ether_shell.commands.top import Overview
from ether_shell.drawing.measures import span, sparkline
from ether_shell.drawing.style import coloured, without_colour
from ether_shell.views.registry import render
from ether_shell.views.renderer import View

BUSY = Overview(
    "localhost:9999",
    "etherd 0.1.0",
    {"clients": 1, "used_bytes": 512, "limit_bytes": 1024, "peak_bytes": 768, "uptime_seconds": 61},
    {"read": 1000.0, "write": 500.0, "stats": 1.0},
    (0, 256, 512),
    2,
    ((7, 384), (9, 128)),
)


def shown(result: Overview, **view: int) -> list[str]:
    return [str(line) for line in render(result, View(**view))]  # type: ignore[arg-type]  # all ints


def test_all_of_it() -> None:
    assert shown(BUSY, columns=40) == [
        "etherd 0.1.0 at localhost:9999  up 1 m 1",
        "",
        "memory  512 B of 1.0 KiB, 50.0%, peak 768 B",
        "          ▁▅█",
        "",
        "requests a second  1,501",
        "  read             1,000  █████████████",
        "  write              500  ██████▌",
        "  stats              1.0  ▏",
        "",
        "largest of 2 blocks",
        "  7                384 B  █████████████",
        "  9                128 B  ████▍",
    ]


def test_a_lost_server_is_said() -> None:
    lines = shown(replace(BUSY, problem="can't connect", rates={}))
    assert lines[1] == "! can't connect; trying again"
    assert "requests a second  0" in lines


@pytest.mark.parametrize("lines", [10, 16, 24, 60])
@pytest.mark.parametrize("columns", [50, 80, 200])
def test_it_fits_the_window(lines: int, columns: int) -> None:
    full = replace(
        BUSY,
        rates={f"command{n}": 100.0 - n for n in range(30)},
        largest=tuple((n, 1000 - n) for n in range(1, 64)),
        used=tuple(range(500)),
    )
    rows = shown(full, lines=lines, columns=columns)
    assert len(rows) <= max(lines, 15)
    assert max(map(len, rows)) <= columns


def test_colour_only_adds_colour() -> None:
    painted = [str(line) for line in render(BUSY, View(paint=coloured))]
    assert [without_colour(line) for line in painted] == shown(BUSY)


@pytest.mark.parametrize(
    ("values", "line"), [((), ""), ((0, 0), "▁▁"), ((5,), "█"), ((0, 50, 100), "▁▅█")]
)
def test_a_sparkline(values: tuple[int, ...], line: str) -> None:
    assert sparkline(values) == line


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (61, "1 m 1 s"), (7200, "2 h 0 m"), (90_000, "1 d 1 h")],
)
def test_long_times(seconds: int, text: str) -> None:
    assert span(seconds) == text

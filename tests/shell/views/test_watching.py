"""What is shown again and again, as it is seen."""

from __future__ import annotations

import pytest

from ether_shell.commands.reading import Bytes
from ether_shell.commands.server import Counters
from ether_shell.commands.watching import Round, Watched
from ether_shell.drawing.style import coloured, plain
from ether_shell.operations.ranges import DataPart
from ether_shell.views.registry import render
from ether_shell.views.renderer import Frame, Note, View
from ether_shell.views.watching import differing


def counted(**stats: int) -> Counters:
    return Counters(stats)


BEFORE, NOW = counted(blocks=1, used_bytes=64), counted(blocks=1, used_bytes=4096)
ROUND = Round(2, 0.5, "stats", (NOW,), (BEFORE,))


def test_a_pipe_gets_the_result() -> None:
    assert list(render(ROUND, View())) == ["blocks      1", "used_bytes  4096  4.0 KiB"]


def test_a_terminal_gets_a_frame_with_what_has_changed_marked() -> None:
    assert list(render(ROUND, View(terminal=True, redraws=True))) == [
        Frame(
            (
                "every 0.5 s: stats  ·  round 2, Ctrl-C stops",
                "blocks      1",
                "used_bytes >4096 >4.0>KiB",
            )
        )
    ]


def test_a_terminal_that_can_not_be_written_over_gets_lines() -> None:
    assert all(isinstance(line, str) for line in render(ROUND, View(terminal=True)))


def test_changed_bytes_are_marked() -> None:
    contents = Bytes(1, 0, 4, (DataPart(0, b"\0\1\0\0"),), "hex", changed=frozenset({1}))
    (frame,) = render(Round(2, 1, "read 1", (contents,), ()), View(terminal=True, redraws=True))
    assert isinstance(frame, Frame)
    assert frame.lines[1].startswith("00000000  00>01 00 00 ")


@pytest.mark.parametrize(
    ("before", "now", "shown"),
    [
        (["a  1"], ["a  1"], ["a  1"]),
        (["a  1"], ["a  2"], ["a >2"]),
        (["a  99"], ["a  100"], ["a >100"]),
        (["a 1", "b 1"], ["b 1"], ["b 1"]),
        (["a 1"], ["a 1", "b 1"], ["a 1", ">b>1"]),
        ([], [""], [""]),
    ],
)
def test_words_that_differ(before: list[str], now: list[str], shown: list[str]) -> None:
    assert list(differing(before, now, plain)) == shown


def test_what_differs_is_in_reverse() -> None:
    assert list(differing(["a 1"], ["a 2"], coloured)) == ["a>\x1b[7m2\x1b[0m"]


def test_the_end_says_how_it_went() -> None:
    view = View(terminal=True)
    assert list(render(Watched(12, 3, 5.04, False), view)) == [
        Note("12 rounds in 5.0 s; changes in 3 of them")
    ]
    assert list(render(Watched(1, 0, 5.0, True), view)) == [
        Note("\n1 round in 5.0 s; changes in 0 of them")
    ]

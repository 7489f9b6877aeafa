"""What is shown again and again, as it is seen."""

from __future__ import annotations

import pytest

from ether_shell.commands.live import Round, Watched
from ether_shell.commands.ranges import Piece
from ether_shell.commands.reading import Bytes
from ether_shell.commands.server import Counters
from ether_shell.views.layout import fitted, rows_of
from ether_shell.views.live import differing
from ether_shell.views.look import Frame, Note, View
from ether_shell.views.render import render
from ether_shell.views.style import coloured, plain


def counted(**stats: int) -> Counters:
    return Counters(stats)


BEFORE, NOW = counted(blocks=1, used_bytes=64), counted(blocks=1, used_bytes=4096)
ROUND = Round(2, 0.5, "stats", (NOW,), (BEFORE,))


def test_a_pipe_gets_the_result() -> None:
    assert list(render(ROUND, View())) == ["blocks      1", "used_bytes  4096  4.0 KiB"]


def test_a_terminal_gets_a_frame_with_what_has_changed_marked() -> None:
    assert list(render(ROUND, View(terminal=True, live=True))) == [
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
    contents = Bytes(1, 0, 4, (Piece(0, b"\0\1\0\0"),), "hex", changed=frozenset({1}))
    (frame,) = render(Round(2, 1, "read 1", (contents,), ()), View(terminal=True, live=True))
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


@pytest.mark.parametrize(
    ("lines", "rows", "shown"),
    [
        (["a", "b"], 3, ["a", "b"]),
        (["a", "b"], 10, ["a", "b"]),
        (["a", "b", "c", "d"], 4, ["a", "b", "… 2 more lines than the window has"]),
        (["x" * 25, "b", "c"], 5, ["x" * 25, "… 2 more lines than the window has"]),
    ],
)
def test_a_frame_leaves_a_row_free(lines: list[str], rows: int, shown: list[str]) -> None:
    assert fitted(lines, 10, rows) == shown


def test_colour_takes_no_columns() -> None:
    assert rows_of([coloured("name", "x" * 10), ""], 10) == 2


def test_the_end_says_how_it_went() -> None:
    view = View(terminal=True)
    assert list(render(Watched(12, 3, 5.04, False), view)) == [
        Note("12 rounds in 5.0 s; changes in 3 of them")
    ]
    assert list(render(Watched(1, 0, 5.0, True), view)) == [
        Note("\n1 round in 5.0 s; changes in 0 of them")
    ]

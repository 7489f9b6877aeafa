"""What reaches the two streams, and what is written over."""

from __future__ import annotations

import pytest

from ether_shell.commands.server import Pong
from ether_shell.commands.watching import Round
from ether_shell.execution.output import OutputStreams
from shell.conversation import Stream


@pytest.fixture
def streams() -> tuple[Stream, Stream]:
    return Stream(terminal=True), Stream(terminal=True)


def output(streams: tuple[Stream, Stream], term: str = "xterm") -> OutputStreams:
    return OutputStreams(*streams, {"TERM": term, "NO_COLOR": "1"})


def a_round(number: int) -> Round:
    return Round(number, 1.0, "ping", (Pong(0.5),), ())


FRAME = "every 1 s: ping  ·  round {}, Ctrl-C stops\npong, 0.50 ms\n"


def test_a_frame_takes_the_place_of_the_one_before(streams: tuple[Stream, Stream]) -> None:
    screen = output(streams)
    screen.show(a_round(1))
    assert streams[0].take().decode() == FRAME.format(1)
    screen.show(a_round(2))
    assert streams[0].take().decode() == "\x1b[2A\x1b[J" + FRAME.format(2)


def test_what_was_written_in_between_stays(streams: tuple[Stream, Stream]) -> None:
    screen = output(streams)
    screen.show(a_round(1))
    screen.note("connected again")
    streams[0].take()
    screen.show(a_round(2))
    assert streams[0].take().decode() == FRAME.format(2)
    screen.line("data")
    screen.show(a_round(3))
    assert streams[0].take().decode() == "data\n" + FRAME.format(3)


def test_a_dumb_terminal_is_not_written_over(streams: tuple[Stream, Stream]) -> None:
    screen = output(streams, "dumb")
    for number in (1, 2):
        screen.show(a_round(number))
    assert streams[0].take().decode() == FRAME.format(1) + FRAME.format(2)


def test_notes_are_held_while_something_else_has_the_screen(
    streams: tuple[Stream, Stream],
) -> None:
    screen = output(streams)
    with screen.holding_notes():
        screen.note("connected again")
        assert streams[1].take() == b""
    assert streams[1].take() == b"connected again\n"
    screen.note("more")
    assert streams[1].take() == b"more\n"

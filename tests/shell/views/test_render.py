"""Results as text, for a person and for a pipe."""

from __future__ import annotations

import sys

import pytest

from ether_shell.commands import atomics, blocks, guide, reading, server, writing
from ether_shell.commands.catalogue import COMMANDS
from ether_shell.commands.ranges import Gap, Piece
from ether_shell.language.declaration import Command, Result
from ether_shell.views.look import Note, View
from ether_shell.views.render import LOOKS, render

PIPE, TERMINAL = View(), View(terminal=True)
PIECES = (Piece(0, b"h\x1bi"),)


def block(form: str) -> Result:
    return reading.Bytes(1, 0, 3, PIECES, form)


@pytest.mark.parametrize(
    ("result", "terminal", "pipe"),
    [
        (server.Pong(0.1234), ["pong, 0.12 ms"], ["pong, 0.12 ms"]),
        (blocks.Allocated(7, 64), ["handle 7, 64 B"], ["7"]),
        (blocks.Allocated(7, 4096), ["handle 7, 4.0 KiB (4,096 bytes)"], ["7"]),
        (blocks.Freed(7), [Note("freed 7")], [Note("freed 7")]),
        (writing.Written(7, 2, 5), [Note("wrote 5 B at 2 in 7")], [Note("wrote 5 B at 2 in 7")]),
        (atomics.Added(7, 0, 5, 4), ["was 5, is 4"], ["5"]),
        (
            atomics.Compared(7, 0, True, bytes(8)),
            ["swapped, 0x0000000000000000 stood there"],
            ["0x0000000000000000", Note("swapped")],
        ),
        (
            atomics.Compared(7, 0, False, b"8 bytes!"),
            ["not swapped: it is 0x3820627974657321"],
            ["0x3820627974657321", Note("not swapped")],
        ),
        (
            blocks.Listing(2, [(1, 64), (12, 4096)]),
            [
                "    1               64  64 B",
                "   12            4,096  4.0 KiB",
                Note("2 blocks, 4.1 KiB"),
            ],
            ["1 64", "12 4096", Note("2 blocks, 4.1 KiB")],
        ),
        (blocks.Listing(0, []), [Note("no blocks")], [Note("no blocks")]),
        (
            blocks.Listing(500, [(1, 64)]),
            ["    1               64  64 B", Note("… 499 more of 500 blocks; list --all")],
            ["1 64", Note("… 499 more of 500 blocks; list --all")],
        ),
        (
            blocks.Described(7, 64, True, 1_795_351_385_891),
            [
                "handle   7",
                "size     64 B",
                "session  yes, freed with its connection",
                "created  2026-11-22T12:43:05.891Z",
            ],
            [
                "handle   7",
                "size     64 B",
                "session  yes, freed with its connection",
                "created  2026-11-22T12:43:05.891Z",
            ],
        ),
        (
            server.Counters({"blocks": 2, "used_bytes": 4096}),
            ["blocks      2", "used_bytes  4096  4.0 KiB"],
            ["blocks      2", "used_bytes  4096  4.0 KiB"],
        ),
        (
            block("hex"),
            ["00000000  68 1b 69                                          |h.i|"],
            ["00000000  68 1b 69                                          |h.i|"],
        ),
        (block("text"), [b"h\\ei", b"\n"], [b"h\x1bi", b"\n"]),
        (
            block("raw"),
            [
                b"h\\ei",
                b"\n",
                Note("escaped, because this is a terminal: raw bytes go to a pipe or a file"),
            ],
            [b"h\x1bi"],
        ),
        (block("base64"), [b"aBtp", b"\n"], [b"aBtp", b"\n"]),
        (guide.Leave(), [], []),
    ],
)
def test_what_is_written(
    result: Result, terminal: list[str | bytes | Note], pipe: list[str | bytes | Note]
) -> None:
    assert list(render(result, TERMINAL)) == terminal
    assert list(render(result, PIPE)) == pipe


def test_base64_names_what_it_leaves_out() -> None:
    parts = (Piece(0, b"abc"), Gap(3, 100_000), Piece(100_003, b"def"))
    said = list(render(reading.Bytes(1, 0, 100_006, parts, "base64"), TERMINAL))
    assert said[0] == b"YWJj"
    assert "100,000 bytes left out" in str(said[1])
    assert said[2:] == [b"ZGVm", b"\n"]


def test_what_a_server_says_of_itself() -> None:
    greeting = server.Greeting("etherd", "0.1.0", 16 << 20, 1 << 30, 0, False, ("list", "fill"))
    assert list(render(greeting, PIPE)) == [
        "server           etherd 0.1.0",
        "largest payload  16.0 MiB (16,777,216 bytes)",
        "memory limit     1.0 GiB (1,073,741,824 bytes)",
        "handle limit     none",
        "authentication   not needed",
        "features         list, fill",
    ]


def test_a_time_that_is_no_date_is_its_number() -> None:
    lines = list(render(blocks.Described(1, 1, False, 2**64 - 1), PIPE))
    assert lines[-1] == f"created  {2**64 - 1}"


def test_help_has_a_line_for_each_command_within_eighty_columns() -> None:
    lines = [str(line) for line in render(guide.Manual(COMMANDS.sections), PIPE)]
    for command in COMMANDS.commands:
        assert any(line.strip().startswith(command.name) for line in lines)
    assert max(map(len, lines)) < 80


@pytest.mark.parametrize(
    "topic", [None, *COMMANDS.commands], ids=lambda topic: topic and topic.name
)
def test_help_on_a_narrow_terminal_ends_its_lines_between_words(topic: Command | None) -> None:
    manual = guide.Manual(COMMANDS.sections, topic)
    narrow = [str(line) for line in render(manual, View(terminal=True, columns=40))]
    wide = [str(line) for line in render(manual, View(terminal=True, columns=500))]
    assert " ".join(narrow).split() == " ".join(wide).split()
    unbroken = [f"  {example.line}" for example in topic.examples] if topic else []
    assert max(len(line) for line in narrow if line not in unbroken) <= 40


@pytest.mark.parametrize("topic", COMMANDS.commands, ids=lambda topic: topic.name)
def test_help_on_a_command_names_all_its_parts(topic: Command) -> None:
    text = "\n".join(str(line) for line in render(guide.Manual((), topic), PIPE))
    assert text.startswith(topic.usage)
    for part in topic.parts:
        assert part.help in text
    for example in topic.examples:
        assert example.line in text


def leaves(kind: type[Result]) -> set[type[Result]]:
    """The types that nothing is derived from."""
    below = {leaf for each in kind.__subclasses__() for leaf in leaves(each)}
    # A dataclass with slots may leave the class behind that it was made from.
    named = getattr(sys.modules[kind.__module__], kind.__name__)
    return below or ({kind} if kind is named else set())


def test_every_type_of_result_has_a_look() -> None:
    assert set(LOOKS) == leaves(Result)

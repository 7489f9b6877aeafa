"""How whole blocks look."""

from __future__ import annotations

import pytest

from ether_shell.commands import blocks
from ether_shell.language.declaration import Result
from ether_shell.views.registry import render
from ether_shell.views.renderer import Note, View

PIPE, TERMINAL = View(), View(terminal=True)


@pytest.mark.parametrize(
    ("result", "terminal", "pipe"),
    [
        (blocks.Allocated(7, 64), ["handle 7, 64 B"], ["7"]),
        (blocks.Allocated(7, 4096), ["handle 7, 4.0 KiB (4,096 bytes)"], ["7"]),
        (blocks.Freed(7), [Note("freed 7")], [Note("freed 7")]),
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
    ],
)
def test_what_is_written(
    result: Result, terminal: list[str | bytes | Note], pipe: list[str | bytes | Note]
) -> None:
    assert list(render(result, TERMINAL)) == terminal
    assert list(render(result, PIPE)) == pipe


def test_a_time_that_is_no_date_is_its_number() -> None:
    lines = list(render(blocks.Described(1, 1, False, 2**64 - 1), PIPE))
    assert lines[-1] == f"created  {2**64 - 1}"

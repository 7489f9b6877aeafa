"""Help pages of commands that exist only here."""

from __future__ import annotations

from ether_shell.drawing.help_pages import overview, page
from ether_shell.language.declaration import (
    Argument,
    Example,
    Option,
    Results,
    Section,
    ShellCommand,
)
from ether_shell.language.values import HANDLE, SIZE


def nothing() -> Results:
    yield from ()


DIG = ShellCommand(
    "dig",
    "dig a hole",
    nothing,
    (Argument("handle", HANDLE, "where"), Argument("depth", SIZE, "how deep", required=False)),
    (Option("at", "first byte", SIZE), Option("fast", "without care")),
    (Example("dig 1 7", "seven deep"),),
    "Holes stay open.",
    aliases=("burrow",),
)


def test_a_page_has_all_that_is_declared() -> None:
    assert list(page(DIG)) == [
        "dig HANDLE [DEPTH] [--at N] [--fast]",
        "  dig a hole",
        "",
        "  Holes stay open.",
        "",
        "  HANDLE  where",
        "  DEPTH   how deep",
        "  --at N  first byte",
        "  --fast  without care",
        "",
        "  dig 1 7  # seven deep",
        "",
        "  Also: burrow",
    ]


def test_an_overview_has_a_line_for_each() -> None:
    fill = ShellCommand("fill", "fill a hole", nothing)
    lines = list(overview((Section("Holes", DIG, fill),)))
    assert lines[:4] == [
        "Holes",
        "  dig HANDLE [DEPTH]  dig a hole",
        "  fill                fill a hole",
        "",
    ]

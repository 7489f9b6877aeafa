"""All blocks in one picture, as it is seen."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ether_shell.commands.block_map import BlockMap, BlockShare
from ether_shell.drawing.style import coloured
from ether_shell.views.block_map import ROWS, placed
from ether_shell.views.registry import render
from ether_shell.views.renderer import Note, View


def test_blocks_stand_in_proportion() -> None:
    sizes = ((1, 8000, True), (4, 4000, False), (5, 3900, False), (6, 1, False))
    shares = tuple(BlockShare(*each) for each in sizes)
    assert list(render(BlockMap(16000, 1 << 20, shares), View(columns=11, redraws=True))) == [
        "4 blocks, 15.6 KiB of 1.0 MiB in use",
        "*1████████",
        "██████████",
        "██████████",
        "██████████",
        "4▒▒▒▒▒▒▒▒▒",
        "▒▒▒▒▒▒▒▒▒▒",
        "5░░░░░░░░░",
        "░░░░░░░░░░",
        Note(
            "█▓ and * yours, ░▒ others; a cell is about 198 B; 1 block too small to be seen"
        ),
    ]  # fmt: skip


def test_nothing_is_no_picture() -> None:
    assert list(render(BlockMap(0, 0, ()), View())) == ["0 blocks, 0 B in use"]


def test_without_a_screen_it_is_a_list_with_the_largest_first() -> None:
    shares = (BlockShare(1, 100, True), BlockShare(4, 300, False))
    assert list(render(BlockMap(400, 0, shares), View())) == [
        "2 blocks, 400 B in use",
        "4 300 75.0% another's",
        "1 100 25.0% yours",
    ]


def test_own_blocks_have_a_colour_too() -> None:
    lines = list(
        render(
            BlockMap(8, 0, (BlockShare(1, 8, True),)),
            View(columns=11, paint=coloured, redraws=True),
        )
    )
    assert lines[1] == "\x1b[32m*1████████\x1b[0m"


@given(st.lists(st.integers(1, 2**40), min_size=1, max_size=50), st.integers(11, 200))
def test_every_cell_is_drawn_once(sizes: list[int], columns: int) -> None:
    shares = tuple(
        BlockShare(handle, size, handle % 3 == 0) for handle, size in enumerate(sizes, 1)
    )
    runs = placed(shares, (columns - 1) * ROWS)
    assert sum(count for _, count in runs) == (columns - 1) * ROWS
    total = sum(sizes)
    for share, count in runs:
        assert abs(count - share.size * (columns - 1) * ROWS / total) <= 1
    lines = [
        str(line)
        for line in render(BlockMap(total, 0, shares), View(columns=columns, redraws=True))
    ]
    assert [len(line) for line in lines[1:-1]] == [columns - 1] * ROWS

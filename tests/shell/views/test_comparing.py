"""Differences, as they are seen."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ether_shell.commands.comparing import Difference, SnapshotList
from ether_shell.drawing.style import coloured, without_colour
from ether_shell.session.snapshots import Snapshot
from ether_shell.views.comparing import runs
from ether_shell.views.registry import render
from ether_shell.views.renderer import Note, View


def difference(before: bytes, after: bytes) -> Difference:
    return Difference(7, 1, 3, 0x10, before, after, True)


def test_both_sides_stand_beside_each_other() -> None:
    before = b"hello\0\0\0" + bytes(16) + b"ab"
    after = b"hullo\0\0\0" + bytes(16) + b"aB"
    assert list(render(difference(before, after), View())) == [
        "00000010  68>65 6c 6c 6f 00 00 00 │hello⋄⋄⋄│  68>75 6c 6c 6f 00 00 00 │hullo⋄⋄⋄│",
        "… 2 equal rows",
        "00000028  61>62                   │ab│        61>42                   │aB│",
        Note("@1 and @3: 2 bytes differ"),
    ]


@pytest.mark.parametrize(("columns", "each"), [(50, 4), (80, 8), (150, 16)])
def test_rows_are_as_long_as_the_terminal_is_wide(columns: int, each: int) -> None:
    lines = [str(line) for line in render(difference(bytes(64), b"\1" * 64), View(columns=columns))]
    assert len(lines) == 64 / each + 1
    assert max(map(len, lines)) <= columns


def test_colour_only_adds_colour() -> None:
    result = difference(b"abc", b"aXc")
    plain = [str(line) for line in render(result, View())]
    shown = [without_colour(str(line)) for line in render(result, View(paint=coloured))]
    assert shown == plain


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3))))
def test_runs_are_exactly_what_differs(pairs: list[tuple[int, int]]) -> None:
    before, after = (bytes(side) for side in zip(*pairs, strict=True)) if pairs else (b"", b"")
    found = list(runs(before, after))
    differing = {at for at in range(len(before)) if before[at] != after[at]}
    assert {at for start, end in found for at in range(start, end)} == differing
    assert all(end < start for (_, end), (start, _) in pairwise(found))


def test_very_many_rows_do_not_flood_a_terminal() -> None:
    result = difference(bytes(8 * 600), b"\1" * 8 * 600)
    lines = list(render(result, View(terminal=True)))
    assert len(lines) == 512 + 2
    assert lines[-2:] == [
        Note("… 88 more rows differ; a pipe gets them all"),
        Note("@1 and @3: 4,800 bytes differ"),
    ]
    assert len(list(render(result, View()))) == 600 + 1


def test_a_change_in_much_that_is_equal_is_found() -> None:
    before = bytes(300_000)
    after = bytes(200_000) + b"!" + bytes(99_999)
    assert list(render(difference(before, after), View())) == [
        "… 25,000 equal rows",
        "00030d50 >00 00 00 00 00 00 00 00 │⋄⋄⋄⋄⋄⋄⋄⋄│ >21 00 00 00 00 00 00 00 │!⋄⋄⋄⋄⋄⋄⋄│",
        "… 12,499 equal rows",
        Note("@1 and @3: 1 byte differs"),
    ]
    assert list(runs(before, after)) == [(200_000, 200_001)]


def test_snapshots_in_a_pipe_are_words() -> None:
    kept = SnapshotList((Snapshot(7, 1, 16, b"abc"),))
    assert list(render(kept, View())) == ["7 @1 3 16", Note("1 snapshot, 3 B")]
    assert list(render(SnapshotList(()), View())) == [Note("no snapshots")]

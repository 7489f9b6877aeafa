"""Memory as it changes, on the screen of a real terminal."""

from __future__ import annotations

from pathlib import Path

from harness import Etherd
from shell.screen import Screen

ENTER = "\r"


def test_enter_goes_on_where_x_ended(etherd: Etherd, home: Path) -> None:
    with Screen(etherd.address, home=home) as screen:
        screen.is_asked("0 blocks")
        screen.type("alloc 64" + ENTER + 'write 1 "abcdefgh"' + ENTER + "x/4xb $_" + ENTER)
        screen.is_asked("00000000  61 62 63 64  │abcd│")
        screen.type(ENTER)
        screen.is_asked("00000004  65 66 67 68  │efgh│")
        screen.type(ENTER)
        screen.is_asked("00000008  00 00 00 00  │⋄⋄⋄⋄│")

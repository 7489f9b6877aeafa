"""What stands faintly behind the cursor."""

from __future__ import annotations

import pytest

from ether_shell.commands.catalogue import COMMANDS
from ether_shell.terminal.hints import hint


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("", ""),
        ("wri", ""),
        ("ping", ""),
        ("write", " HANDLE DATA [--at N]"),
        ("write ", "HANDLE DATA [--at N]"),
        ("write 1", " DATA [--at N]"),
        ("write 1 hi --at ", "N"),
        ("write 1 hex:de ad", " [--at N]"),
        ("write 1 hex:de a", ""),
        ("write --at 4 ", "HANDLE DATA"),
        ("write 1 hi --at 4", ""),
        ("read 1 ", "[LENGTH] [--at N] [--as FORM] [--all]"),
        ("free ", "HANDLE… [--all]"),
        ("free 1 ", "[HANDLE…] [--all]"),
        ("bench ping ", "[VERB…] [--size N] [--requests N] [--seconds S]"),
        ("let", " [NAME] [=] [COMMAND…]"),
        ("let a = alloc ", "SIZE [--session]"),
        ("watch", " SECONDS COMMAND… [--count N]"),
        ("watch 1 ", "COMMAND… [--count N]"),
        ("watch 1 read", " HANDLE [LENGTH] [--at N] [--as FORM] [--all]"),
        ("watch 1 x/4xw 7 ", "[--big] [--all] [--full]"),
        ("x/32xb", " ADDRESS [--big] [--all] [--full]"),
        ("read/32xb", ""),
        ('write 1 "ab', ""),
        ("read 1 --bogus ", ""),
        ("ping # why", ""),
        ('"write" ', ""),
    ],
)
def test_what_is_still_missing(line: str, shown: str) -> None:
    assert hint(line, COMMANDS) == shown

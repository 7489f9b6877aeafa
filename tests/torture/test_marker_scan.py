from __future__ import annotations

import ctypes
import os

import pytest

from daemons import daemon, transports
from marker_scan import USES, left_behind, markers_in, run
from torture.goals import missed


def test_this_process_has_the_marker_it_holds() -> None:
    half = os.urandom(8)
    held = ctypes.create_string_buffer(half + half[::-1], 16)
    marker = half + half[::-1]
    assert markers_in(os.getpid(), marker) >= 2
    assert held.raw == marker


# Every use over TCP, half of them over each other transport; the session has them all.
SHARES = {"tcp": slice(None), "unix": slice(0, None, 2), "tls": slice(1, None, 2)}


@pytest.mark.parametrize("transport", transports())
def test_nothing_is_left_of_a_freed_block(transport: str) -> None:
    assert missed(run([transport], 1, list(USES)[SHARES[transport]])) == []


def test_memory_that_is_not_wiped_is_found() -> None:
    marker = os.urandom(16)
    with daemon("--max-memory", "64MiB", flaw="nothing is wiped") as target:
        assert left_behind(target, USES["REALLOC"], marker) > 200 * 1024 // 16 // 2

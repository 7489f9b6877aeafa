"""How memory is got from the system empty, and made empty again.

Rule: after `wipe` a range reads as zeros; whole pages of it are back with the
kernel.  This file knows mmap and no block.
"""

from __future__ import annotations

import mmap
import os
import sys
from collections.abc import Iterator
from contextlib import suppress

PAGE_BYTES = mmap.PAGESIZE
WIPE_STEP_BYTES = 8 * 1024 * 1024
"""How much is wiped in one step of deferred work: about a millisecond's worth."""

_PAGES_FROM_BYTES = 16 * 1024
# Linux promises that pages after MADV_DONTNEED read as zeros; others do not.
_KERNEL_WIPES = sys.platform == "linux"
# Python knows this flag from 3.13 on; most of Linux's architectures share the number.
_NORESERVE = getattr(
    mmap,
    "MAP_NORESERVE",
    0x4000 if sys.platform == "linux" and os.uname().machine in ("x86_64", "aarch64") else 0,
)
_NO_DUMP: int | None = getattr(mmap, "MADV_DONTDUMP", None)  # Linux's
_ZEROS = memoryview(bytes(256 * 1024))


def reserve(size: int, *, sparse: bool = False) -> mmap.mmap:
    """`size` zeroed bytes that cost nothing until they are touched; raises OSError.

    A `sparse` reservation is not held against what the machine has.  None of
    it is in a core dump.
    """
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    if sparse:
        flags |= _NORESERVE
    memory = mmap.mmap(-1, size, flags=flags)
    if _NO_DUMP is not None:
        with suppress(OSError):  # no map is left to split; the daemon dumps no core anyway
            memory.madvise(_NO_DUMP)
    return memory


def wipe(memory: mmap.mmap, start: int, end: int) -> None:
    """Zero `memory[start:end]`, at once; enough whole pages go back to the kernel."""
    first = -(-start // PAGE_BYTES) * PAGE_BYTES
    last = end // PAGE_BYTES * PAGE_BYTES
    if _KERNEL_WIPES and last - first >= _PAGES_FROM_BYTES:
        memory.madvise(mmap.MADV_DONTNEED, first, last - first)
        _zero(memory, start, first)
        _zero(memory, last, end)
    else:
        _zero(memory, start, end)


def _zero(memory: mmap.mmap, start: int, end: int) -> None:
    while start < end:
        step = min(len(_ZEROS), end - start)
        memory[start : start + step] = _ZEROS[:step]
        start += step


def wipe_in_steps(memory: mmap.mmap, start: int, end: int) -> Iterator[int]:
    """The same for a range of any length, a step at a time; yields how many bytes that was."""
    while start < end:
        # The kernel's pages are cut where the steps are: keep them whole.
        stop = min(end, (start + WIPE_STEP_BYTES) // PAGE_BYTES * PAGE_BYTES)
        wipe(memory, start, stop)
        yield stop - start
        start = stop

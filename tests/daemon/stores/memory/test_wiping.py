from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ether_daemon.stores.memory import wiping
from ether_daemon.stores.memory.wiping import (
    PAGE_BYTES,
    WIPE_STEP_BYTES,
    reserve,
    wipe,
    wipe_in_steps,
)

LENGTH = 40 * PAGE_BYTES
linux = pytest.mark.skipif(sys.platform != "linux", reason="what Linux does with pages")

EDGES = [
    (0, 0),
    (0, 1),
    (5, 6),
    (0, LENGTH),
    (1, LENGTH - 1),
    (PAGE_BYTES, LENGTH - PAGE_BYTES),
    (PAGE_BYTES - 1, 5 * PAGE_BYTES + 1),
    (PAGE_BYTES + 1, 5 * PAGE_BYTES - 1),
    (7, 7 + 4 * PAGE_BYTES),
    (7, 6 + 4 * PAGE_BYTES),
    (LENGTH, LENGTH),
]


def resident_bytes() -> int:
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * PAGE_BYTES


@pytest.mark.parametrize("kernel", [True, False])
@pytest.mark.parametrize(("start", "end"), EDGES)
def test_the_range_reads_as_zeros_and_nothing_else_changes(
    start: int, end: int, kernel: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wiping, "_KERNEL_WIPES", kernel and sys.platform == "linux")
    memory = reserve(LENGTH)
    memory[:] = b"\xaa" * LENGTH

    wipe(memory, start, end)
    expected = b"\xaa" * start + bytes(end - start) + b"\xaa" * (LENGTH - end)
    assert memory[:] == expected


@linux
@pytest.mark.parametrize("page", [4096, 16 * 1024, 64 * 1024])
def test_whole_pages_whatever_their_size(page: int, monkeypatch: pytest.MonkeyPatch) -> None:
    # Some ARM kernels have pages of 64 KiB: a range may hold none of them whole.
    if page < PAGE_BYTES:
        pytest.skip("this machine's pages are larger")
    monkeypatch.setattr(wiping, "PAGE_BYTES", page)
    memory = reserve(8 * page)
    for start, length in ((1, 16 * 1024), (page - 1, page), (page - 1, page + 2), (0, 3 * page)):
        memory[:] = b"\xaa" * len(memory)
        wipe(memory, start, start + length)
        expected = b"\xaa" * start + bytes(length) + b"\xaa" * (8 * page - start - length)
        assert memory[:] == expected


@linux
def test_whole_pages_go_back_to_the_kernel() -> None:
    length = 64 * 1024 * 1024
    memory = reserve(length)
    memory[:] = b"\xaa" * length
    before = resident_bytes()

    wipe(memory, 0, length)
    assert before - resident_bytes() > length // 2


@linux
@pytest.mark.parametrize("sparse", [True, False])
def test_a_reservation_costs_nothing_and_reads_as_zeros(sparse: bool) -> None:
    before = resident_bytes()
    memory = reserve(256 * 1024 * 1024, sparse=sparse)

    assert memory[:8] + memory[-8:] == bytes(16)
    assert resident_bytes() - before < 16 * 1024 * 1024


@linux
def test_a_sparse_reservation_is_not_held_against_the_machine() -> None:
    memory = reserve(1 << 30, sparse=True)
    assert memory[:1] == b"\0"
    flags: list[str] = []
    for line in Path("/proc/self/smaps").read_text().splitlines():
        first = line.split()[0]
        if "-" in first and not first.endswith(":"):
            low, high = (int(text, 16) for text in first.split("-"))
        elif first == "VmFlags:" and high - low >= 1 << 30:
            flags += line.split()[1:]
    assert "nr" in flags


def test_what_the_system_does_not_have_is_an_os_error() -> None:
    with pytest.raises((OSError, OverflowError)):
        reserve(1 << 62)


@pytest.mark.parametrize(
    ("start", "end", "steps"),
    [
        (0, 0, 0),
        (3, 4, 1),
        (0, WIPE_STEP_BYTES, 1),
        (0, WIPE_STEP_BYTES + 1, 2),
        (1, WIPE_STEP_BYTES + 1, 2),
        (PAGE_BYTES + 3, 2 * WIPE_STEP_BYTES + 9, 2),
    ],
)
def test_steps(start: int, end: int, steps: int) -> None:
    memory = reserve(2 * WIPE_STEP_BYTES + PAGE_BYTES)
    memory[:] = b"\xaa" * len(memory)

    assert sum(1 for _ in wipe_in_steps(memory, start, end)) == steps
    assert memory[start:end] == bytes(end - start)
    assert memory[end:] == b"\xaa" * (len(memory) - end)
    assert memory[:start] == b"\xaa" * start


def not_dumped_kib() -> int:
    """How much of this process the kernel would leave out of a core dump."""
    total = size = 0
    for line in Path("/proc/self/smaps").read_text().splitlines():
        name, *rest = line.split()
        if name == "Size:":
            size = int(rest[0])
        elif name == "VmFlags:" and "dd" in rest:
            total += size
    return total


@linux
@pytest.mark.parametrize("sparse", [False, True])
def test_nothing_of_it_is_in_a_core_dump(sparse: bool) -> None:
    before = not_dumped_kib()
    memory = reserve(1 << 20, sparse=sparse)
    memory[:4] = b"data"
    assert not_dumped_kib() == before + 1024
    memory.resize(2 << 20)
    assert not_dumped_kib() == before + 2048
    memory.close()

"""Whether bytes of a freed block are left anywhere in the daemon's memory.

Rule: the process is stopped two ticks after the reply is there, and every page
that it has is looked at; nothing is concluded from the daemon's own words.
"""

from __future__ import annotations

import os
import signal
import socket
import struct
import threading
from array import array
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from time import sleep

from daemons import TorturedDaemon, daemon, transports, wait_for
from talk import (
    ALLOC,
    COMPARE_SWAP,
    COPY,
    FREE,
    NOT_FOUND,
    PING,
    READ,
    REALLOC,
    SESSION,
    WRITE,
    Hung,
    ask,
    hang_up,
    hear,
    hear_old,
    old_request,
    request,
    statistics,
)
from trials import KIB, MIB, Trial

_PAGE = os.sysconf("SC_PAGESIZE")
_IN_MEMORY = 0b11 << 62
"""Bits of /proc/PID/pagemap: the page is in memory, or in swap."""
_MARKER_BYTES = 16
_READ_AT_ONCE = 8 * MIB
_SETTLE_SECONDS = 0.6
"""Two ticks of the daemon and a bit: what it tidies now and then is tidied."""


def markers_in(pid: int, marker: bytes) -> int:
    """How often `marker` stands in the memory of process `pid`, pages never touched left out."""
    found = 0
    with open(f"/proc/{pid}/mem", "rb", 0) as memory, open(f"/proc/{pid}/pagemap", "rb", 0) as map_:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            span, permissions = line.split()[:2]
            if "r" not in permissions or "[v" in line:
                continue
            start, end = (int(part, 16) for part in span.split("-"))
            for first, last in _touched(map_.fileno(), start, end):
                found += _count(memory.fileno(), first, last, marker)
    return found


def _touched(pagemap: int, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The runs of pages in `start:end` that hold anything."""
    entries = array("Q")
    at, stop = start // _PAGE * 8, end // _PAGE * 8
    while at < stop:
        data = os.pread(pagemap, min(stop - at, MIB), at)
        if not data:
            break
        entries.frombytes(data)
        at += len(data)
    first = None
    for number, entry in enumerate(entries):
        if entry & _IN_MEMORY:
            first = number if first is None else first
        elif first is not None:
            yield start + first * _PAGE, start + number * _PAGE
            first = None
    if first is not None:
        yield start + first * _PAGE, start + len(entries) * _PAGE


def _count(memory: int, start: int, end: int, marker: bytes) -> int:
    found, rest = 0, b""
    while start < end:
        try:
            data = os.pread(memory, min(end - start, _READ_AT_ONCE), start)
        except OSError:
            break  # gone meanwhile, or never to be read
        if not data:
            break
        found += (rest + data).count(marker)
        rest = data[-(len(marker) - 1) :]
        start += len(data)
    return found


Use = Callable[[TorturedDaemon, bytes], None]
"""Bring a marker into the daemon and out again; two ticks later nothing may be left."""


def _marked(marker: bytes, size: int) -> bytes:
    return (marker * (size // len(marker) + 1))[:size]


def _write_read_free(size: int) -> Use:
    def use(target: TorturedDaemon, marker: bytes) -> None:
        with target.socket() as sock:
            handle = ask(sock, ALLOC, size=size).handle
            ask(sock, WRITE, handle, payload=_marked(marker, size))
            ask(sock, READ, handle, size)
            ask(sock, FREE, handle)

    return use


def _split_write(size: int) -> Use:
    """The payload comes in pieces, so that it is awaited."""

    def use(target: TorturedDaemon, marker: bytes) -> None:
        with target.socket() as sock:
            handle = ask(sock, ALLOC, size=size).handle
            message = request(WRITE, handle, payload=_marked(marker, size))
            for start in range(0, len(message), len(message) // 3 + 1):
                sock.sendall(message[start : start + len(message) // 3 + 1])
                sleep(0.005)
            hear(sock)
            ask(sock, FREE, handle)

    return use


def _pipelined(target: TorturedDaemon, marker: bytes) -> None:
    with target.socket() as sock:
        handle = ask(sock, ALLOC, size=1000).handle
        one = request(WRITE, handle, payload=_marked(marker, 1000)) + request(READ, handle, 1000)
        sock.sendall(one * 100 + request(FREE, handle))
        for _ in range(201):
            hear(sock)


def _cut_off_write(target: TorturedDaemon, marker: bytes) -> None:
    """A WRITE that never becomes whole: its client resets the connection."""
    sock = target.socket()
    handle = ask(sock, ALLOC, size=MIB).handle
    sock.sendall(request(WRITE, handle, payload=_marked(marker, MIB))[: MIB // 2])
    sleep(0.05)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()
    with target.socket() as other:
        ask(other, FREE, handle)


def _realloc(target: TorturedDaemon, marker: bytes) -> None:
    with target.socket() as sock:
        for size in (200 * KIB, 2 * MIB):
            handle = ask(sock, ALLOC, size=size).handle
            ask(sock, WRITE, handle, payload=_marked(marker, size))
            ask(sock, REALLOC, handle, 8)
            ask(sock, WRITE, handle, payload=bytes(8))


def _small_words(target: TorturedDaemon, marker: bytes) -> None:
    with target.socket() as sock:
        source, copy = (ask(sock, ALLOC, size=64).handle for _ in "12")
        ask(sock, PING, payload=_marked(marker, 4 * KIB))
        ask(sock, COMPARE_SWAP, source, payload=bytes(8) + marker[:8])
        ask(sock, WRITE, source, payload=_marked(marker, 64))
        ask(sock, COPY, copy, 64, payload=struct.pack(">QQ", source, 0))
        ask(sock, FREE, source)
        ask(sock, FREE, copy)


def _session_end(target: TorturedDaemon, marker: bytes) -> None:
    with target.socket() as sock:
        handles = [ask(sock, ALLOC, size=size, flags=SESSION).handle for size in (5000, 5 * MIB)]
        for handle, size in zip(handles, (5000, 5 * MIB), strict=True):
            ask(sock, WRITE, handle, payload=_marked(marker, size))
    with target.socket() as other:
        for handle in handles:
            wait_for(lambda handle=handle: ask(other, READ, handle, 1).code == NOT_FOUND)  # type: ignore[misc]


def _version_1(target: TorturedDaemon, marker: bytes) -> None:
    with target.socket() as sock:
        sock.sendall(old_request(ALLOC, 0, 3000))
        handle = hear_old(sock).handle
        sock.sendall(old_request(WRITE, handle, 3000, _marked(marker, 3000)))
        hear_old(sock)
        sock.sendall(old_request(READ, handle, 3000))
        hear_old(sock, read=True)
        sock.sendall(old_request(FREE, handle))
        hear_old(sock)


def _never_taken(target: TorturedDaemon, marker: bytes) -> None:
    """Replies that nobody takes: their client is gone when the block is freed."""
    with target.socket() as sock, target.socket() as slow:
        handle = ask(sock, ALLOC, size=4 * MIB).handle
        ask(sock, WRITE, handle, payload=_marked(marker, 4 * MIB))
        clients = statistics(sock)["clients"]
        slow.sendall(request(READ, handle, 4 * MIB) * 4)
        sleep(0.05)
        slow.close()
        wait_for(lambda: statistics(sock)["clients"] < clients)
        ask(sock, FREE, handle)


USES: dict[str, Use] = {
    "64 B": _write_read_free(64),
    "1 KiB": _write_read_free(KIB),
    "100 KiB": _write_read_free(100 * KIB),
    "1 MiB": _write_read_free(MIB),
    "16 MiB": _write_read_free(16 * MIB),
    "WRITE in pieces, 1 KiB": _split_write(KIB),
    "WRITE in pieces, 1 MiB": _split_write(MIB),
    "pipelined": _pipelined,
    "WRITE cut off": _cut_off_write,
    "REALLOC": _realloc,
    "PING, COMPARE_SWAP, COPY": _small_words,
    "end of a session": _session_end,
    "version 1": _version_1,
    "replies never taken": _never_taken,
}


def left_behind(target: TorturedDaemon, use: Use, marker: bytes, settle: float = 0.0) -> int:
    """How many markers are left `settle` seconds after `use` is over."""
    use(target, marker)
    sleep(settle)
    return _scan(target, marker)


def _scan(target: TorturedDaemon, marker: bytes) -> int:
    target.signal(signal.SIGSTOP)
    try:
        wait_for(lambda: _state(target.pid) in "Tt")
        return markers_in(target.pid, marker)
    finally:
        target.signal(signal.SIGCONT)


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def run(
    over: list[str] | None = None, rounds: int = 5, uses: list[str] | None = None, flaw: str = ""
) -> list[Trial]:
    """Scan after each use, over each transport, idle and while others are busy."""
    return [
        _trial(transport, loaded, rounds, uses or list(USES), flaw)
        for transport in over or transports()
        for loaded in (False, True)
    ]


def _trial(transport: str, loaded: bool, rounds: int, uses: list[str], flaw: str) -> Trial:
    left = Counter[str]()
    with ExitStack() as stack:
        target = stack.enter_context(
            daemon("--max-memory", "256MiB", transport=transport, flaw=flaw)
        )
        if loaded:
            stack.enter_context(busy(target))
        for name in uses:
            markers = [os.urandom(_MARKER_BYTES) for _ in range(rounds)]
            for marker in markers:
                USES[name](target, marker)
            sleep(_SETTLE_SECONDS)
            for marker in markers:
                left[name] += _scan(target, marker)
    measured = f"{left.total():,} after {len(uses) * rounds} uses{_named(left)}"
    when = "others PING each ms" if loaded else "idle"
    goal = f"0 markers in memory {_SETTLE_SECONDS:g} s after FREE is answered, {transport}, {when}"
    return Trial(goal, measured, not left.total())


def _named(counts: Counter[str]) -> str:
    found = ", ".join(f"{name}: {count:,}" for name, count in counts.most_common(3) if count)
    return f" ({found})" if found else ""


@contextmanager
def busy(target: TorturedDaemon) -> Iterator[None]:
    """Another client PINGs each millisecond meanwhile."""
    sock, over = target.socket(), threading.Event()

    def ping() -> None:
        while not over.wait(0.001):
            try:
                ask(sock, PING, payload=b"others")
            except (Hung, OSError):
                return

    pinging = threading.Thread(target=ping)
    pinging.start()
    try:
        yield
    finally:
        over.set()
        pinging.join()
        hang_up(sock)

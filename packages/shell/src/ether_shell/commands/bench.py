"""The command that measures the server's latency: bench.

Rule: it works on one block of its own, which is freed at the end, and is a SESSION block in
case that fails.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ether_protocol import MAX_PAYLOAD_BYTES, Client, EtherError
from ether_protocol.wire.constants import MAX_PING_BYTES
from ether_shell.language.declaration import (
    Argument,
    Example,
    Option,
    Result,
    Results,
    ShellCommand,
)
from ether_shell.language.values import COUNT, SECONDS, SIZE, choice
from ether_shell.operations.interrupts import StopRequest, deferred_interrupt
from ether_shell.operations.latencies import Latencies
from ether_shell.problems import UsageError
from ether_shell.session.context import Context

_DEFAULT_SECONDS: Final = 1.0
_DEFAULT_SIZE_BYTES: Final = 64

Operation = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Measured(Result):
    """The latencies of one kind of request with `size` bytes; not `whole` if it was stopped."""

    verb: str
    size: int
    seconds: float
    latencies: Latencies
    whole: bool


def bench(
    context: Context, verb: list[str], size: int, requests: int | None, seconds: float | None
) -> Results:
    """Measure the kinds of request, one after the other."""
    if requests is not None and seconds is not None:
        raise UsageError("--requests and --seconds exclude each other")
    if not 1 <= size <= MAX_PAYLOAD_BYTES:
        raise UsageError(f"one request carries 1 to {MAX_PAYLOAD_BYTES:,} bytes")
    limit = _DEFAULT_SECONDS if seconds is None and requests is None else seconds
    client = context.client
    handle = client.alloc(size, session=True).handle
    try:
        with deferred_interrupt() as stopping:
            for each in dict.fromkeys(verb) or _OPERATIONS:
                operation, carried = _OPERATIONS[each](client, handle, size)
                start = time.perf_counter()
                latencies = _measure(operation, requests, limit, stopping)
                elapsed = time.perf_counter() - start
                yield Measured(each, carried, elapsed, latencies, not stopping.requested)
                if stopping.requested:
                    break
    finally:
        if client.connected:
            with suppress(EtherError):
                client.free(handle)
    if stopping.requested and not context.interactive:
        raise KeyboardInterrupt("bench was stopped")


def _measure(
    operation: Operation, requests: int | None, seconds: float | None, stopping: StopRequest
) -> Latencies:
    latencies = Latencies()
    clock = time.perf_counter_ns
    end = None if seconds is None else clock() + round(seconds * 1e9)
    while not stopping.requested and latencies.count != requests:
        start = clock()
        operation()
        now = clock()
        latencies.add(now - start)
        if end is not None and now >= end:
            break
    return latencies


def _ping(client: Client, _: int, size: int) -> tuple[Operation, int]:
    payload = bytes(min(size, MAX_PING_BYTES))
    return lambda: client.ping(payload), len(payload)


def _read(client: Client, handle: int, size: int) -> tuple[Operation, int]:
    return lambda: client.read(handle, size), size


def _write(client: Client, handle: int, size: int) -> tuple[Operation, int]:
    data = bytes(size)
    return lambda: client.write(handle, data), size


_OPERATIONS: Final[dict[str, Callable[[Client, int, int], tuple[Operation, int]]]] = {
    "ping": _ping,
    "read": _read,
    "write": _write,
}
"""What can be measured: the request, and how many bytes it carries."""

_VERBS: Final = choice(
    ("ping", "there and back with a payload of at most 4 KiB"),
    ("read", "READ the block"),
    ("write", "WRITE the block"),
)

BENCH: Final = ShellCommand(
    "bench",
    "measure the latency of the server",
    bench,
    (Argument("verb", _VERBS, "ping, read, write (all three)", False, repeated=True),),
    (
        Option("size", "bytes that a request carries (64)", SIZE, default=_DEFAULT_SIZE_BYTES),
        Option("requests", "how many of each", COUNT),
        Option("seconds", "or how long each (1)", SECONDS, "S"),
    ),
    (
        Example("bench --seconds 0.1", "all three, a tenth of a second each"),
        Example("bench read --size 4KiB --requests 100", "one hundred reads of a page"),
    ),
    "One request at a time over this connection, on a block of its own that is freed "
    "afterwards. Ctrl-C stops it and shows what was measured so far.",
    changes=True,
    runs_until_stopped=True,
)

"""The command that measures the server from here: bench.

Rule: it works on one block of its own, which goes whatever happens: it is
freed at the end, and is a SESSION block in case there is no orderly end.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ether_protocol import MAX_PAYLOAD_BYTES, Client, EtherError
from ether_protocol.wire.constants import MAX_PING_BYTES
from ether_shell.context import Context
from ether_shell.language.declaration import Argument, Command, Example, Option, Result, Results
from ether_shell.language.values import COUNT, SECONDS, SIZE, choice
from ether_shell.problems import Misuse

from .latencies import Latencies
from .stopping import Stopping, polite_interrupt

_SECONDS: Final = 1.0
_SIZE_BYTES: Final = 64

Operation = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Measured(Result):
    """How long requests of one kind took that carry `size` bytes; all that were wished if whole."""

    verb: str
    size: int
    seconds: float
    latencies: Latencies
    whole: bool


def bench(
    context: Context, verb: list[str], size: int, requests: int | None, seconds: float | None
) -> Results:
    """Measure one kind of request after the other."""
    if requests is not None and seconds is not None:
        raise Misuse("--requests and --seconds exclude each other")
    if not 1 <= size <= MAX_PAYLOAD_BYTES:
        raise Misuse(f"one request carries 1 to {MAX_PAYLOAD_BYTES:,} bytes")
    limit = _SECONDS if seconds is None and requests is None else seconds
    client = context.client
    handle = client.alloc(size, session=True).handle
    try:
        with polite_interrupt() as stopping:
            for each in dict.fromkeys(verb) or _OPERATIONS:
                operation, carried = _OPERATIONS[each](client, handle, size)
                start = time.perf_counter()
                latencies = _measure(operation, requests, limit, stopping)
                elapsed = time.perf_counter() - start
                yield Measured(each, carried, elapsed, latencies, not stopping.asked)
                if stopping.asked:
                    break
    finally:
        if client.connected:
            with suppress(EtherError):
                client.free(handle)
    if stopping.asked and not context.interactive:
        raise KeyboardInterrupt("bench was stopped")


def _measure(
    operation: Operation, requests: int | None, seconds: float | None, stopping: Stopping
) -> Latencies:
    latencies = Latencies()
    clock = time.perf_counter_ns
    end = None if seconds is None else clock() + round(seconds * 1e9)
    while not stopping.asked and latencies.count != requests:
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
"""What can be measured: one request, and the bytes that it carries."""

_VERBS: Final = choice(
    ("ping", "there and back with a payload of at most 4 KiB"),
    ("read", "READ the block"),
    ("write", "WRITE the block"),
)

BENCH: Final = Command(
    "bench",
    "measure how quickly the server answers",
    bench,
    (Argument("verb", _VERBS, "ping, read, write (all three)", False, repeated=True),),
    (
        Option("size", "bytes that a request carries (64)", SIZE, default=_SIZE_BYTES),
        Option("requests", "how many of each", COUNT),
        Option("seconds", "or how long each (1)", SECONDS, "S"),
    ),
    (
        Example("bench --seconds 0.1", "all three, a tenth of a second each"),
        Example("bench read --size 4KiB --requests 100", "one hundred reads of a page"),
    ),
    "One request at a time over this connection, on a block of its own that is freed "
    "afterwards. Ctrl-C stops and shows what was measured until then.",
    changes=True,
    lasting=True,
)

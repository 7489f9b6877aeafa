"""A stream of requests through a connection that has a fast path, or has none.

Rule: everything that the two ways could do differently is in what is
returned, so that a test compares the whole of it.
"""

from __future__ import annotations

import asyncio

from daemon.connection import FakeClient, anonymous, serving
from ether_daemon.service.principal import ANONYMOUS
from ether_daemon.stores.contract import StreamedRead
from ether_daemon.stores.future import Future
from ether_protocol.wire.messages import Buffer

SIZES = [1, 64, 5000, 256 * 1024, 256 * 1024 + 1, 300_000]
"""Blocks 1 to 6, the last two of them large; 7 was freed."""

INSTANCE = 7
"""What HELLO answers must not depend on chance."""


def content(data: Buffer | StreamedRead | Future[Buffer | StreamedRead]) -> bytes:
    """The bytes of a read, however they come."""
    assert not isinstance(data, Future), "memory answers at once"
    return bytes(data) if isinstance(data, (bytes, bytearray, memoryview)) else data.take(1 << 30)


def everything_about(stream: bytes, cuts: list[int], fast: bool) -> tuple[object, ...]:
    """What the client gets and what the blocks hold in the end, with the fast path or without."""

    async def scenario() -> tuple[object, ...]:
        async with serving(fast_path=fast, instance=INSTANCE, max_memory_bytes=1 << 25) as parts:
            blocks = anonymous(parts)
            for number, size in enumerate([*SIZES, 10], 1):
                blocks.alloc(size)
                blocks.fill(number, 0, size, number)
            blocks.free(7)
            client = FakeClient(parts)
            await client.send(stream, cuts)
            held = {h: content(blocks.read(h, 0, size)) for h, size in blocks.list(0, 99)}
            counters = parts.principal(ANONYMOUS).counters
            result = (
                client.received(),
                held,
                client.transport.eof,
                counters.requests[:],
                counters.bytes_in,
                counters.bytes_out,
                parts.quota.used_bytes,
            )
            client.lose()
            return result

    return asyncio.run(scenario())

"""A stream of requests through a session whose short way is open, or closed.

Rule: everything that the two ways could do differently is in what is
returned, so that a test compares the whole of it.
"""

from __future__ import annotations

import asyncio
from typing import cast

from daemon.connection import Connection, serving
from ether_daemon.stores.memory.large_blocks import MappingReading

SIZES = [1, 64, 5000, 256 * 1024, 256 * 1024 + 1, 300_000]
"""Blocks 1 to 6, the last two of them large; 7 was freed."""

INSTANCE = 7
"""What HELLO answers must not depend on chance."""


def content(data: object) -> bytes:
    return data if isinstance(data, bytes) else cast(MappingReading, data).take(1 << 30)


def everything_about(stream: bytes, cuts: list[int], fast: bool) -> tuple[object, ...]:
    """What the client gets and what the blocks hold in the end, if the short way is open or not."""

    async def scenario() -> tuple[object, ...]:
        with serving(max_memory_bytes=1 << 25) as service:
            service._instance = INSTANCE
            handles = service.caller().handles
            for number, size in enumerate([*SIZES, 10], 1):
                handles.alloc(size)
                handles.fill(number, 0, size, number)
            handles.free(7)
            connection = Connection(service, fast=fast)
            await connection.send(stream, cuts)
            blocks = {h: content(handles.read(h, 0, size)) for h, size in handles.list(0, 99)}
            transport = connection.transport
            result = (
                connection.received(),
                blocks,
                transport.eof,
                service.requests[:],
                service.bytes_in,
                service.bytes_out,
                service.ledger.used_bytes,
            )
            connection.lose()
            return result

    return asyncio.run(scenario())

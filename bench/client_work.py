"""The requests that the Python client of Ether is measured with.

Rule: only the standard library and public names of `ether_protocol`, since
this file also runs beside the client library of another commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from ether_protocol import AsyncClient, connect, connect_async

KIB = 1024
MANY = 100
"""Requests of one pipeline, and asyncio tasks that share one client."""

_MANY_UP_TO_BYTES = 64 * KIB

Work = Callable[[], object]


def cases(size: int) -> list[tuple[str, int]]:
    """What is measured at `size`, with the requests of one call; `{}` is where the size goes."""
    found = [("READ {}", 1), ("WRITE {}", 1)]
    if size <= _MANY_UP_TO_BYTES:
        for way in (f"pipeline of {MANY}", f"{MANY} asyncio tasks"):
            found += [(f"READ {{}}, {way}", MANY), (f"WRITE {{}}, {way}", MANY)]
    return found


def ether(port: int, size: int, loop: asyncio.AbstractEventLoop) -> dict[str, Work]:
    """The calls that carry out each case with a block of `size` bytes."""
    address = f"127.0.0.1:{port}"
    client = connect(address)
    handle = client.alloc(size).handle
    data = b"\xab" * size
    tasks = loop.run_until_complete(_connected(address))

    def pipelined(read: bool) -> object:
        pipe = client.pipeline()
        for _ in range(MANY):
            if read:
                pipe.read(handle, size)
            else:
                pipe.write(handle, data)
        return pipe.execute()

    return {
        "READ {}": lambda: client.read(handle, size),
        "WRITE {}": lambda: client.write(handle, data),
        f"READ {{}}, pipeline of {MANY}": lambda: pipelined(True),
        f"WRITE {{}}, pipeline of {MANY}": lambda: pipelined(False),
        f"READ {{}}, {MANY} asyncio tasks": at_once(loop, lambda: tasks.read(handle, size)),
        f"WRITE {{}}, {MANY} asyncio tasks": at_once(loop, lambda: tasks.write(handle, data)),
    }


def at_once(loop: asyncio.AbstractEventLoop, request: Callable[[], Awaitable[object]]) -> Work:
    """A call that makes `MANY` requests, each in an asyncio task of its own."""

    async def together() -> None:
        await asyncio.gather(*(request() for _ in range(MANY)))

    return lambda: loop.run_until_complete(together())


async def _connected(address: str) -> AsyncClient:
    return await connect_async(address)

"""The Python clients against each other: ours, redis-py with hiredis, pymemcache.

Rule: one connection, the same bytes, the same requests on their way; each
client against its own server, in turns so short that the machine's moods hit all.
Each size has a process of its own: what a larger one leaves in an allocator
decides how fast a smaller one is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from multiprocessing import get_context

from cases import KIB, MIB, size_name
from dialects import MEMCACHED_ITEM_BYTES
from servers import Server

from ether_protocol import AsyncClient, connect, connect_async

SIZES = [64, KIB, 64 * KIB, MIB, 16 * MIB]
MANY = 100
"""Requests of one pipeline, and tasks of one client."""

_MANY_UP_TO_BYTES = 64 * KIB
_TURNS = 20

Measured = dict[str, float]
_Work = Callable[[], object]


def compare(running: list[Server], seconds: float) -> dict[str, Measured]:
    """Requests a second by case and client."""
    ports = {server.name: server.port for server in running}
    measured: dict[str, Measured] = {}
    for size in SIZES:
        with get_context("spawn").Pool(1) as process:
            measured |= process.apply(_of_size, (ports, size, seconds))
    return measured


def _of_size(ports: dict[str, int], size: int, seconds: float) -> dict[str, Measured]:
    measured: dict[str, Measured] = {}
    loop = asyncio.new_event_loop()
    works = {name: _WORKS[name](port, size, loop) for name, port in ports.items()}
    for case, count in _cases(size):
        runs = {name: work[case] for name, work in works.items() if case in work}
        figures = _in_turns(runs, seconds)
        measured[case.replace("{}", size_name(size))] = {
            name: calls * count for name, calls in figures.items()
        }
    loop.close()
    return measured


def _cases(size: int) -> list[tuple[str, int]]:
    """What is compared, with the requests of one call; `{}` is where the size goes."""
    cases = [("READ {}", 1), ("WRITE {}", 1)]
    if size <= _MANY_UP_TO_BYTES:
        for way in (f"pipeline of {MANY}", f"{MANY} asyncio tasks"):
            cases += [(f"READ {{}}, {way}", MANY), (f"WRITE {{}}, {way}", MANY)]
    return cases


def _in_turns(works: dict[str, _Work], seconds: float) -> Measured:
    """Calls a second of each work, in `seconds` in all, cut into turns that alternate."""
    counts = dict.fromkeys(works, 0)
    spent = dict.fromkeys(works, 0.0)
    for work in works.values():
        work()
    for _ in range(_TURNS):
        for name, work in works.items():
            began = time.perf_counter()
            until = began + seconds / _TURNS
            while (now := time.perf_counter()) < until or now == began:
                work()
                counts[name] += 1
            spent[name] += time.perf_counter() - began
    return {name: counts[name] / spent[name] for name in works}


def _ether(port: int, size: int, loop: asyncio.AbstractEventLoop) -> dict[str, _Work]:
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
        f"READ {{}}, {MANY} asyncio tasks": _at_once(loop, lambda: tasks.read(handle, size)),
        f"WRITE {{}}, {MANY} asyncio tasks": _at_once(loop, lambda: tasks.write(handle, data)),
    }


async def _connected(address: str) -> AsyncClient:
    return await connect_async(address)


def _at_once(loop: asyncio.AbstractEventLoop, request: Callable[[], Awaitable[object]]) -> _Work:
    async def together() -> None:
        await asyncio.gather(*(request() for _ in range(MANY)))

    return lambda: loop.run_until_complete(together())


def _redis(port: int, size: int, loop: asyncio.AbstractEventLoop) -> dict[str, _Work]:
    try:
        import hiredis  # noqa: F401 - its presence is what makes redis-py use it
        import redis
        import redis.asyncio
    except ImportError:
        return {}
    client = redis.Redis("127.0.0.1", port)
    tasks = redis.asyncio.Redis(
        connection_pool=redis.asyncio.BlockingConnectionPool(
            host="127.0.0.1", port=port, max_connections=10, timeout=None
        )
    )
    data = b"\xab" * size
    key = f"block{size}"
    client.setrange(key, 0, data)

    def pipelined(read: bool) -> object:
        pipe = client.pipeline(transaction=False)
        for _ in range(MANY):
            if read:
                pipe.getrange(key, 0, size - 1)
            else:
                pipe.setrange(key, 0, data)
        return pipe.execute()

    return {
        "READ {}": lambda: client.getrange(key, 0, size - 1),
        "WRITE {}": lambda: client.setrange(key, 0, data),
        f"READ {{}}, pipeline of {MANY}": lambda: pipelined(True),
        f"WRITE {{}}, pipeline of {MANY}": lambda: pipelined(False),
        f"READ {{}}, {MANY} asyncio tasks": _at_once(
            loop, lambda: tasks.getrange(key, 0, size - 1)
        ),
        f"WRITE {{}}, {MANY} asyncio tasks": _at_once(loop, lambda: tasks.setrange(key, 0, data)),
    }


def _memcached(port: int, size: int, _: asyncio.AbstractEventLoop) -> dict[str, _Work]:
    if size > MEMCACHED_ITEM_BYTES:
        return {}
    try:
        from pymemcache.client.base import Client
    except ImportError:
        return {}
    client = Client(("127.0.0.1", port), no_delay=True, default_noreply=False)
    data = b"\xab" * size
    key = f"block{size}"
    client.set(key, data)
    return {"READ {}": lambda: client.get(key), "WRITE {}": lambda: client.set(key, data)}


_WORKS = {"etherd": _ether, "redis": _redis, "memcached": _memcached}

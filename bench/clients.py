"""The Python clients side by side: Ether's, redis-py with hiredis, pymemcache.

Rule: each client has one connection to its own server and sends the same
requests with the same bytes. The turns are short, so that a slow moment of the
machine hits all clients. Each size has a process of its own, because memory
that a larger one leaves in the allocator makes a smaller one faster or slower.
"""

from __future__ import annotations

import asyncio
import time
from multiprocessing import get_context

from cases import KIB, MIB, size_name
from client_work import MANY, Work, at_once, cases, ether
from dialects import MEMCACHED_ITEM_BYTES
from servers import MeasuredServer

SIZES = [64, KIB, 64 * KIB, MIB, 16 * MIB]
_TURNS = 20

Measured = dict[str, float]


def compare(running: list[MeasuredServer], seconds: float) -> dict[str, Measured]:
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
    for case, count in cases(size):
        runs = {name: work[case] for name, work in works.items() if case in work}
        figures = _in_turns(runs, seconds)
        measured[case.replace("{}", size_name(size))] = {
            name: calls * count for name, calls in figures.items()
        }
    loop.close()
    return measured


def _in_turns(works: dict[str, Work], seconds: float) -> Measured:
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


def _redis(port: int, size: int, loop: asyncio.AbstractEventLoop) -> dict[str, Work]:
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
        f"READ {{}}, {MANY} asyncio tasks": at_once(loop, lambda: tasks.getrange(key, 0, size - 1)),
        f"WRITE {{}}, {MANY} asyncio tasks": at_once(loop, lambda: tasks.setrange(key, 0, data)),
    }


def _memcached(port: int, size: int, _: asyncio.AbstractEventLoop) -> dict[str, Work]:
    if size > MEMCACHED_ITEM_BYTES:
        return {}
    try:
        from pymemcache.client.base import Client  # type: ignore[import-untyped]  # it has no types
    except ImportError:
        return {}
    client = Client(("127.0.0.1", port), no_delay=True, default_noreply=False)
    data = b"\xab" * size
    key = f"block{size}"
    client.set(key, data)
    return {"READ {}": lambda: client.get(key), "WRITE {}": lambda: client.set(key, data)}


_WORKS = {"etherd": ether, "redis": _redis, "memcached": _memcached}

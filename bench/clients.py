"""The Python clients against each other: ours, redis-py with hiredis, pymemcache.

Rule: one connection, one request at a time, the same bytes; each client
against its own server, in turns so short that the machine's moods hit all.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from cases import KIB, MIB, size_name
from dialects import MEMCACHED_ITEM_BYTES
from servers import Server

from ether_protocol import connect

SIZES = [64, KIB, 64 * KIB, MIB, 16 * MIB]
_TURNS = 20

Measured = dict[str, float]
_Work = Callable[[], object]


def compare(running: list[Server], seconds: float) -> dict[str, Measured]:
    """Requests a second by case and client."""
    measured: dict[str, Measured] = {}
    for size in SIZES:
        works = {s.name: _WORKS[s.name](s, size) for s in running if s.name in _WORKS}
        for verb in ("READ", "WRITE"):
            runs = {name: work[verb] for name, work in works.items() if work}
            measured[f"{verb} {size_name(size)}"] = _in_turns(runs, seconds)
    return measured


def _in_turns(works: dict[str, _Work], seconds: float) -> Measured:
    """Each work for `seconds` in all, cut into turns that alternate."""
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


def _ether(server: Server, size: int) -> dict[str, _Work]:
    client = connect(f"127.0.0.1:{server.port}")
    handle = client.alloc(size).handle
    data = b"\xab" * size
    return {
        "READ": lambda: client.read(handle, size),
        "WRITE": lambda: client.write(handle, data),
    }


def _redis(server: Server, size: int) -> dict[str, _Work]:
    try:
        import hiredis  # noqa: F401 - its presence is what makes redis-py use it
        import redis
    except ImportError:
        return {}
    client = redis.Redis("127.0.0.1", server.port)
    data = b"\xab" * size
    key = f"block{size}"
    client.setrange(key, 0, data)
    return {
        "READ": lambda: client.getrange(key, 0, size - 1),
        "WRITE": lambda: client.setrange(key, 0, data),
    }


def _memcached(server: Server, size: int) -> dict[str, _Work]:
    if size > MEMCACHED_ITEM_BYTES:
        return {}
    try:
        from pymemcache.client.base import Client
    except ImportError:
        return {}
    client = Client(("127.0.0.1", server.port), no_delay=True, default_noreply=False)
    data = b"\xab" * size
    key = f"block{size}"
    client.set(key, data)
    return {"READ": lambda: client.get(key), "WRITE": lambda: client.set(key, data)}


_WORKS = {"etherd": _ether, "redis": _redis, "memcached": _memcached}

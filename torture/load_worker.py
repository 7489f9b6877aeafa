"""One load against a daemon, in a process of its own, until stdin ends.

Rule: a load is bounded by what it has under way, and prints one line when it is
over: how often it went round.
"""

from __future__ import annotations

import select
import socket
import struct
import sys
from collections.abc import Callable, Iterator

from talk import (
    ALLOC,
    COPY,
    DEADLINE_SECONDS,
    FILL,
    FREE,
    OK,
    PING,
    READ,
    SESSION,
    V2,
    WRITE,
    Hung,
    ask,
    hear,
    receive_exactly,
    request,
    statistics,
)
from trials import MIB

_LARGEST = 16 * MIB

Load = Callable[["Connect"], Iterator[None]]
Connect = Callable[[], socket.socket]


def gibibyte(connect: Connect) -> Iterator[None]:
    """ALLOC 1 GiB, WRITE all of it, FREE it."""
    yield from _large_block(connect, 1024 * MIB)


def mebibytes(connect: Connect) -> Iterator[None]:
    """The same with 64 MiB."""
    yield from _large_block(connect, 64 * MIB)


def _large_block(connect: Connect, size: int) -> Iterator[None]:
    sock = connect()
    payload = b"L" * _LARGEST
    while True:
        made = ask(sock, ALLOC, size=size)
        if made.command != OK:
            yield  # the last one is not back yet
            continue
        for offset in range(0, size, _LARGEST):
            ask(sock, WRITE, made.handle, offset=offset, payload=payload)
        ask(sock, FREE, made.handle)
        yield


def copies_and_fills(connect: Connect) -> Iterator[None]:
    """COPY and FILL of 16 MiB, back to back, four under way."""
    sock = connect()
    source, target = (ask(sock, ALLOC, size=_LARGEST).handle for _ in "12")
    both = request(FILL, source, _LARGEST, payload=b"f") + request(
        COPY, target, _LARGEST, payload=struct.pack(">QQ", source, 0)
    )
    sock.sendall(both * 2)
    while True:
        sock.sendall(both)
        hear(sock)
        hear(sock)
        yield


def flood(connect: Connect) -> Iterator[None]:
    """Pipelined PINGs, READs and WRITEs of 64 bytes: as many as the sockets hold."""
    sock = connect()
    handle = ask(sock, ALLOC, size=64).handle
    group = request(PING) + request(READ, handle, 64) + request(WRITE, handle, payload=b"w" * 64)
    replies = 3 * V2.size + 64
    sock.setblocking(False)
    ahead, rest = 0, memoryview(b"")
    many, received = group * 200, 0
    while True:
        if not rest and ahead < 400:
            rest, ahead = memoryview(many), ahead + 1
        readable, writable, _ = select.select([sock], [sock] if rest else [], [], 1.0)
        if writable:
            rest = rest[sock.send(rest) :]
        if readable:
            received += len(sock.recv(1 << 20))
        while received >= replies * 200:
            received -= replies * 200
            ahead -= 1
            yield


def ended_session(connect: Connect, blocks: int = 1_000_000) -> Iterator[None]:
    """A million blocks of a session, which then ends; until all are free."""
    watcher = connect()
    while True:
        sock = connect()
        for _ in range(blocks // 1000):
            sock.sendall(request(ALLOC, size=64, flags=SESSION) * 1000)
            receive_exactly(sock, 1000 * V2.size)
        sock.close()
        while statistics(watcher).get("blocks", 0):
            select.select([], [], [], 0.05)
        yield


def short_session(connect: Connect) -> Iterator[None]:
    """The same with 50,000 blocks."""
    return ended_session(connect, 50_000)


LOADS: dict[str, Load] = {
    "1 GiB": gibibyte,
    "64 MiB": mebibytes,
    "copies and fills": copies_and_fills,
    "flood": flood,
    "1 M session blocks": ended_session,
    "50,000 session blocks": short_session,
}


def main() -> None:
    """`load_worker.py LOAD PORT`: go on until stdin ends, then say how many rounds there were."""
    name, port = sys.argv[1], int(sys.argv[2])

    def connect() -> socket.socket:
        sock = socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    rounds = 0
    try:
        for _ in LOADS[name](connect):
            rounds += 1
            if select.select([sys.stdin], [], [], 0)[0]:
                break
    except (OSError, Hung) as error:
        print(f"{rounds} ({error})")
    else:
        print(rounds)


if __name__ == "__main__":
    main()

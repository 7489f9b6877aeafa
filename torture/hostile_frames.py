"""Frames that no client should send, by the million, over each transport.

Rule: what can still be cut into messages must be answered, each by one reply; what
cannot must end in a close.  The replies are counted, so a hang is no success.
"""

from __future__ import annotations

import random
import socket
import ssl
import struct
import time
from collections.abc import Callable
from contextlib import suppress

from daemons import TorturedDaemon, daemon, transports, wait_for
from ping_probe import bystanders
from talk import (
    ALLOC,
    AUTH,
    COMPARE_SWAP,
    COPY,
    FETCH_ADD,
    FILL,
    FREE,
    HELLO,
    INFO,
    LIST,
    MAGIC,
    PING,
    READ,
    REALLOC,
    SESSION,
    STATS,
    V1,
    V2,
    WRITE,
    Hung,
    hang_up,
    old_request,
    request,
)
from trials import MIB, Trial, in_mib

MAY_GROW_BYTES = 2 * MIB
_FRAMES_A_CONNECTION = 400
_KINDS = 4000
_LINGER_SECONDS = 1.0
"""How long refused connections may still be there."""
_COMMANDS = (PING, HELLO, STATS, ALLOC, FREE, REALLOC, INFO, LIST, WRITE, READ, FILL, COPY,
             COMPARE_SWAP, FETCH_ADD)  # fmt: skip
_NUMBERS = (0, 1, 7, 64, 4096, 16 * MIB, 16 * MIB + 1, 2**32 - 1, 2**63, 2**64 - 1)


def hostile_frame(chance: random.Random) -> bytes:
    """A frame that is wrong in some way, and still can be cut out of the stream."""
    makers: tuple[Callable[[], bytes], ...] = (
        lambda: request(chance.choice((0, 0x77, 0xF0, 0xFF, 0x06)), payload=_noise(chance, 40)),
        lambda: request(chance.choice(_COMMANDS), flags=1 << chance.randrange(1, 16)),
        lambda: request(PING, payload=bytes(chance.randrange(4097, 6000))),
        lambda: request(HELLO, payload=b"\xff\xfe" + _noise(chance, 300)),
        lambda: request(
            chance.choice((FREE, INFO, WRITE, READ, FILL, COPY, COMPARE_SWAP, FETCH_ADD)),
            chance.choice(_NUMBERS),
            chance.choice(_NUMBERS),
            chance.choice(_NUMBERS),
            _noise(chance, 24),
        ),
        lambda: request(REALLOC, chance.choice(_NUMBERS), chance.choice(_NUMBERS)),
        lambda: request(ALLOC, 0, chance.choice((0, 1, 2**40, 2**63)), flags=SESSION),
        lambda: request(LIST, chance.choice(_NUMBERS), chance.choice((0, 1))),
        lambda: request(COPY, 1, 8, 0, struct.pack(">QQ", 1, 2**64 - 4)),
        lambda: request(AUTH, payload=_noise(chance, 50)) if chance.random() < 0.02 else _odd(),
        lambda: V1.pack(MAGIC, chance.choice((0, 3, 9, 255)), PING, 0, 0, 0, 0),
        lambda: old_request(chance.choice((HELLO, 0x77, INFO, 0xF0)), 1, 0),
        lambda: old_request(READ, chance.choice(_NUMBERS[:1]), 0),
    )
    return chance.choice(makers)()


def _odd() -> bytes:
    return request(0x4F, 2**64 - 1, 2**64 - 1, 2**64 - 1, b"odd")


def _noise(chance: random.Random, most: int) -> bytes:
    return chance.randbytes(chance.randrange(most + 1))


def last_words(chance: random.Random, transport: str) -> bytes:
    """What ends a connection: bytes in which no message can be found, or half a message."""
    ends = (
        request(PING) + b"GET / HTTP/1.1\r\n\r\n",
        request(PING) + b"?" + chance.randbytes(chance.randrange(24, 200)),
        request(WRITE, 1)[:36] + b"\xff" * 4,
        old_request(WRITE, 1, 2**32 - 1),
        request(WRITE, 1, payload=bytes(100))[: chance.randrange(1, 140)],
    )
    # Over TLS no client can say that nothing more will come and still be answered.
    return chance.choice(ends[:-1] if transport == "tls" else ends)


def _attack(target: TorturedDaemon, frames: list[bytes], last: bytes) -> int:
    """Send `frames` and `last` on a connection; returns how many replies came before its end."""
    sock = target.socket()
    try:
        with suppress(OSError):
            sock.sendall(b"".join(frames) + last)
            if not isinstance(sock, ssl.SSLSocket):
                sock.shutdown(socket.SHUT_WR)
        return _count_replies(sock)
    finally:
        hang_up(sock)


def _count_replies(sock: socket.socket) -> int:
    heard = bytearray()
    try:
        while chunk := sock.recv(1 << 18):
            heard += chunk
    except TimeoutError:
        raise Hung("neither replies nor an end for a minute") from None
    except OSError:
        pass  # reset behind the last reply
    at = replies = 0
    while at + V1.size <= len(heard):
        if heard[at + 4] == 1:
            at += V1.size
        else:
            at += V2.size + int.from_bytes(heard[at + 36 : at + 40], "big")
        replies += 1
    return replies


def attack(frames: int, transport: str, seed: int = 1, flaw: str = "") -> list[Trial]:
    """So many hostile frames over one transport."""
    chance = random.Random(seed)
    kinds = [hostile_frame(chance) for _ in range(_KINDS)]
    a_connection = min(_FRAMES_A_CONNECTION, max(1, frames // 100))
    rounds = -(-frames // a_connection)
    trouble, level, began = "", 0, time.monotonic()
    answered = sent = 0
    with daemon("--max-memory", "64MiB", transport=transport, flaw=flaw) as target:
        at_first = target.descriptors
        with bystanders(target) as others:
            with_others = target.descriptors
            for number in range(rounds):
                if number == rounds // 5:
                    time.sleep(_LINGER_SECONDS)
                    level = target.resident_bytes
                chosen = chance.choices(kinds, k=a_connection)
                try:
                    answered += min(
                        a_connection, _attack(target, chosen, last_words(chance, transport))
                    )
                except (Hung, OSError) as error:
                    trouble = f"connection {number}: {error or type(error).__name__}"
                    break
                sent += a_connection
            time.sleep(_LINGER_SECONDS)
            grown = target.resident_bytes - level
            alive = target.alive
            back = alive and wait_for(lambda: target.descriptors <= with_others, 5)
    took = time.monotonic() - began
    what = f"{frames:,} hostile frames, {transport}"
    counted = f"{sent:,} sent on {rounds:,} connections, {answered:,} answered, {took:.0f} s"
    whole = alive and not trouble and answered >= 0.99 * sent
    return [
        Trial(f"no crash, no hang, {what}", counted + (f"; {trouble}" if trouble else ""), whole),
        Trial(
            f"RSS + ≤ {in_mib(MAY_GROW_BYTES)} from the first fifth to the end, {what}",
            in_mib(grown),
            grown <= MAY_GROW_BYTES,
        ),
        Trial(f"all descriptors back, {what}", f"{at_first} at first" if back else "no", back),
        others.within(0.05, what),
    ]


def run(frames: int = 5_000_000, over: list[str] | None = None, flaw: str = "") -> list[Trial]:
    """So many, shared out over the transports."""
    chosen = over or transports()
    return [trial for one in chosen for trial in attack(frames // len(chosen), one, flaw=flaw)]

"""TLS handshakes that end at any byte.

Rule: the client's part is made by the standard library and cut; what the daemon
says to it does not matter, only what it keeps.
"""

from __future__ import annotations

import random
import socket
import ssl
import struct
from contextlib import suppress

from daemons import TorturedDaemon, daemon, need, wait_for
from talk import PING, PONG, ask
from trials import MIB, Trial, in_mib

MAY_GROW_BYTES = 2 * MIB
_MOST_BYTES = 900
"""More than the client sends in a whole handshake."""


def _abort(target: TorturedDaemon, after: int, reset: bool) -> None:
    """Begin a handshake and hang up behind the byte number `after`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(came, goes, server_hostname="localhost")
    with target.raw_socket() as sock:
        left = after
        while left > 0:
            over = True
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                over = False
            data = goes.read(left)
            left -= len(data)
            with suppress(OSError):
                sock.sendall(data)
            if over or left <= 0:
                break
            heard = b""
            with suppress(OSError):
                heard = sock.recv(65536)
            if not heard:
                break
            came.write(heard)
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def run(handshakes: int = 50_000, seed: int = 1, flaw: str = "") -> list[Trial]:
    """So many aborted handshakes; memory from the first fifth to the end."""
    need("tls")
    chance = random.Random(seed)
    level = 0
    with daemon("--max-memory", "64MiB", transport="tls", flaw=flaw) as target:
        with target.socket() as sock:
            ask(sock, PING)
        at_first = target.descriptors
        for number in range(handshakes):
            if number == handshakes // 5:
                level = target.resident_bytes
            _abort(target, chance.randrange(_MOST_BYTES), chance.random() < 0.5)
        grown = target.resident_bytes - level
        back = wait_for(lambda: target.descriptors <= at_first, 15)
        with target.socket() as sock:
            served = ask(sock, PING).command == PONG
    what = f"{handshakes:,} TLS handshakes aborted at random bytes"
    return [
        Trial(
            f"RSS level (+ ≤ {in_mib(MAY_GROW_BYTES)}), {what}",
            in_mib(grown),
            grown <= MAY_GROW_BYTES,
        ),
        Trial(
            f"all descriptors back and serving, {what}",
            "yes" if back and served else "no",
            back and served,
        ),
    ]

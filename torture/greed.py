"""Clients that make the daemon hold what they will never take, or never finish.

Rule: what is sent is bounded before it is sent, and a harness stops early where
the goal is long missed, so that it does not take the machine with it.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections.abc import Sequence
from contextlib import suppress

from daemons import TorturedDaemon, daemon, has_option, may_open, wait_for
from ping_probe import bystanders
from talk import ALLOC, FILL, MAGIC, OK, PING, READ, V2, WRITE, Hung, ask, hang_up, request
from trials import MIB, Trial, in_mib

BUDGET_BYTES = 256 * MIB
"""What all clients together may have the daemon hold beside their blocks."""

_SLACK_BYTES = 16 * MIB
"""What the daemon needs beside that for so many connections."""

_LOST_BYTES = 4 * BUDGET_BYTES
"""Beyond this the goal is missed so clearly that nothing more is sent."""

_LARGEST = 16 * MIB
_UNSENT = 100 * 1024


def half_sent_writes(
    clients: int = 500, sent: int = _LARGEST - _UNSENT, flaw: str = ""
) -> list[Trial]:
    """Clients that send most of a WRITE of 16 MiB and stop."""
    may_open(clients + 100)
    with daemon(*_limits(), flaw=flaw) as target, target.socket() as other:
        handle = ask(other, ALLOC, size=_LARGEST).handle
        before = _settled_bytes(target)
        header = V2.pack(MAGIC, 2, WRITE, 0, handle, 0, 0, 0, _LARGEST)
        message = header + b"h" * sent
        with bystanders(target) as others:
            senders = [target.raw_socket() for _ in range(clients)]
            most = _send_to_all(target, senders, message, before)
            answered = _answers(target)
            grown = max(most, target.resident_bytes) - before
        hang_up(*senders)
    what = f"{clients} clients that stop within a WRITE of 16 MiB"
    return [
        Trial(f"RSS + ≤ {in_mib(BUDGET_BYTES)}, {what}", in_mib(grown), grown <= BUDGET_BYTES),
        Trial(f"others served, {what}", "yes" if answered else "no", answered),
        others.within(0.05, what),
    ]


def never_read(clients: int = 200, asked: int = 100 * MIB, flaw: str = "") -> list[Trial]:
    """Clients that ask for 100 MiB in pipelined READs and take nothing, while the block changes."""
    may_open(clients + 100)
    with daemon(*_limits(), flaw=flaw) as target, target.socket() as other:
        handle = ask(other, ALLOC, size=_LARGEST).handle
        ask(other, FILL, handle, _LARGEST, payload=b"a")
        before = _settled_bytes(target)
        message = request(READ, handle, _LARGEST) * -(-asked // _LARGEST)
        with bystanders(target) as others:
            takers = [target.raw_socket() for _ in range(clients)]
            most = 0
            for number, taker in enumerate(takers):
                with suppress(OSError):
                    taker.sendall(message)
                time.sleep(0.002)  # for it to be carried out before the block changes
                # What is owed must not change: a copy is kept, and has to be charged.
                ask(other, FILL, handle, _LARGEST, payload=b"ab"[number % 2 :][:1])
                most = max(most, target.resident_bytes)
                if most - before > _LOST_BYTES:
                    break
            time.sleep(1.0)
            answered = _answers(target)
            grown = max(most, target.resident_bytes) - before
        hang_up(*takers)
    what = f"{clients} clients that ask for {asked // MIB} MiB each and never read"
    return [
        Trial(f"RSS + ≤ {in_mib(BUDGET_BYTES)}, {what}", in_mib(grown), grown <= BUDGET_BYTES),
        Trial(f"others served, {what}", "yes" if answered else "no", answered),
        others.times(2, what),
    ]


def slowlorises(clients: int = 2000, seconds: float = 20.0, flaw: str = "") -> list[Trial]:
    """Clients that send a request byte by byte."""
    may_open(clients + 100)
    with daemon(*_limits(), flaw=flaw) as target:
        before = _settled_bytes(target)
        with bystanders(target) as others:
            slow = [target.raw_socket() for _ in range(clients)]
            message = request(WRITE, 1, payload=b"slow")
            until = time.monotonic() + seconds
            for at in range(len(message) - 1):
                for sock in slow:
                    with suppress(OSError):
                        sock.send(message[at : at + 1])
                time.sleep(max(0.0, (until - time.monotonic()) / (len(message) - at)))
            answered = _answers(target)
            grown = target.resident_bytes - before
        hang_up(*slow)
    what = f"{clients:,} slowlorises"
    return [
        Trial(f"RSS + ≤ {in_mib(BUDGET_BYTES)}, {what}", in_mib(grown), grown <= BUDGET_BYTES),
        Trial(f"others served, {what}", "yes" if answered else "no", answered),
        others.times(2, what),
    ]


def _send_to_all(
    target: TorturedDaemon, senders: Sequence[socket.socket], message: bytes, before: int
) -> int:
    """Send `message` on each, as fast as it is taken; returns the most memory seen meanwhile."""
    view, most, looked = memoryview(message), 0, 0.0
    with selectors.DefaultSelector() as selector:
        for sender in senders:
            sender.setblocking(False)
            selector.register(sender, selectors.EVENT_WRITE, 0)
        while selector.get_map():
            ready = selector.select(3.0)
            if not ready:
                break  # nothing more is taken: the daemon holds back
            for key, _ in ready:
                sock = key.fileobj
                assert isinstance(sock, socket.socket)
                try:
                    sent = key.data + sock.send(view[key.data : key.data + MIB])
                except BlockingIOError:
                    continue
                except OSError:
                    selector.unregister(sock)  # cut off, as it should be
                    continue
                if sent == len(view):
                    selector.unregister(sock)
                else:
                    selector.modify(sock, selectors.EVENT_WRITE, sent)
            if time.monotonic() - looked > 0.1:
                looked = time.monotonic()
                most = max(most, target.resident_bytes)
                if most - before > _LOST_BYTES:
                    break
    return most


def _limits() -> list[str]:
    limits = ["--max-memory", "64MiB"]
    if has_option("--max-buffers"):
        limits += ["--max-buffers", str(BUDGET_BYTES - _SLACK_BYTES)]
    return limits


def _answers(target: TorturedDaemon) -> bool:
    """Whether a new client gets an answer and memory."""
    try:
        with target.socket() as sock:
            made = ask(sock, ALLOC, size=4096)
            return ask(sock, PING).command != 0 and made.command == OK
    except (Hung, OSError):
        return False


def _settled_bytes(target: TorturedDaemon) -> int:
    """Its resident memory once it has done what every daemon does at first."""
    seen: list[int] = []

    def settled() -> bool:
        seen.append(target.resident_bytes)
        return len(seen) > 20 and seen[-1] == seen[-20]

    wait_for(settled, 3.0)
    return target.resident_bytes

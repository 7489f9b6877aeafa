"""Histories of clients that use the same blocks at once and lose their connections.

Each history has blocks of its own.  Operations are sent without waiting for those
of the other clients, and every call and every reply gets the next number of one
clock.  A connection that is cut leaves its operations open: they may have happened,
or not.

Rule: what is judged is what clients saw; nothing is asked of the daemon about
itself.
"""

from __future__ import annotations

import random
import select
import socket
import struct
import time
from collections import deque
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from daemons import TorturedDaemon, daemon
from linearizability import NEVER, Operation, is_linearizable
from talk import (
    ALLOC,
    COMPARE_SWAP,
    ERROR,
    FETCH_ADD,
    FREE,
    NOT_FOUND,
    OK,
    OVERFLOW,
    READ,
    REALLOC,
    V2,
    WRITE,
    Hung,
    ask,
    hang_up,
    request,
)
from trials import Trial

CLIENTS = 5
OPERATIONS = 60
_BLOCKS = 3
_WORDS = 3
_LARGE = 300 * 1024
"""Read in a stream, written in memory of its own."""
_LARGE_EVERY = 40
_PIPELINED = 3
_CUT_SHARE = 0.01
_FREE_SHARE = 0.01
_GONE = -1
"""The state of a freed block."""


class Asked(NamedTuple):
    """One operation on one block."""

    command: int
    offset: int = 0
    size: int = 0
    payload: bytes = b""


class Answered(NamedTuple):
    """Its reply: an error code, or 0 and the payload."""

    code: int
    payload: bytes = b""


BlockState = bytes | int


def step(
    state: BlockState, asked: Asked, answered: Answered, unanswered: bool
) -> tuple[bool, BlockState]:
    """What a block does; see `linearizability.Step`."""
    due, after = _carry_out(state, asked)
    return unanswered or due == answered, after


def _carry_out(state: BlockState, asked: Asked) -> tuple[Answered, BlockState]:
    command, offset, size, payload = asked
    if isinstance(state, int):
        return Answered(NOT_FOUND), state
    end = offset + (8 if command in (COMPARE_SWAP, FETCH_ADD) else len(payload))
    if command == FREE:
        return Answered(0), _GONE
    if command == REALLOC:
        return Answered(0), state[:size].ljust(size, b"\0")
    if offset > len(state) or (command != READ and end > len(state)):
        return Answered(OVERFLOW), state
    if command == READ:
        return Answered(0, state[offset : offset + size]), state
    if command == WRITE:
        return Answered(0), state[:offset] + payload + state[end:]
    found = state[offset:end]
    if command == FETCH_ADD:
        total = (int.from_bytes(found, "big") + int.from_bytes(payload, "big")) % 2**64
        return Answered(0, found), state[:offset] + total.to_bytes(8, "big") + state[end:]
    if found == payload[:8]:
        return Answered(0, found), state[:offset] + payload[8:] + state[end:]
    return Answered(0, found), state


@dataclass(slots=True)
class _Caller:
    """One client: its connection, and what it has asked and not been answered."""

    place: int
    sock: socket.socket
    left: int
    due: deque[tuple[int, int, Asked]] = field(default_factory=deque)
    """Block, call and operation of each."""
    heard: bytearray = field(default_factory=bytearray)


@dataclass(slots=True)
class History:
    """The operations on each of a history's blocks, and what these were at first."""

    initial: list[BlockState]
    operations: list[list[Operation]]

    def linearizable(self) -> bool:
        """Whether it is, block by block: what holds for each holds for all together."""
        return all(
            is_linearizable(operations, initial, step)
            for initial, operations in zip(self.initial, self.operations, strict=True)
        )

    @property
    def opened(self) -> int:
        """How many operations were never answered."""
        return sum(one.returned == NEVER for block in self.operations for one in block)


class Historian:
    """Makes one history after the other with one daemon."""

    def __init__(self, target: TorturedDaemon, seed: int) -> None:
        self._target = target
        self._random = random.Random(seed)
        self._sockets = [target.socket() for _ in range(CLIENTS)]
        self._number = 0
        self._clock = 0

    def close(self) -> None:
        """Hang up all clients."""
        hang_up(*self._sockets)

    def history(self, operations: int = OPERATIONS) -> History:
        """Have the clients carry out so many operations each."""
        self._number += 1
        large = self._number % _LARGE_EVERY == 0
        size = _LARGE if large else 8 * _WORDS
        asker = self._sockets[0]
        handles = [ask(asker, ALLOC, size=size).handle for _ in range(1 if large else _BLOCKS)]
        history = History([bytes(size) for _ in handles], [[] for _ in handles])
        callers = [_Caller(place, sock, operations) for place, sock in enumerate(self._sockets)]
        while any(caller.left or caller.due for caller in callers):
            for caller in callers:
                self._call(caller, handles, size, history)
            self._listen(callers, history)
        for handle in handles:
            ask(self._sockets[0], FREE, handle)
        return history

    def _call(self, caller: _Caller, handles: Sequence[int], size: int, history: History) -> None:
        """Send what the client wants next, or cut its connection."""
        # A client that sends and receives nothing meanwhile must not send much at once.
        most = 1 if size == _LARGE else self._random.randint(1, _PIPELINED)
        while caller.left and len(caller.due) < most:
            caller.left -= 1
            block = self._random.randrange(len(handles))
            asked = self._wish(size)
            self._clock += 1
            caller.due.append((block, self._clock, asked))
            message = request(
                asked.command, handles[block], asked.size, asked.offset, asked.payload
            )
            cut = self._random.random() < _CUT_SHARE
            if cut and self._random.random() < 0.5:
                message = message[: self._random.randrange(len(message))]
            with suppress(OSError):
                caller.sock.sendall(message)
            if cut:
                self._cut(caller, history)

    def _cut(self, caller: _Caller, history: History) -> None:
        """End the connection; what it was not answered stays open."""
        if self._random.random() < 0.5:
            caller.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        hang_up(caller.sock)
        for block, called, asked in caller.due:
            history.operations[block].append(Operation(called, NEVER, asked))
        caller.due.clear()
        caller.heard.clear()
        caller.sock = self._sockets[caller.place] = self._target.socket()

    def _wish(self, size: int) -> Asked:
        chance = self._random
        if chance.random() < _FREE_SHARE / CLIENTS:
            return Asked(FREE)
        if size == _LARGE:
            return self._wish_of_large()
        offset = 8 * chance.randrange(_WORDS)
        small = chance.randrange(3).to_bytes(8, "big")
        command = chance.choice((READ, READ, WRITE, COMPARE_SWAP, FETCH_ADD, FETCH_ADD, REALLOC))
        if command == READ:
            return Asked(READ, 0, size)
        if command == REALLOC:
            return Asked(REALLOC, 0, chance.choice((size - 8, size, size)))
        if command == COMPARE_SWAP:
            return Asked(COMPARE_SWAP, offset, 0, small + chance.randrange(3).to_bytes(8, "big"))
        if command == FETCH_ADD:
            return Asked(FETCH_ADD, offset, 0, chance.randrange(1, 3).to_bytes(8, "big"))
        return Asked(WRITE, offset, 0, small)

    def _wish_of_large(self) -> Asked:
        chance = self._random
        command = chance.choice((READ, WRITE, REALLOC, FETCH_ADD))
        if command == READ:
            return Asked(READ, 0, _LARGE)
        if command == WRITE:
            return Asked(WRITE, 0, 0, bytes([chance.randrange(256)]) * _LARGE)
        if command == REALLOC:
            return Asked(REALLOC, 0, chance.choice((_LARGE // 2, _LARGE)))
        return Asked(FETCH_ADD, 0, 0, (1).to_bytes(8, "big"))

    def _listen(self, callers: Sequence[_Caller], history: History) -> None:
        """Take the replies that have come, at least one."""
        waiting = {caller.sock: caller for caller in callers if caller.due}
        if not waiting:
            return
        readable, _, _ = select.select([*waiting], [], [], 30.0)
        if not readable:
            raise Hung("no reply for 30 s")
        for sock in readable:
            caller = waiting[sock]
            chunk = sock.recv(1 << 20)
            if not chunk:
                raise Hung("the daemon closed a connection")
            caller.heard += chunk
            self._take_replies(caller, history)

    def _take_replies(self, caller: _Caller, history: History) -> None:
        heard = caller.heard
        while len(heard) >= V2.size:
            _, _, command, _, _, _, _, _, length = V2.unpack_from(heard)
            if len(heard) < V2.size + length:
                return
            payload = bytes(heard[V2.size : V2.size + length])
            del heard[: V2.size + length]
            block, called, asked = caller.due.popleft()
            self._clock += 1
            failed = command == ERROR
            code = int.from_bytes(payload[:2], "big") if failed else 0
            wrong = not failed and command != OK
            answered = Answered(-1 if wrong else code, b"" if failed else payload)
            history.operations[block].append(Operation(called, self._clock, asked, answered))


def run(
    histories: int = 20_000, operations: int = OPERATIONS, seed: int = 1, flaw: str = ""
) -> list[Trial]:
    """Make and judge so many histories."""
    bad = opened = done = 0
    began = time.monotonic()
    with (
        daemon("--max-memory", "64MiB", flaw=flaw) as target,
        closing(Historian(target, seed)) as historian,
    ):
        for _ in range(histories):
            history = historian.history(operations)
            done += sum(map(len, history.operations))
            opened += history.opened
            bad += not history.linearizable()
    took = time.monotonic() - began
    return [
        Trial(
            f"{histories:,} histories of {CLIENTS} clients × {operations} operations, "
            "connections cut at random: linearizable",
            f"{bad} are not; {done:,} operations, {opened:,} of them cut off, {took:.0f} s",
            bad == 0,
        )
    ]

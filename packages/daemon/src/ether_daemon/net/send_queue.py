"""One connection's replies on their way out, in the order of the requests.

Rule: nothing overtakes anything.  A reply that is there goes out at once
unless one before it is still awaited or the client does not take what it has
asked for.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from ether_daemon.stores.contract import Reading
from ether_daemon.stores.future import Later

HIGH_WATER_BYTES = 64 * 1024
"""More than this not yet taken by the client, and no further request of it is read."""

PIECE_BYTES = 2 * HIGH_WATER_BYTES
"""How much of a long READ is copied for a client that does not take it at once."""

MAX_AWAITED = 1024
"""Most replies of one connection that may be awaited or wait behind one that is."""

_JOIN_BYTES = 8 * 1024
"""Replies of less than this on average are joined; larger ones are sent as they are."""

Piece = bytes | Reading


class Sink(Protocol):
    """What is needed here of a transport."""

    def write(self, data: bytes) -> None:
        """Send, or keep until it can be sent."""

    def writelines(self, list_of_data: list[bytes]) -> None:
        """Send several as they are, unjoined."""


class Outbox:
    """Replies in order: ready ones, long ones piece by piece, and ones that answer later."""

    __slots__ = ("_descriptor", "_queue", "_sink", "_waiting_bytes", "paused")

    def __init__(self, sink: Sink, descriptor: int = -1) -> None:
        """`descriptor` is the socket's, if bytes may go to it as they are.

        It is written to only while the transport keeps nothing back, which it
        must say by pausing at the first byte that it does.
        """
        self._sink = sink
        self._descriptor = descriptor
        self._queue: deque[Piece | Later[list[Piece]]] = deque()
        self._waiting_bytes = 0
        self.paused = False
        """Set by the transport's flow control: the client does not take what was sent."""

    @property
    def blocked(self) -> bool:
        """Whether further requests have to wait."""
        return (
            self.paused or self._waiting_bytes > HIGH_WATER_BYTES or len(self._queue) >= MAX_AWAITED
        )

    @property
    def empty(self) -> bool:
        """Whether everything was handed to the transport."""
        return not self._queue

    def send(self, replies: memoryview) -> None:
        """Send `replies`, whose memory is another's after this, behind whatever waits."""
        if self._queue:
            self._wait(bytes(replies))
        elif self.paused:
            self._sink.write(bytes(replies))
        else:
            self.send_at_once(replies)

    def send_at_once(self, replies: memoryview) -> bool:
        """`send` while nothing waits: the way of nearly all small replies; whether all are gone."""
        try:
            sent = os.write(self._descriptor, replies)
        except OSError:
            sent = 0  # full, broken, or no plain socket: the transport will know
        if sent == len(replies):
            return True
        self._sink.write(bytes(replies[sent:]))
        return False

    def send_pieces(self, pieces: list[Piece]) -> None:
        """The same for pieces that may be long readings."""
        for piece in pieces:
            self._wait(piece)
        self.pump()

    def send_later(self, answer: Later[list[Piece]], settled: Callable[[], None]) -> None:
        """Keep the place of a reply that is not there yet; `settled` is called when it is."""
        self._queue.append(answer)
        answer.when_settled(settled)

    def pump(self) -> None:
        """Send what is ready, up to the first reply that is awaited or the high-water mark."""
        ready: list[bytes] = []
        while self._queue and not self.paused:
            piece = self._queue[0]
            if isinstance(piece, bytes):
                ready.append(self._next(piece))
            elif isinstance(piece, Later):
                if not piece.settled:
                    break
                self._queue.popleft()
                for part in reversed(piece.result()):
                    self._queue.appendleft(part)
                    self._waiting_bytes += len(part)
            else:
                self._send_reading(ready, piece)
                ready = []
        self._write(ready)

    def cancel(self) -> None:
        """The connection is gone: let go of what nobody will take."""
        for piece in self._queue:
            if isinstance(piece, Later):
                piece.then(_give_up)
            else:
                _give_up([piece])
        self._queue.clear()
        self._waiting_bytes = 0
        self._descriptor = -1  # soon another connection's

    def _wait(self, piece: Piece) -> None:
        self._queue.append(piece)
        self._waiting_bytes += len(piece)

    def _next(self, piece: bytes) -> bytes:
        self._queue.popleft()
        self._waiting_bytes -= len(piece)
        return piece

    def _send_reading(self, before: list[bytes], reading: Reading) -> None:
        """Send what stands before `reading`, and of it what the client takes at once or a piece."""
        length = len(reading)
        if self._descriptor < 0:
            self._write(before)
        else:
            head = b"".join(before)

            def give(rest: memoryview) -> int:
                sent = self._offer([head, rest])
                if sent < len(head):
                    self._sink.write(head[sent:])
                return max(0, sent - len(head))

            reading.hand(give)
        if len(reading) and not self.paused:
            self._sink.write(reading.take(PIECE_BYTES))
        self._waiting_bytes -= length - len(reading)
        if not len(reading):
            self._queue.popleft()

    def _write(self, replies: list[bytes]) -> None:
        if not replies:
            return
        size = sum(map(len, replies))
        if size <= _JOIN_BYTES * len(replies):
            replies = [b"".join(replies)]
        if self._descriptor < 0 or self.paused:
            self._sink.writelines(replies)
            return
        sent = self._offer(replies)
        if sent < size:
            self._sink.write(b"".join(replies)[sent:])

    def _offer(self, data: Sequence[bytes | memoryview]) -> int:
        """Have the socket take what it takes at once; returns how many bytes that was.

        The transport would do the same a turn of the loop later, and would
        keep what is left, were it a block's memory.
        """
        try:
            return os.writev(self._descriptor, data)
        except OSError:
            return 0  # full, or broken: then the transport will notice


def _give_up(pieces: list[Piece]) -> None:
    for piece in pieces:
        if not isinstance(piece, bytes):
            piece.cancel()

"""One connection's replies on their way out, in the order of the requests.

Rule: nothing overtakes anything.  A reply that is there goes out at once
unless one before it is still awaited or the client does not take what it has
asked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from .later import Later
from .store import Reading

HIGH_WATER_BYTES = 256 * 1024
"""More than this not yet taken by the client, and no further request of it is read."""

PIECE_BYTES = 2 * HIGH_WATER_BYTES
"""How much of a long READ is copied out at a time; above the high-water mark it is sent at once."""

MAX_AWAITED = 1024
"""Most replies of one connection that may be awaited or wait behind one that is."""

_JOIN_BYTES = 64 * 1024

Piece = bytes | Reading


class Sink(Protocol):
    """The two methods of a transport that are needed here."""

    def write(self, data: bytes) -> None:
        """Send, or keep until it can be sent."""

    def writelines(self, list_of_data: list[bytes]) -> None:
        """Send several as they are, unjoined."""


class Outbox:
    """Replies in order: ready ones, long ones piece by piece, and ones that answer later."""

    __slots__ = ("_queue", "_sink", "_waiting_bytes", "paused")

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
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

    def send(self, replies: list[bytes], size: int) -> None:
        """Send `replies`, `size` bytes together, behind whatever waits."""
        if self._queue:
            self._queue.extend(replies)
            self._waiting_bytes += size
        else:
            self._write(replies, size)

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
                self._write(ready, sum(map(len, ready)))
                ready = []
                if not self.paused:
                    self._sink.write(self._next_of(piece))
        self._write(ready, sum(map(len, ready)))

    def cancel(self) -> None:
        """The connection is gone: let go of what nobody will take."""
        for piece in self._queue:
            if not isinstance(piece, bytes | Later):
                piece.cancel()
        self._queue.clear()
        self._waiting_bytes = 0

    def _wait(self, piece: Piece) -> None:
        self._queue.append(piece)
        self._waiting_bytes += len(piece)

    def _next(self, piece: bytes) -> bytes:
        self._queue.popleft()
        self._waiting_bytes -= len(piece)
        return piece

    def _next_of(self, reading: Reading) -> bytes:
        data = reading.take(PIECE_BYTES)
        self._waiting_bytes -= len(data)
        if not len(reading):
            self._queue.popleft()
        return data

    def _write(self, replies: list[bytes], size: int) -> None:
        if size > _JOIN_BYTES:
            self._sink.writelines(replies)
        elif replies:
            self._sink.write(b"".join(replies))

"""One connection's replies that could not be sent at once, in the order of the requests.

Rule: nothing overtakes anything.  A reply that is there is sent at once unless
one before it is still awaited or the client does not take what it has asked for.
What is added goes through `send_batch`, which knows what was answered before.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from ether_daemon.stores.contract import StreamedRead
from ether_daemon.stores.future import Future

HIGH_WATER_BYTES = 64 * 1024
"""More than this not yet taken by the client, and no further request of it is read."""

PIECE_BYTES = 2 * HIGH_WATER_BYTES
"""How much of a long READ is copied for a client that does not take it at once."""

MAX_AWAITED = 1024
"""Most replies of one connection that may be awaited or wait behind one that is."""

MAX_EXPECTED_BYTES = 1024 * 1024
"""More than this to come in awaited replies, and no further request of the client is read."""

_JOIN_BYTES = 8 * 1024
"""Replies of less than this on average are joined; larger ones are sent as they are."""

Piece = bytes | bytearray | StreamedRead
"""Of a reply: what has bytes of a block or a payload is a bytearray, which is wiped when sent."""

_PLAIN = bytes, bytearray


class Sink(Protocol):
    """What is needed here of a transport."""

    def write(self, data: bytearray) -> None:
        """Send, or keep until it can be sent."""

    def writelines(self, list_of_data: list[bytearray]) -> None:
        """The same with several as they are, unjoined."""

    def get_write_buffer_size(self) -> int:
        """How many bytes are kept until they can be sent."""


class _Awaited:
    """The place of a reply that is not there yet.

    `held_bytes` are kept of the request; the reply will have about `expected_bytes`.
    """

    __slots__ = ("answer", "arrived_bytes", "expected_bytes", "held_bytes")

    def __init__(self, answer: Future[list[Piece]], held_bytes: int, expected_bytes: int) -> None:
        self.answer = answer
        self.held_bytes = held_bytes
        self.expected_bytes = expected_bytes
        self.arrived_bytes = 0  # of a reply that is there, and waits for one before it


class SendQueue:
    """Replies in order: ready ones, streamed ones piece by piece, and ones that are awaited."""

    __slots__ = (
        "_charge",
        "_descriptor",
        "_expected_bytes",
        "_held_bytes",
        "_queue",
        "_sink",
        "_unsent",
        "paused",
        "waiting_bytes",
    )

    def __init__(
        self, sink: Sink, descriptor: int = -1, charge: Callable[[int], object] = int
    ) -> None:
        """`charge` is told how much memory replies take, whenever that may have changed.

        `descriptor` is the socket's, if bytes may go to it as they are.

        It is written to only while the transport keeps nothing back, which it
        must say by pausing at the first byte that it does.
        """
        self._sink = sink
        self._charge = charge
        self._descriptor = descriptor
        self._unsent: list[bytearray] = []  # copies that the transport keeps
        self._queue: deque[Piece | _Awaited] = deque()
        self._expected_bytes = 0  # of awaited replies
        self._held_bytes = 0  # of what waits here, without blocks' own memory
        self.waiting_bytes = 0
        """How many bytes wait here: of replies, and of requests that are held for theirs."""
        self.paused = False
        """Set by the transport's flow control: the client does not take what was sent."""

    @property
    def blocked(self) -> bool:
        """Whether further requests have to wait."""
        return (
            self.paused
            or self.waiting_bytes > HIGH_WATER_BYTES
            or self._expected_bytes > MAX_EXPECTED_BYTES
            or len(self._queue) >= MAX_AWAITED
        )

    @property
    def untaken_bytes(self) -> int:
        """How many bytes of replies the client has not taken, here or in the transport."""
        return self.waiting_bytes + self._sink.get_write_buffer_size()

    @property
    def empty(self) -> bool:
        """Whether everything was handed to the transport."""
        return not self._queue

    def send(self, replies: memoryview) -> bool:
        """Send `replies`, whose memory is another's after this, behind whatever waits.

        Returns whether all went out, so that further requests need not wait.
        """
        if self._queue:
            self._wait(bytearray(replies))
        elif self.paused:
            self._give([bytearray(replies)])
        else:
            try:
                sent = os.write(self._descriptor, replies)
            except OSError:
                sent = 0  # full, broken, or no plain socket: the transport will know
            if sent == len(replies):
                return True
            self._give([bytearray(replies[sent:])])
        self.charge()
        return not self.blocked

    def send_pieces(self, pieces: list[Piece]) -> None:
        """The same for pieces that may be streamed reads."""
        for piece in pieces:
            self._wait(piece)
        self.pump()

    def send_later(
        self,
        answer: Future[list[Piece]],
        settled: Callable[[], object],
        held_bytes: int,
        expected_bytes: int = 0,
    ) -> None:
        """Keep the place of a reply that is not there yet; `settled` is called when it is.

        `held_bytes` is what is kept of the request until then, `expected_bytes`
        about how long the reply will be.
        """
        awaited = _Awaited(answer, held_bytes, expected_bytes)
        self._queue.append(awaited)
        self.waiting_bytes += held_bytes
        self._held_bytes += held_bytes
        self._expected_bytes += expected_bytes
        self.charge()
        answer.add_done_callback(lambda: self._arrived(awaited))
        answer.add_done_callback(settled)

    def pump(self) -> None:
        """Send what is ready, up to the first reply that is awaited or the high-water mark."""
        ready: list[bytes | bytearray] = []
        while self._queue and not self.paused:
            piece = self._queue[0]
            if isinstance(piece, _PLAIN):
                ready.append(self._next(piece))
            elif isinstance(piece, _Awaited):
                if not piece.answer.done():
                    break
                self._queue.popleft()
                self.waiting_bytes -= piece.held_bytes
                self._held_bytes -= piece.held_bytes + piece.arrived_bytes
                self._expected_bytes -= piece.expected_bytes
                for part in reversed(piece.answer.result()):
                    self._queue.appendleft(part)
                    self._count(part)
            else:
                self._send_streamed(ready, piece)
                ready = []
        self._write(ready)
        self.charge()

    def taken(self) -> None:
        """The client has taken all that the transport kept: leave no copy of it behind."""
        unsent, self._unsent = self._unsent, []
        for copy in unsent:
            blank(copy)

    def _give(self, copies: list[bytearray]) -> None:
        """Have the transport send `copies`, which are wiped as soon as they have been sent."""
        self._unsent += copies
        if len(copies) == 1:
            self._sink.write(copies[0])
        else:
            self._sink.writelines(copies)
        if not self.paused and not self._sink.get_write_buffer_size():
            self.taken()  # all of it has gone

    def charge(self) -> None:
        """Say how much memory replies take now."""
        self._charge(self._held_bytes + self._sink.get_write_buffer_size())

    def cancel(self) -> None:
        """The connection is gone: let go of what nobody will take."""
        for piece in self._queue:
            if isinstance(piece, _Awaited):
                piece.answer.then(_give_up)
            else:
                _give_up([piece])
        self._queue.clear()
        self.taken()
        self.waiting_bytes = self._held_bytes = self._expected_bytes = 0
        self._descriptor = -1  # soon another connection's

    def _arrived(self, awaited: _Awaited) -> None:
        """Count a reply that has come and cannot be sent yet."""
        if self._queue and self._queue[0] is not awaited:
            awaited.arrived_bytes = _held_by(awaited.answer)
            self._held_bytes += awaited.arrived_bytes
            self.charge()

    def _wait(self, piece: Piece) -> None:
        self._queue.append(piece)
        self._count(piece)

    def _count(self, piece: Piece) -> None:
        self.waiting_bytes += len(piece)
        if isinstance(piece, _PLAIN):
            self._held_bytes += len(piece)

    def _next(self, piece: bytes | bytearray) -> bytes | bytearray:
        self._queue.popleft()
        self.waiting_bytes -= len(piece)
        self._held_bytes -= len(piece)
        return piece

    def _send_streamed(self, before: list[bytes | bytearray], read: StreamedRead) -> None:
        """Send what stands before `read`, and of it what the client takes at once or a piece."""
        length = len(read)
        if self._descriptor < 0:
            self._write(before)
        else:
            head = _joined(before)

            def give(rest: memoryview) -> int:
                sent = self._offer([head, rest])
                if sent < len(head):
                    self._give([head[sent:]])
                return max(0, sent - len(head))

            read.hand(give)
            blank(head)
        if len(read) and not self.paused:
            copies: list[bytearray] = []

            def copy(rest: memoryview) -> int:
                copies.append(bytearray(rest[:PIECE_BYTES]))
                return len(copies[0])

            read.hand(copy)
            self._give(copies)
        self.waiting_bytes -= length - len(read)
        if not len(read):
            self._queue.popleft()

    def _write(self, replies: list[bytes | bytearray]) -> None:
        if not replies:
            return
        size = sum(map(len, replies))
        if size <= _JOIN_BYTES * len(replies):
            replies = [_joined(replies)]
        sent = 0
        if self._descriptor >= 0 and not self.paused:
            sent = self._offer(replies)
        rest: list[bytearray] = []
        for reply in replies:
            if sent < len(reply):
                rest.append(_owned(reply, sent))
            elif isinstance(reply, bytearray):
                blank(reply)
            sent = max(0, sent - len(reply))
        if rest:
            self._give(rest)

    def _offer(self, data: Sequence[bytes | bytearray | memoryview]) -> int:
        """Have the socket take what it takes at once; returns how many bytes that was.

        The transport would do the same a turn of the loop later, and would
        keep what is left, were it a block's memory.
        """
        try:
            return os.writev(self._descriptor, data)
        except OSError:
            return 0  # full, or broken: then the transport will notice


def _held_by(answer: Future[list[Piece]]) -> int:
    try:
        return sum(len(piece) for piece in answer.result() if isinstance(piece, _PLAIN))
    except Exception:  # the connection will hear of it
        return 0


def _give_up(pieces: list[Piece]) -> None:
    for piece in pieces:
        if isinstance(piece, bytearray):
            blank(piece)
        elif not isinstance(piece, bytes):
            piece.cancel()


def _joined(replies: list[bytes | bytearray]) -> bytearray:
    """All of them in one, which is wiped instead of them."""
    joined = bytearray().join(replies)
    for reply in replies:
        if isinstance(reply, bytearray):
            blank(reply)
    return joined


def _owned(reply: bytes | bytearray, sent: int) -> bytearray:
    """What is left of `reply` once `sent` bytes have gone, in memory that can be wiped."""
    if isinstance(reply, bytearray) and not sent:
        return reply
    rest = bytearray(memoryview(reply)[sent:])
    if isinstance(reply, bytearray):
        blank(reply)
    return rest


def blank(copy: bytearray) -> None:
    """Leave nothing in the memory of `copy`, which is about to be freed."""
    copy[:] = bytes(len(copy))

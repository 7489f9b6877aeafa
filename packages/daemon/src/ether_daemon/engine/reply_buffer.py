"""The replies of a round of the event loop, one behind the other, in memory that all share.

Rule: what was put here is sent or copied before the round ends.  Only one
session has a turn at a time; replies of the short way may wait for the end of
the round (`rounds`), and are sent before a turn that goes the long way.
"""

from __future__ import annotations

from ether_protocol.wire.messages import Buffer

TURN_BYTES = 256 * 1024
"""How many bytes of replies one session's turn gathers before they are sent."""

MAX_BODY_BYTES = 256 * 1024
"""The longest payload of one reply that fits behind them."""

GATHERED_BYTES = 384 * 1024
"""More than this is sent before the round ends."""

_MAX_HEADER_BYTES = 64


class Replies:
    """A buffer of replies; `data` is filled up to `filled`, and `view` shows it."""

    __slots__ = ("data", "filled", "in_use", "view")

    def __init__(self) -> None:
        self.data = bytearray(GATHERED_BYTES + TURN_BYTES + _MAX_HEADER_BYTES + MAX_BODY_BYTES)
        self.view = memoryview(self.data)
        self.filled = 0
        self.in_use = False
        """A session has its turn the long way, and replies of its stand here or may come to."""

    def put(self, header: bytes, payload: Buffer) -> None:
        """Add a reply of up to MAX_BODY_BYTES: there is room as long as TURN_BYTES are not full."""
        body = self.filled + len(header)
        self.data[self.filled : body] = header
        self.filled = body
        if payload:
            self.filled += len(payload)
            self.view[body : self.filled] = payload

    def take(self) -> memoryview:
        """What was put here; the next reply will stand at the start again."""
        taken = self.view[: self.filled]
        self.filled = 0
        return taken

    def clear(self) -> None:
        """The turn is over, however it ended: leave nothing for the next session to send."""
        self.filled = 0
        self.in_use = False

    def wipe(self) -> None:
        """Let nothing remain of what was sent last."""
        self.data[:] = bytes(len(self.data))

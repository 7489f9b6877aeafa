"""Replies that wait to be sent together, one behind the other, in memory that all share.

Rule: nothing here knows whose replies these are; `net.send_batch` does.
"""

from __future__ import annotations

from ether_protocol.wire.messages import Buffer

TURN_BYTES = 256 * 1024
"""How many bytes of replies one call of the fast path may add."""

MAX_BODY_BYTES = 256 * 1024
"""The longest payload of one reply that is put here."""

BATCH_BYTES = 384 * 1024
"""Once more than this stands here, it is sent."""

_MAX_HEADER_BYTES = 64


class ReplyBuffer:
    """A buffer of replies; `data` is filled up to `filled`, and `view` shows it.

    As long as at most BATCH_BYTES are filled there is room for one more turn
    of the fast path, or for one more reply.
    """

    __slots__ = ("_zeros", "data", "filled", "view")

    def __init__(self) -> None:
        self.data = bytearray(BATCH_BYTES + TURN_BYTES + _MAX_HEADER_BYTES + MAX_BODY_BYTES)
        self.view = memoryview(self.data)
        self._zeros = memoryview(bytes(len(self.data)))
        self.filled = 0

    def put(self, header: bytes, payload: Buffer) -> int:
        """Add a reply with a payload of up to MAX_BODY_BYTES; returns how far it is filled now."""
        filled = self.filled
        body = filled + len(header)
        self.data[filled:body] = header
        filled = body
        if payload:
            filled += len(payload)
            self.view[body:filled] = payload
        self.filled = filled
        return filled

    def wipe(self) -> None:
        """Let nothing remain of what was sent; what is `filled` waits to be."""
        self.view[self.filled :] = self._zeros[self.filled :]

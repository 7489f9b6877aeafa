"""The memory that all connections receive in.

Rule: bytes are looked at where the socket put them.  Only one connection
receives at a time, so all share one buffer; a long payload arrives in memory
of its own.
"""

from __future__ import annotations

from .buffer_pool import BufferPool, PooledPayload

RECEIVE_BYTES = 256 * 1024
FLOOD_BYTES = 64 * 1024
"""What one round of the event loop receives of a client that fills every buffer it is lent."""
MAX_INLINE_BYTES = 16 * 1024
"""A payload up to this long is awaited behind its header, a longer one in memory of its own."""

MAX_KEPT_BYTES = MAX_INLINE_BYTES + 64
"""Of a message that has begun, so much at most stands in the buffer before it is lent."""

_ZEROS = bytes(RECEIVE_BYTES)


class SharedReceiveMemory:
    """The receive buffer of one event loop (see `ReceiveMemory` of ether_protocol).

    Payloads are lent: a message's is void when the next one is asked for.
    """

    __slots__ = ("data", "flood_view", "inline_bytes", "lends", "pool", "view")

    def __init__(self) -> None:
        self.data = bytearray(RECEIVE_BYTES)
        self.view = memoryview(self.data)
        self.flood_view = self.view[:FLOOD_BYTES]
        self.inline_bytes = MAX_INLINE_BYTES
        self.lends = True
        self.pool = BufferPool()

    def payload(self, length: int) -> PooledPayload:
        """Memory for a payload of `length` bytes; raises OSError."""
        return PooledPayload(self.pool, length)

    def wipe(self) -> None:
        """Let nothing remain of what was received; between two receives nobody needs it."""
        self.view[:] = _ZEROS

"""The memory that a connection receives in, as a policy that its owner hands in.

Rule: nothing here looks at the bytes.
"""

from __future__ import annotations

from typing import Protocol

from .payload import GrowingPayload, Payload

BUFFER_BYTES = 64 * 1024
"""What a connection of its own memory receives into."""


class ReceiveMemory(Protocol):
    """Where bytes arrive, and what becomes of payloads.

    A server that serves many connections may lend all of them one buffer, as
    long as each calls `Receiver.suspend` before another one receives.
    """

    data: bytearray
    """The receive buffer."""
    view: memoryview
    """The same, to cut payloads from."""
    inline_bytes: int
    """A payload of up to so many bytes is awaited in `data`; it has room for that and a header."""
    lends: bool
    """Whether a payload that lies whole in `data` is lent until the next message, or copied."""

    def payload(self, length: int) -> Payload:
        """Memory for a payload of `length` bytes that is not whole yet; raises OSError."""


class PrivateMemory:
    """A buffer of one connection's own; payloads are copied and belong to who takes them."""

    __slots__ = ("data", "inline_bytes", "lends", "view")

    def __init__(self) -> None:
        self.data: bytearray = bytearray(BUFFER_BYTES)
        self.view: memoryview = memoryview(self.data)
        self.inline_bytes: int = 0
        self.lends: bool = False

    def payload(self, length: int) -> Payload:
        """Memory that grows with what arrives."""
        return GrowingPayload(length)

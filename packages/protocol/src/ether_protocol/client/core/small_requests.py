"""Small READs and WRITEs as plain values, for the fast path that makes no message of them.

Rule: a message is made only if something about the request or its reply is unusual.
"""

from __future__ import annotations

from typing import NamedTuple

from ether_protocol.wire.constants import Command
from ether_protocol.wire.messages import Buffer, Message

READ, WRITE = Command.READ, Command.WRITE  # looked up once: an attribute of an enum is slow

SMALL_BYTES = 16 * 1024
"""The most bytes of a READ or WRITE on the fast path."""


class SmallRequest(NamedTuple):
    """A READ or WRITE of `size` bytes, as its values."""

    command: Command
    handle: int
    size: int
    offset: int
    payload: Buffer

    def message(self) -> Message:
        """The same as a message, for the slow path and for the words of an error."""
        if self.command == READ:
            return Message(self.command, self.handle, self.size, self.offset)
        return Message(self.command, self.handle, offset=self.offset, payload=self.payload)

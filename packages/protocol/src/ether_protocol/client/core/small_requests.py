"""Small READs and WRITEs as their values, for the ways that make no message of them.

Rule: a message is made only where something about one turns out to be unusual.
"""

from __future__ import annotations

from typing import NamedTuple

from ether_protocol.wire.constants import Command
from ether_protocol.wire.messages import Buffer, Message

READ, WRITE = Command.READ, Command.WRITE  # in a tight place: an enum is slow to ask for them

PLAIN_BYTES = 16 * 1024
"""Up to here a READ or WRITE is made without a message object."""


class Plain(NamedTuple):
    """A small READ or WRITE of `size` bytes as its values."""

    command: Command
    handle: int
    size: int
    offset: int
    payload: Buffer

    def message(self) -> Message:
        """The same as a message, to name it in an error or to go on with it."""
        if self.command == READ:
            return Message(self.command, self.handle, self.size, self.offset)
        return Message(self.command, self.handle, offset=self.offset, payload=self.payload)

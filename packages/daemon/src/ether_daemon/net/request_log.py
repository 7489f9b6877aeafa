"""The lines that level debug writes for each request and reply.

Rule: the command, the handle and the number of bytes, in the words of the
original server; never a byte of a block, never an address of this process.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from ether_protocol.wire import bodies
from ether_protocol.wire.constants import Command, command_name
from ether_protocol.wire.messages import Message

_REQUESTS: dict[int, Callable[[Message], str]] = {
    Command.PING: lambda _: "PING received",
    Command.ALLOC: lambda m: f"ALLOC request: {m.size} bytes",
    Command.FREE: lambda m: f"FREE request: handle=0x{m.handle:X}",
    Command.WRITE: lambda m: f"WRITE request: handle=0x{m.handle:X} len={len(m.payload)}",
    Command.READ: lambda m: f"READ request: handle=0x{m.handle:X} len={m.size}",
}


def request(log: logging.Logger, client: str, message: Message) -> None:
    """Log `message` of `client` as it is about to be carried out."""
    line = _REQUESTS.get(message.command)
    text = line(message) if line else f"{command_name(message.command)} request: {message}"
    log.debug("%s (%s)", text, client)


def reply(log: logging.Logger, client: str, command: int, message: Message) -> None:
    """Log the answer to `client`'s `command`, with what an ERROR says."""
    text = f"{command_name(command)} {command_name(message.command)}"
    if message.command == Command.ERROR:
        error = bodies.decode_error(message)
        text += f" {error.name}: {error}"
    elif message.handle:
        text += f": handle=0x{message.handle:X}"
    log.debug("%s (%s)", text, client)

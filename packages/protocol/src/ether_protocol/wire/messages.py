"""One message, a request or a reply, as a Python value.

Rule: a message is plain data that can be printed; `codec` turns it into bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from .constants import REPLIES, VERSION_1, VERSION_2, Command, command_name

Buffer = bytes | bytearray | memoryview
"""What a payload may be."""


if TYPE_CHECKING:
    import typing_extensions  # type checkers have it; Python itself from 3.12 on

AnyBuffer: TypeAlias = "typing_extensions.Buffer"
"""Anything with the buffer protocol: `bytes`, `array`, `mmap`, ctypes, numpy arrays."""


def byte_view(data: AnyBuffer) -> memoryview:
    """A one-dimensional view of the bytes of `data`, copied only if they are not contiguous.

    Raises TypeError for an object without the buffer protocol.
    """
    view = memoryview(data)
    if not view.nbytes:  # a shape with a 0 can't be cast
        return memoryview(b"")
    return view.cast("B") if view.c_contiguous else memoryview(view.tobytes())


@dataclass(slots=True)
class Message:
    """A request or a reply.

    Fields that a command does not use stay 0.

    Args:
        command: A Command, or the number of an unknown one.
        handle: The block's handle.
        size: The operand in bytes.
        offset: The first byte of the range in the block.
        payload: The bytes after the header, at most 16 MiB.
        flags: AllocFlag bits of an ALLOC.
        request_id: 0 to 2**32 - 1, in version 2; `ClientConnection.send` sets it.
        version: 1 or 2.
        code: The error code of a version 1 ERROR.  In version 2 it is in the payload.

    See "Headers" in docs/protocol.md.
    """

    command: int
    handle: int = 0
    size: int = 0
    offset: int = 0
    payload: Buffer = b""
    flags: int = 0
    request_id: int = 0
    version: int = VERSION_2
    code: int = 0

    @property
    def is_reply(self) -> bool:
        """Whether this is a reply: PONG, OK or ERROR."""
        return self.command in REPLIES

    def reply(
        self, command: int = Command.OK, *, handle: int = 0, size: int = 0, payload: Buffer = b""
    ) -> Message:
        """A reply to this request, with its version and request id.

        Args:
            command: OK, PONG or ERROR.
            handle: The block's handle, where the reply has one.
            size: The reply's size in bytes, where it has one.
            payload: The bytes after the header.
        """
        return Message(command, handle, size, 0, payload, 0, self.request_id, self.version)

    def with_payload(self, payload: Buffer) -> Message:
        """A copy of this message with another payload.

        Args:
            payload: The bytes after the header.
        """
        return replace(self, payload=payload)

    def __str__(self) -> str:
        """One line for a log: command, id and fields, and the payload's length, never its bytes."""
        words = [command_name(self.command)]
        if self.version == VERSION_1:
            words.append("v1")
        else:
            words.append(f"#{self.request_id}")
        for name in ("handle", "size", "offset", "flags", "code"):
            value = getattr(self, name)
            if value:
                words.append(f"{name}={value}")
        if len(self.payload):
            words.append(f"[{len(self.payload)} bytes]")
        return " ".join(words)

    def __repr__(self) -> str:
        return f"<Message {self}>"

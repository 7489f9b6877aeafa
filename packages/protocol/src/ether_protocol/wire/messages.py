"""One message, either way, as a Python value.

Rule: a message is plain data.  It knows how to be read by a person; turning
it into bytes is `codec`'s work.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from .constants import REPLIES, VERSION_1, VERSION_2, Command, command_name

Buffer = bytes | bytearray | memoryview
"""What a payload may be made of."""


if TYPE_CHECKING:
    import typing_extensions  # a type checker brings it along; from 3.12 on Python has its own

AnyBuffer: TypeAlias = "typing_extensions.Buffer"
"""What has the buffer protocol: `bytes`, `array`, `mmap`, ctypes, numpy's arrays."""


def flat(data: AnyBuffer) -> memoryview:
    """`data` as a row of single bytes, copied only where it does not lie in one piece.

    Raises TypeError for what has no buffer.
    """
    view = memoryview(data)
    if not view.nbytes:  # of an array with a length of 0 somewhere, which no cast takes
        return memoryview(b"")
    return view.cast("B") if view.c_contiguous else memoryview(view.tobytes())


@dataclass(slots=True)
class Message:
    """A request or a reply (docs/protocol.md, "Headers").

    `size` is the operand in bytes, `offset` the first byte of the range in the
    block, `code` the error code of a version 1 ERROR (version 2 carries it in
    the payload, see `bodies.decode_error`).  Fields that a command does not use
    stay 0.
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
        """Whether a server sends this, rather than a client."""
        return self.command in REPLIES

    def reply(
        self, command: int = Command.OK, *, handle: int = 0, size: int = 0, payload: Buffer = b""
    ) -> Message:
        """An answer to this request: its version and request id are carried over."""
        return Message(command, handle, size, 0, payload, 0, self.request_id, self.version)

    def with_payload(self, payload: Buffer) -> Message:
        """The same message carrying `payload`."""
        return replace(self, payload=payload)

    def __str__(self) -> str:
        """One line for a log: what and where, and how many bytes, but never the bytes."""
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

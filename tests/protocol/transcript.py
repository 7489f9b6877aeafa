"""What a connection took, as lines of text, and streams cut into pieces.

Rule: a test compares whole transcripts, so that one more or one less shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ether_protocol import Command, Message, Refused, ServerConnection
from ether_protocol.wire.codec import encode


def lines(events: Iterable[Message | Refused]) -> list[str]:
    """Each event as a line, such as `WRITE v1 handle=7 size=5 [5 bytes]`."""
    return [_line(event) for event in events]


def _line(event: Message | Refused) -> str:
    if isinstance(event, Message):
        return str(event)
    fatal = ", fatal" if event.refusal.fatal else ""
    return f"refused {event.refusal.code.name}{fatal}"


def bytewise(wire: bytes) -> Iterator[bytes]:
    """`wire`, a byte at a time."""
    return (wire[at : at + 1] for at in range(len(wire)))


def taken(*pieces: bytes | Iterable[bytes]) -> list[str]:
    """What one server connection makes of `pieces`, one after the other."""
    connection = ServerConnection()
    events: list[Message | Refused] = []
    for piece in pieces:
        for part in (piece,) if isinstance(piece, bytes) else piece:
            events += connection.receive_data(part)
    return lines(events)


def v1(command: int, handle: int = 0, size: int = 0, payload: bytes = b"") -> bytes:
    """A version 1 request; `size` is written as it is, whatever the payload."""
    header = b"\xe7\xe7\xe7\xe7\x01" + bytes([command, 0, 0])
    return header + handle.to_bytes(8, "big") + size.to_bytes(4, "big") + bytes(4) + payload


def v2(command: int, **fields: int | bytes) -> bytes:
    """A version 2 request."""
    return encode(Message(command, **fields))  # type: ignore[arg-type]  # every field is int or bytes


PING_V1 = v1(Command.PING)
PING_V2 = v2(Command.PING)

"""The server's end of a connection, without a socket and without a clock.

Rule: bytes in, requests out; replies in, bytes out.  Whoever owns the socket
either feeds `receive_data`, or receives straight into `get_buffer` and says
how much with `received`; nothing here waits, reads or writes.
"""

from __future__ import annotations

from dataclasses import dataclass

from ether_protocol.wire.bodies import error_reply
from ether_protocol.wire.codec import (
    encode,
)
from ether_protocol.wire.framing import Filler, Refusal, RequestFramer
from ether_protocol.wire.messages import Buffer, Message

from .receiver import Receiver


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that must not be carried out; answer it with `ServerConnection.refuse`."""

    message: Message
    refusal: Refusal


class ServerConnection(Receiver["Message | Refused"]):
    """The server's end: requests out of bytes, bytes out of replies.

    What is refused, and how, stands in docs/protocol.md, "Bad input".  After a
    fatal refusal nothing more is taken: send its ERROR, then close.
    """

    def __init__(self) -> None:
        super().__init__()
        self._framer = RequestFramer()

    def receive_data(self, data: Buffer) -> list[Message | Refused]:
        """Take bytes of any number and return the requests that they complete."""
        return self._feed(data)

    def next_request(self) -> Message | Refused | None:
        """The next whole request, or None until more bytes come."""
        return self._next()

    def send(self, reply: Message) -> bytes:
        """The bytes of `reply`; raises LocalProtocolError where it has no form."""
        return encode(reply)

    def refuse(self, refused: Refused) -> bytes:
        """The bytes of the ERROR that answers `refused`."""
        return encode(error_reply(refused.message, refused.refusal.code, refused.refusal.text))

    def _cut(self) -> Message | Refused | None:
        head = self._framer.parse_head(self._buffer, self._start, self._end)
        if head is None:
            return None
        if isinstance(head, Filler):
            self._drop = head.length
            return None
        self._start += head.used
        if head.discard:
            self._drop = head.length
        if head.refusal is not None:
            self._closed = head.refusal.fatal
            return Refused(head.message, head.refusal)
        if head.discard:
            return head.message
        self._expect(head.message, head.length)
        return None

    def _complete(self, message: Message) -> Message:
        return message

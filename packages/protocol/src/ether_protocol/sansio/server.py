"""The server's end of a connection, without a socket and without a clock.

Rule: bytes in, requests out; replies in, bytes out.  The owner of the socket
either feeds `receive_data`, or receives straight into `get_buffer` and says
how much with `received`; nothing here waits, reads or writes.
"""

from __future__ import annotations

from dataclasses import dataclass

from ether_protocol.wire.bodies import error_reply
from ether_protocol.wire.codec import encode
from ether_protocol.wire.constants import MAX_PAYLOAD_BYTES, VERSION_1, ErrorCode
from ether_protocol.wire.framing import Filler, Refusal, RequestFramer
from ether_protocol.wire.messages import Buffer, Message

from .memory import PrivateMemory, ReceiveMemory
from .receiver import Receiver


@dataclass(frozen=True, slots=True)
class Refused:
    """A request that must not be carried out; answer it with `ServerConnection.refuse`.

    `message` is the request as far as it was understood, `refusal` says why
    (its `code` and `text`), and whether the connection is to be closed
    (`fatal`).

    See "Bad input" in docs/protocol.md.
    """

    message: Message
    refusal: Refusal


class ServerConnection(Receiver["Message | Refused"]):
    """The server's end: requests out of bytes, bytes out of replies.

    After a fatal refusal nothing more is taken: send its ERROR, then close.

    Args:
        memory: Where bytes arrive; a buffer of its own where it is left out.

    See "Bad input" in docs/protocol.md.
    """

    __slots__ = ("_framer", "_longest", "_too_long")

    def __init__(self, memory: ReceiveMemory | None = None) -> None:
        super().__init__(memory or PrivateMemory())
        self._framer = RequestFramer()
        self._longest = MAX_PAYLOAD_BYTES
        self._too_long: Refusal | None = None

    @property
    def plain_version(self) -> int:
        """The version whose messages may be cut elsewhere from here on; 0 if there is none.

        A header is due next, this version was spoken last, and the client does
        not send filler between its messages as the original C client does.
        While suspended, nothing is left over.
        """
        if self._suspended or self._drop or self._message is not None:
            return 0
        framer = self._framer
        return framer.version if framer.version != VERSION_1 or not framer.sends_filler else 0

    def receive_data(self, data: Buffer) -> list[Message | Refused]:
        """Take bytes and return the requests that they complete.

        Args:
            data: Any number of bytes, as they came from the socket.
        """
        return self._feed(data)

    def next_request(self) -> Message | Refused | None:
        """The next whole request or refusal, or None until more bytes come.

        Where the memory lends payloads, the last one's is void after this.
        """
        return self.next_event()

    def limit_payloads(self, length: int, refusal: Refusal | None = None) -> None:
        """Take longer payloads no more, or take them again.

        Args:
            length: Most payload bytes of a request.
            refusal: How a request with more is refused; a fatal one ends the stream,
                without one nothing is refused.

        See "Authentication" in docs/protocol.md.
        """
        self._longest, self._too_long = length, refusal

    def skip_to(self, start: int) -> None:
        """Say that the messages up to `start`, all of `plain_version`, were handled elsewhere.

        Args:
            start: An index into the view of `uncut`, at the start of a header.
        """
        self._start = start

    def expect_filler(self, length: int) -> None:
        """Say what may stand behind the last message that was handled elsewhere.

        Args:
            length: How many bytes of filler; 0 for none.

        See "The original C client's habit" in docs/protocol.md.
        """
        self._framer.expect_filler(length)

    def send(self, reply: Message) -> bytes:
        """The bytes of a reply.

        Args:
            reply: The reply, of the version of its request.

        Raises:
            LocalProtocolError: The reply has no form on the wire.
        """
        return encode(reply)

    def refuse(self, refused: Refused) -> bytes:
        """The bytes of the ERROR that answers a refused request.

        Args:
            refused: What `next_request` or `receive_data` returned.
        """
        return encode(error_reply(refused.message, refused.refusal.code, refused.refusal.text))

    def _cut(self) -> Message | Refused | None:
        head = self._framer.parse_head(self._buffer, self._start, self._end)
        if head is None:
            return None
        if isinstance(head, Filler):
            self._drop = self._length = head.length
            return None
        self._start += head.used
        length = head.length
        if head.discard:
            self._drop = self._length = length
        if head.refusal is not None:
            self._closed = head.refusal.fatal
            return Refused(head.message, head.refusal)
        if head.discard or not length:
            return head.message
        if length > self._longest and self._too_long is not None:
            self._drop = self._length = length
            self._closed = self._too_long.fatal
            return Refused(head.message, self._too_long)
        if length <= self._end - self._start:
            return self._whole(head.message, length)
        try:
            self._expect(head.message, length)
        except OSError:
            self._drop = self._length = length
            text = f"the machine has no room for a payload of {length} bytes"
            return Refused(head.message, Refusal(ErrorCode.NO_MEMORY, text))
        return None

    def _complete(self, message: Message) -> Message:
        return message

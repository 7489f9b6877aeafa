"""One message of every kind, with its bytes written out by hand.

Rule: the hex here comes from docs/protocol.md and never from the codec, which
is what it judges.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from ether_protocol import AllocFlag, Command, ErrorCode, Message

COPY_FROM_8_AT_9 = bytes.fromhex("0000000000000008 0000000000000009")
HELLO_BODY = (
    b"\x05ether" + b"\x050.1.0"
    b"\x01\x00\x00\x00" + b"\x00\x00\x00\x00\x40\x00\x00\x00" + b"\x00\x00\x00\x00\x00\x00\x03\xe8"
    b"\x01" + b"\x01" + b"\x04fill" + bytes.fromhex("0123456789ABCDEF")
)
STATS_BODY = b"\x00\x00\x00\x01" + b"\x06blocks" + bytes(7) + b"\x03"
INFO_BODY = bytes.fromhex("0000000000001000 0001 0000019ABBCCDDEE")
LIST_BODY = bytes.fromhex("0000000000000008 0000000000000040 0000000000000009 0000010000000000")
ERROR_BODY = b"\x00\x07" + b"no block has handle 9"


@dataclass(frozen=True)
class Sample:
    """A message and its bytes; a reply also names the request it answers."""

    what: str
    message: Message
    hex: str
    to: Message = field(default_factory=lambda: Message(Command.PING))

    @property
    def wire(self) -> bytes:
        return bytes.fromhex(self.hex)

    @property
    def header_bytes(self) -> int:
        return len(self.wire) - len(self.message.payload)


REQUESTS = [
    Sample(
        "v1 PING",
        Message(Command.PING, version=1),
        "E7E7E7E7 01 01 0000 0000000000000000 00000000 00000000",
    ),
    Sample(
        "v1 ALLOC 1024",
        Message(Command.ALLOC, size=1024, version=1),
        "E7E7E7E7 01 10 0000 0000000000000000 00000400 00000000",
    ),
    Sample(
        "v1 FREE",
        Message(Command.FREE, 7, version=1),
        "E7E7E7E7 01 11 0000 0000000000000007 00000000 00000000",
    ),
    Sample(
        "v1 WRITE",
        Message(Command.WRITE, 7, 5, payload=b"hello", version=1),
        "E7E7E7E7 01 20 0000 0000000000000007 00000005 00000000 68656C6C6F",
    ),
    Sample(
        "v1 WRITE of nothing",
        Message(Command.WRITE, 7, version=1),
        "E7E7E7E7 01 20 0000 0000000000000007 00000000 00000000",
    ),
    Sample(
        "v1 READ",
        Message(Command.READ, 7, 5, version=1),
        "E7E7E7E7 01 21 0000 0000000000000007 00000005 00000000",
    ),
    Sample(
        "v2 PING",
        Message(Command.PING, request_id=1),
        "E7E7E7E7 02 01 0000 0000000000000000 0000000000000000 0000000000000000 00000001 00000000",
    ),
    Sample(
        "v2 PING with a payload",
        Message(Command.PING, payload=b"echo", request_id=1),
        "E7E7E7E7 02 01 0000 0000000000000000 0000000000000000 0000000000000000 00000001 00000004"
        " 6563686F",
    ),
    Sample(
        "v2 HELLO",
        Message(Command.HELLO, payload=b"me", request_id=1),
        "E7E7E7E7 02 03 0000 0000000000000000 0000000000000000 0000000000000000 00000001 00000002"
        " 6D65",
    ),
    Sample(
        "v2 AUTH",
        Message(Command.AUTH, payload=b"token", request_id=1),
        "E7E7E7E7 02 04 0000 0000000000000000 0000000000000000 0000000000000000 00000001 00000005"
        " 746F6B656E",
    ),
    Sample(
        "v2 STATS",
        Message(Command.STATS, request_id=1),
        "E7E7E7E7 02 05 0000 0000000000000000 0000000000000000 0000000000000000 00000001 00000000",
    ),
    Sample(
        "v2 ALLOC 1 TiB",
        Message(Command.ALLOC, size=2**40, request_id=1),
        "E7E7E7E7 02 10 0000 0000000000000000 0000010000000000 0000000000000000 00000001 00000000",
    ),
    Sample(
        "v2 ALLOC of a SESSION block",
        Message(Command.ALLOC, size=64, flags=AllocFlag.SESSION, request_id=1),
        "E7E7E7E7 02 10 0001 0000000000000000 0000000000000040 0000000000000000 00000001 00000000",
    ),
    Sample(
        "v2 FREE",
        Message(Command.FREE, 7, request_id=1),
        "E7E7E7E7 02 11 0000 0000000000000007 0000000000000000 0000000000000000 00000001 00000000",
    ),
    Sample(
        "v2 REALLOC",
        Message(Command.REALLOC, 7, 4096, request_id=1),
        "E7E7E7E7 02 12 0000 0000000000000007 0000000000001000 0000000000000000 00000001 00000000",
    ),
    Sample(
        "v2 INFO",
        Message(Command.INFO, 7, request_id=1),
        "E7E7E7E7 02 13 0000 0000000000000007 0000000000000000 0000000000000000 00000001 00000000",
    ),
    Sample(
        "v2 LIST",
        Message(Command.LIST, 7, 100, request_id=1),
        "E7E7E7E7 02 14 0000 0000000000000007 0000000000000064 0000000000000000 00000001 00000000",
    ),
    Sample(
        "v2 WRITE",
        Message(Command.WRITE, 7, offset=3, payload=b"hello", request_id=1),
        "E7E7E7E7 02 20 0000 0000000000000007 0000000000000000 0000000000000003 00000001 00000005"
        " 68656C6C6F",
    ),
    Sample(
        "v2 WRITE of nothing",
        Message(Command.WRITE, 7, offset=3, request_id=1),
        "E7E7E7E7 02 20 0000 0000000000000007 0000000000000000 0000000000000003 00000001 00000000",
    ),
    Sample(
        "v2 READ",
        Message(Command.READ, 7, 5, 3, request_id=1),
        "E7E7E7E7 02 21 0000 0000000000000007 0000000000000005 0000000000000003 00000001 00000000",
    ),
    Sample(
        "v2 FILL",
        Message(Command.FILL, 7, 256, 3, payload=b"\xaa", request_id=1),
        "E7E7E7E7 02 22 0000 0000000000000007 0000000000000100 0000000000000003 00000001 00000001"
        " AA",
    ),
    Sample(
        "v2 COPY",
        Message(Command.COPY, 7, 256, 3, payload=COPY_FROM_8_AT_9, request_id=1),
        "E7E7E7E7 02 23 0000 0000000000000007 0000000000000100 0000000000000003 00000001 00000010"
        " 00000000000000080000000000000009",
    ),
    Sample(
        "v2 COMPARE_SWAP",
        Message(Command.COMPARE_SWAP, 7, offset=8, payload=b"expecteddesired.", request_id=1),
        "E7E7E7E7 02 24 0000 0000000000000007 0000000000000000 0000000000000008 00000001 00000010"
        " 6578706563746564646573697265642E",
    ),
    Sample(
        "v2 FETCH_ADD -1",
        Message(Command.FETCH_ADD, 7, offset=8, payload=b"\xff" * 8, request_id=1),
        "E7E7E7E7 02 25 0000 0000000000000007 0000000000000000 0000000000000008 00000001 00000008"
        " FFFFFFFFFFFFFFFF",
    ),
]
REPLIES = [
    Sample(
        "v1 PONG",
        Message(Command.PONG, version=1),
        "E7E7E7E7 01 02 0000 0000000000000000 00000000 00000000",
        to=Message(Command.PING, version=1),
    ),
    Sample(
        "v1 OK to ALLOC",
        Message(Command.OK, 7, version=1),
        "E7E7E7E7 01 F0 0000 0000000000000007 00000000 00000000",
        to=Message(Command.ALLOC, size=1024, version=1),
    ),
    Sample(
        "v1 OK to READ",
        Message(Command.OK, 7, 5, payload=b"hello", version=1),
        "E7E7E7E7 01 F0 0000 0000000000000007 00000005 00000000 68656C6C6F",
        to=Message(Command.READ, 7, 5, version=1),
    ),
    Sample(
        "v1 ERROR",
        Message(Command.ERROR, 7, version=1, code=ErrorCode.NOT_FOUND),
        "E7E7E7E7 01 FF 0000 0000000000000007 00000000 00000007",
        to=Message(Command.FREE, 7, version=1),
    ),
    Sample(
        "v2 PONG",
        Message(Command.PONG, request_id=1),
        "E7E7E7E7 02 02 0000 0000000000000000 0000000000000000 0000000000000000 00000001 00000000",
        to=Message(Command.PING),
    ),
    Sample(
        "v2 PONG with a payload",
        Message(Command.PONG, payload=b"echo", request_id=1),
        "E7E7E7E7 02 02 0000 0000000000000000 0000000000000000 0000000000000000 00000001 00000004"
        " 6563686F",
        to=Message(Command.PING, payload=b"echo"),
    ),
    Sample(
        "v2 OK to HELLO",
        Message(Command.OK, payload=HELLO_BODY, request_id=1),
        "E7E7E7E7 02 F0 0000 0000000000000000 0000000000000000 0000000000000000 00000001 0000002F"
        " 05657468657205302E312E30010000000000000040000000"
        "00000000000003E801010466696C6C0123456789ABCDEF",
        to=Message(Command.HELLO),
    ),
    Sample(
        "v2 OK to AUTH",
        Message(Command.OK, request_id=1),
        "E7E7E7E7 02 F0 0000 0000000000000000 0000000000000000 0000000000000000 00000001 00000000",
        to=Message(Command.AUTH, payload=b"token"),
    ),
    Sample(
        "v2 OK to STATS",
        Message(Command.OK, payload=STATS_BODY, request_id=1),
        "E7E7E7E7 02 F0 0000 0000000000000000 0000000000000000 0000000000000000 00000001 00000013"
        " 0000000106626C6F636B730000000000000003",
        to=Message(Command.STATS),
    ),
    Sample(
        "v2 OK to ALLOC",
        Message(Command.OK, 7, 2**40, request_id=1),
        "E7E7E7E7 02 F0 0000 0000000000000007 0000010000000000 0000000000000000 00000001 00000000",
        to=Message(Command.ALLOC, size=2**40),
    ),
    Sample(
        "v2 OK to FREE",
        Message(Command.OK, 7, request_id=1),
        "E7E7E7E7 02 F0 0000 0000000000000007 0000000000000000 0000000000000000 00000001 00000000",
        to=Message(Command.FREE, 7),
    ),
    Sample(
        "v2 OK to REALLOC",
        Message(Command.OK, 7, 4096, request_id=1),
        "E7E7E7E7 02 F0 0000 0000000000000007 0000000000001000 0000000000000000 00000001 00000000",
        to=Message(Command.REALLOC, 7, 4096),
    ),
    Sample(
        "v2 OK to INFO",
        Message(Command.OK, 7, payload=INFO_BODY, request_id=1),
        "E7E7E7E7 02 F0 0000 0000000000000007 0000000000000000 0000000000000000 00000001 00000012"
        " 000000000000100000010000019ABBCCDDEE",
        to=Message(Command.INFO, 7),
    ),
    Sample(
        "v2 OK to LIST",
        Message(Command.OK, size=5, payload=LIST_BODY, request_id=1),
        "E7E7E7E7 02 F0 0000 0000000000000000 0000000000000005 0000000000000000 00000001 00000020"
        " 0000000000000008000000000000004000000000000000090000010000000000",
        to=Message(Command.LIST, 7, 2),
    ),
    Sample(
        "v2 OK to WRITE",
        Message(Command.OK, 7, 5, request_id=1),
        "E7E7E7E7 02 F0 0000 0000000000000007 0000000000000005 0000000000000000 00000001 00000000",
        to=Message(Command.WRITE, 7, payload=b"hello"),
    ),
    Sample(
        "v2 OK to READ",
        Message(Command.OK, 7, 5, payload=b"hello", request_id=1),
        "E7E7E7E7 02 F0 0000 0000000000000007 0000000000000005 0000000000000000 00000001 00000005"
        " 68656C6C6F",
        to=Message(Command.READ, 7, 9),
    ),
    Sample(
        "v2 OK to READ of nothing",
        Message(Command.OK, 7, request_id=1),
        "E7E7E7E7 02 F0 0000 0000000000000007 0000000000000000 0000000000000000 00000001 00000000",
        to=Message(Command.READ, 7, 9, 64),
    ),
    Sample(
        "v2 OK to FILL",
        Message(Command.OK, 7, 256, request_id=1),
        "E7E7E7E7 02 F0 0000 0000000000000007 0000000000000100 0000000000000000 00000001 00000000",
        to=Message(Command.FILL, 7, 256, payload=b"\xaa"),
    ),
    Sample(
        "v2 OK to COPY",
        Message(Command.OK, 7, 256, request_id=1),
        "E7E7E7E7 02 F0 0000 0000000000000007 0000000000000100 0000000000000000 00000001 00000000",
        to=Message(Command.COPY, 7, 256, payload=COPY_FROM_8_AT_9),
    ),
    Sample(
        "v2 OK to COMPARE_SWAP",
        Message(Command.OK, 7, payload=b"expected", request_id=1),
        "E7E7E7E7 02 F0 0000 0000000000000007 0000000000000000 0000000000000000 00000001 00000008"
        " 6578706563746564",
        to=Message(Command.COMPARE_SWAP, 7, payload=b"expecteddesired."),
    ),
    Sample(
        "v2 OK to FETCH_ADD",
        Message(Command.OK, 7, payload=b"\x80" + bytes(7), request_id=1),
        "E7E7E7E7 02 F0 0000 0000000000000007 0000000000000000 0000000000000000 00000001 00000008"
        " 8000000000000000",
        to=Message(Command.FETCH_ADD, 7, payload=b"\xff" * 8),
    ),
    Sample(
        "v2 ERROR",
        Message(Command.ERROR, 9, payload=ERROR_BODY, request_id=1),
        "E7E7E7E7 02 FF 0000 0000000000000009 0000000000000000 0000000000000000 00000001 00000017"
        " 00076E6F20626C6F636B206861732068616E646C652039",
        to=Message(Command.FREE, 9),
    ),
]


def each(samples: list[Sample]) -> pytest.MarkDecorator:
    """Run a test once for each of `samples`, under the sample's own name."""
    return pytest.mark.parametrize("sample", samples, ids=lambda sample: sample.what)

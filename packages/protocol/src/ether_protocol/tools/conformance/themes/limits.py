"""The limits of one message: what is just allowed, and what is TOO_LARGE.

Rule: each limit is checked at its value and one above, and the connection must
stay open.  Lengths that close the connection belong to `bad_input`.
"""

from __future__ import annotations

from ether_protocol.tools.conformance import expect
from ether_protocol.tools.conformance.fixture import Fixture
from ether_protocol.tools.conformance.requests import (
    alloc,
    copy,
    fill,
    header_v2,
    hello,
    ping,
    read,
    write,
)
from ether_protocol.tools.conformance.rules import Theme
from ether_protocol.wire.constants import (
    MAX_NAME_BYTES,
    MAX_PAYLOAD_BYTES,
    MAX_PING_BYTES,
    MAX_SIZE,
    VERSION_1,
    Command,
    ErrorCode,
)
from ether_protocol.wire.messages import Message

theme: Theme = Theme("limits")

BLOCK, BAD = "What a block promises", "Bad input"


@theme.rule(BAD)
def read_too_large(fixture: Fixture) -> None:
    """A version 2 READ of more than 16 MiB is TOO_LARGE."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8)
    for size in (MAX_PAYLOAD_BYTES + 1, 1 << 32, MAX_SIZE):
        expect.error(peer.ask(read(handle, 0, size)), ErrorCode.TOO_LARGE)
    peer.expect_alive()


@theme.rule(BAD)
def fill_and_copy_too_large(fixture: Fixture) -> None:
    """FILL and COPY of more than 16 MiB are TOO_LARGE, though the blocks are larger."""
    peer = fixture.connect()
    size = MAX_PAYLOAD_BYTES + 1
    handle, other = fixture.block(peer, size), fixture.block(peer, size)
    for request in (fill(handle, 0, size, 1), copy(handle, 0, size, other, 0)):
        expect.error(peer.ask(request), ErrorCode.TOO_LARGE)
    expect.ok(peer.ask(read(handle, 0, 1000)), payload=bytes(1000))


@theme.rule(BAD)
def operand_too_large_v1(fixture: Fixture) -> None:
    """Version 1 ALLOC and READ of more than 16 MiB are TOO_LARGE, and the connection lives."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8)
    for size in (MAX_PAYLOAD_BYTES + 1, 2**32 - 1):
        expect.error(peer.ask(alloc(size, version=VERSION_1)), ErrorCode.TOO_LARGE)
        reply = peer.ask(read(handle, 0, size, version=VERSION_1))
        expect.error(reply, ErrorCode.TOO_LARGE)
    peer.expect_alive()


@theme.rule(BLOCK)
def sixteen_mebibytes(fixture: Fixture) -> None:
    """WRITE, FILL, COPY and READ of exactly 16 MiB are carried out, each in one message."""
    peer = fixture.connect()
    size = MAX_PAYLOAD_BYTES
    handle = fixture.block(peer, 2 * size)
    expect.ok(peer.ask(write(handle, 0, b"\x55" * size)), size=size)
    expect.ok(peer.ask(copy(handle, size, size, handle, 0)), size=size)
    expect.ok(peer.ask(fill(handle, 0, size, 0xAA)), size=size)
    expect.content(expect.ok(peer.ask(read(handle, 0, size))).payload, b"\xaa" * size)
    expect.content(expect.ok(peer.ask(read(handle, size, size))).payload, b"\x55" * size)


@theme.rule(BLOCK)
def sixteen_mebibytes_v1(fixture: Fixture) -> None:
    """Version 1 ALLOC, WRITE and READ of exactly 16 MiB are carried out."""
    peer = fixture.connect()
    size = MAX_PAYLOAD_BYTES
    handle = fixture.block(peer, size, version=VERSION_1)
    expect.ok(peer.ask(write(handle, 0, b"\x55" * size, version=VERSION_1)))
    reply = peer.ask(read(handle, 0, size, version=VERSION_1))
    expect.content(expect.ok(reply, size=size).payload, b"\x55" * size)


@theme.rule(BLOCK)
def larger_than_a_message(fixture: Fixture) -> None:
    """A version 2 block may be larger than a message; all of it can be read and written."""
    peer = fixture.connect()
    size = MAX_PAYLOAD_BYTES + 4096
    handle = fixture.block(peer, size)
    expect.ok(peer.ask(write(handle, size - 4, b"last")))
    expect.ok(peer.ask(read(handle, size - 8, 100)), payload=b"\0\0\0\0last")


@theme.rule(BAD)
def payload_too_long(fixture: Fixture) -> None:
    """A payload longer than its command takes is TOO_LARGE and skipped; the connection lives."""
    peer = fixture.connect()
    handle = fixture.block(peer, 64)
    for request in (
        *(ping(bytes(MAX_PING_BYTES + 1)), hello(b"n" * (MAX_NAME_BYTES + 1))),
        Message(Command.FILL, handle, 1, payload=b"xx"),
        Message(Command.COPY, handle, 1, payload=bytes(17)),
        Message(Command.COMPARE_SWAP, handle, payload=bytes(17)),
        Message(Command.FETCH_ADD, handle, payload=bytes(100_000)),
        ping(bytes(MAX_PAYLOAD_BYTES)),
    ):
        if fixture.serves(request):
            expect.error(peer.ask(request), ErrorCode.TOO_LARGE)
        peer.expect_alive()


@theme.rule(BAD)
def lengths_are_not_believed(fixture: Fixture) -> None:
    """Many WRITEs that announce 16 MiB and send nothing more disturb nobody."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8)
    for _ in range(20):
        fixture.connect().send_raw(header_v2(Command.WRITE, handle, length=MAX_PAYLOAD_BYTES))
    other = fixture.connect()
    expect.ok(other.ask(write(handle, 0, b"contents")))
    expect.ok(peer.ask(read(handle, 0, 8)), payload=b"contents")

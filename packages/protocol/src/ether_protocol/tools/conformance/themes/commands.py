"""The table of commands: what each OK reply carries.

Rule: each request must succeed, and every field of its reply is checked; limits
and refusals belong to other themes.
"""

from __future__ import annotations

import struct

from ether_protocol.tools.conformance import expect
from ether_protocol.tools.conformance.fixture import Fixture
from ether_protocol.tools.conformance.requests import (
    alloc,
    compare_swap,
    copy,
    fetch_add,
    fill,
    free,
    info,
    list_blocks,
    ping,
    read,
    realloc,
    write,
)
from ether_protocol.tools.conformance.rules import Theme
from ether_protocol.tools.conformance.verdicts import RuleSkipped
from ether_protocol.wire.constants import MAX_PING_BYTES, VERSION_1, Command, ErrorCode
from ether_protocol.wire.messages import Message

theme: Theme = Theme("commands")

COMMANDS = "Commands"
V1 = "Version 1: 24 bytes"


@theme.rule(COMMANDS)
def ping_echoes(fixture: Fixture) -> None:
    """PONG has the same payload as the PING: 0, 1 and 4,096 bytes."""
    peer = fixture.connect()
    for payload in (b"", b"\xe7", bytes(range(256)) * (MAX_PING_BYTES // 256)):
        expect.pong(peer.ask(ping(payload)), payload=payload, handle=0, size=0)


@theme.rule(COMMANDS)
def alloc_reply(fixture: Fixture) -> None:
    """OK to ALLOC has the new handle and the size."""
    reply = expect.ok(fixture.connect().ask(alloc(1000)), size=1000, payload=b"")
    expect.true(reply.handle > 0, "a handle above 0", reply.handle)


@theme.rule(V1)
def alloc_reply_v1(fixture: Fixture) -> None:
    """OK to a version 1 ALLOC has the new handle, and size 0."""
    peer = fixture.connect()
    reply = expect.ok(peer.ask(alloc(1000, version=VERSION_1)), version=VERSION_1, size=0, code=0)
    expect.true(reply.handle > 0, "a handle above 0", reply.handle)


@theme.rule(COMMANDS)
def free_reply(fixture: Fixture) -> None:
    """OK to FREE has the handle, in both versions."""
    peer = fixture.connect()
    for version in (1, 2):
        handle = fixture.block(peer, 8)
        expect.ok(peer.ask(free(handle, version=version)), handle=handle, size=0, payload=b"")


@theme.rule(COMMANDS)
def realloc_reply(fixture: Fixture) -> None:
    """OK to REALLOC has the handle, unchanged, and the new size."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8)
    for size in (100, 3):
        expect.ok(peer.ask(realloc(handle, size)), handle=handle, size=size, payload=b"")


@theme.rule(COMMANDS)
def write_reply(fixture: Fixture) -> None:
    """OK to WRITE has the handle and the bytes written."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8)
    expect.ok(peer.ask(write(handle, 2, b"12345")), handle=handle, size=5, payload=b"")


@theme.rule(V1)
def write_reply_v1(fixture: Fixture) -> None:
    """OK to a version 1 WRITE has the handle, and size 0; the rest of the block is unchanged."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8, b"abcdefgh")
    reply = peer.ask(write(handle, 0, b"1234", version=VERSION_1))
    expect.ok(reply, version=VERSION_1, handle=handle, size=0, code=0)
    expect.ok(peer.ask(read(handle, 0, 8)), payload=b"1234efgh")


@theme.rule(COMMANDS)
def read_reply(fixture: Fixture) -> None:
    """OK to READ has the handle, the bytes read and their number."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8, b"abcdefgh")
    expect.ok(peer.ask(read(handle, 2, 5)), handle=handle, size=5, payload=b"cdefg")


@theme.rule(V1)
def read_reply_v1(fixture: Fixture) -> None:
    """OK to a version 1 READ has the handle and the block's first bytes."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8, b"abcdefgh")
    reply = peer.ask(read(handle, 0, 5, version=VERSION_1))
    expect.ok(reply, version=VERSION_1, handle=handle, size=5, payload=b"abcde", code=0)


@theme.rule(COMMANDS)
def fill_reply(fixture: Fixture) -> None:
    """OK to FILL has the handle and the size, and that many bytes are set."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8)
    expect.ok(peer.ask(fill(handle, 2, 5, 0xAA)), handle=handle, size=5, payload=b"")
    expect.ok(peer.ask(read(handle, 0, 8)), payload=b"\0\0" + b"\xaa" * 5 + b"\0")


@theme.rule(COMMANDS)
def copy_reply(fixture: Fixture) -> None:
    """OK to COPY has the destination's handle and the size, and the bytes are there."""
    peer = fixture.connect()
    source, target = fixture.block(peer, 8, b"abcdefgh"), fixture.block(peer, 8)
    reply = peer.ask(copy(target, 1, 4, source, 3))
    expect.ok(reply, handle=target, size=4, payload=b"")
    expect.ok(peer.ask(read(target, 0, 8)), payload=b"\0defg\0\0\0")
    expect.ok(peer.ask(read(source, 0, 8)), payload=b"abcdefgh")


@theme.rule(COMMANDS)
def compare_swap_reply(fixture: Fixture) -> None:
    """OK to COMPARE_SWAP has the handle, size 0 and the 8 bytes that were there."""
    peer = fixture.connect()
    handle = fixture.block(peer, 16, b"--expected------")
    reply = peer.ask(compare_swap(handle, 2, b"expected", b"desired!"))
    expect.ok(reply, handle=handle, size=0, payload=b"expected")
    expect.ok(peer.ask(read(handle, 0, 16)), payload=b"--desired!------")


@theme.rule(COMMANDS)
def fetch_add_reply(fixture: Fixture) -> None:
    """OK to FETCH_ADD has the handle, size 0 and the number that was there, big-endian."""
    peer = fixture.connect()
    handle = fixture.block(peer, 16, b"\0" * 3 + struct.pack(">Q", 0x0102030405060708))
    reply = peer.ask(fetch_add(handle, 3, 0x10))
    expect.ok(reply, handle=handle, size=0, payload=struct.pack(">Q", 0x0102030405060708))
    reply = peer.ask(read(handle, 3, 8))
    expect.ok(reply, payload=struct.pack(">Q", 0x0102030405060718))


@theme.rule(COMMANDS)
def zero_handles(fixture: Fixture) -> None:
    """OK to HELLO, STATS and LIST has handle 0; OK to INFO has the request's."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8)
    for command in (Command.HELLO, Command.STATS):
        expect.ok(peer.ask(Message(command, handle)), handle=0, size=0)
    expect.ok(peer.ask(list_blocks(handle, 1)), handle=0)
    expect.ok(peer.ask(info(handle)), handle=handle, size=0)


@theme.rule(COMMANDS)
def auth_unneeded(fixture: Fixture) -> None:
    """AUTH is UNSUPPORTED where no token is known, INVALID where the connection needs none."""
    if fixture.token is not None:
        raise RuleSkipped("the server wants a token")
    peer = fixture.connect()
    reply = peer.ask(Message(Command.AUTH, payload=b"token"))
    expect.error(reply, ErrorCode.UNSUPPORTED, ErrorCode.INVALID)
    peer.expect_alive()


@theme.rule("Error codes")
def error_reply(fixture: Fixture) -> None:
    """ERROR has the request's handle, size 0, and its code and UTF-8 text as payload."""
    peer = fixture.connect()
    reply = expect.error(peer.ask(read(0, 0, 1)), ErrorCode.NOT_FOUND)
    expect.equal("the handle", reply.handle, 0)
    handle = fixture.block(peer, 8)
    reply = expect.error(peer.ask(read(handle, 9, 1)), ErrorCode.OVERFLOW)
    expect.equal("the handle", reply.handle, handle)
    expect.equal("the size", reply.size, 0)


@theme.rule("Error codes")
def error_reply_v1(fixture: Fixture) -> None:
    """ERROR of version 1 is only a header, with the code in the reserved field."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8)
    reply = peer.ask(write(handle, 0, b"too much!", version=VERSION_1))
    expect.error(reply, ErrorCode.OVERFLOW)
    expect.equal("the version", reply.version, VERSION_1)
    expect.equal("the handle", reply.handle, handle)
    expect.equal("the size", reply.size, 0)
    peer.expect_alive()

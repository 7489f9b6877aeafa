"""Both headers: their fields, ids, both versions on one connection, and arrival in pieces.

Rule: PINGs where they suffice; what other commands do is not checked here.
"""

from __future__ import annotations

from ether_protocol.tools.conformance import expect
from ether_protocol.tools.conformance.fixture import Fixture
from ether_protocol.tools.conformance.peer import Peer
from ether_protocol.tools.conformance.requests import (
    free,
    header_v1,
    header_v2,
    ping,
    read,
    stats,
    write,
)
from ether_protocol.tools.conformance.rules import Theme
from ether_protocol.wire.constants import MAX_REQUEST_ID, MAX_SIZE, VERSION_1, VERSION_2, Command
from ether_protocol.wire.messages import Message

theme: Theme = Theme("headers")

V1, V2 = "Version 1: 24 bytes", "Version 2: 40 bytes"
BOTH = "The Ether protocol"


@theme.rule(V1)
def v1_ping(fixture: Fixture) -> None:
    """A version 1 PING gets a version 1 PONG, whose other fields are 0."""
    reply = fixture.connect().ask(ping(version=VERSION_1))
    expect.pong(reply, version=VERSION_1, flags=0, handle=0, size=0, code=0)


@theme.rule(V1)
def v1_ignores_flags(fixture: Fixture) -> None:
    """Flags and the reserved field of a version 1 request are ignored."""
    peer = fixture.connect()
    request = bytearray(header_v1(Command.PING, flags=0xFFFF))
    request[20:] = b"\xff" * 4
    peer.send_raw(bytes(request), ping(version=VERSION_1))
    expect.pong(peer.receive(), version=VERSION_1, flags=0, code=0)
    peer.expect_alive()


@theme.rule(V1)
def v1_payload_in_two_places(fixture: Fixture) -> None:
    """In version 1 only the OK to a READ has a size and a payload; the others have size 0."""
    peer = fixture.connect()
    handle = expect.ok(peer.ask(Message(Command.ALLOC, size=8, version=VERSION_1)), size=0).handle
    expect.ok(peer.ask(write(handle, 0, b"payload", version=VERSION_1)), size=0)
    expect.ok(peer.ask(read(handle, 0, 7, version=VERSION_1)), size=7, payload=b"payload")
    expect.ok(peer.ask(free(handle, version=VERSION_1)), size=0)


@theme.rule(V2)
def v2_ping(fixture: Fixture) -> None:
    """A version 2 PING gets a version 2 PONG, whose other fields are 0."""
    reply = fixture.connect().ask(ping())
    expect.pong(reply, version=VERSION_2, flags=0, handle=0, size=0, offset=0, payload=b"")


@theme.rule(V2)
def v2_echoes_the_id(fixture: Fixture) -> None:
    """A version 2 reply has the request's id: 0, 1, 2^32-1, in PONG, OK and ERROR."""
    peer = fixture.connect()
    for number in (0, 1, 0x01020304, MAX_REQUEST_ID):
        for command in (Command.PING, Command.STATS, Command.FREE):
            peer.send_raw(header_v2(command, request_id=number), Message(command))
            reply = peer.receive()
            expect.equal(f"the id of {expect.described(reply)}", reply.request_id, number)


@theme.rule(V2)
def v2_replies_have_no_flags(fixture: Fixture) -> None:
    """Version 2 replies carry flags 0 and offset 0, whatever the request carried."""
    peer = fixture.connect()
    handle = fixture.block(peer, 16)
    for request in (write(handle, 8, b"x"), read(handle, 8, 4), read(handle, 99, 1), stats()):
        reply = peer.ask(request)
        expect.equal("the flags of a reply", reply.flags, 0)
        expect.equal("the offset of a reply", reply.offset, 0)


@theme.rule(V2)
def v2_ignores_unused_fields(fixture: Fixture) -> None:
    """Fields that a command does not use are ignored: a PING with handle, size and offset."""
    peer = fixture.connect()
    request = Message(Command.PING, MAX_SIZE, MAX_SIZE, MAX_SIZE, b"fields")
    expect.pong(peer.ask(request), payload=b"fields")


@theme.rule(V2)
def v2_skips_an_unused_payload(fixture: Fixture) -> None:
    """A payload that a command does not use is skipped: READ and STATS with one."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8, b"contents")
    expect.ok(peer.ask(read(handle, 0, 8).with_payload(b"unused")), payload=b"contents")
    expect.ok(peer.ask(stats().with_payload(bytes(100_000))))
    peer.expect_alive()


@theme.rule(BOTH)
def mixed_versions(fixture: Fixture) -> None:
    """One connection may mix versions; each request is answered in its own."""
    peer = fixture.connect()
    versions = (VERSION_1, VERSION_2, VERSION_2, VERSION_1, VERSION_2, VERSION_1)
    peer.send(*(ping(version=version) for version in versions))
    for version in versions:
        expect.pong(peer.receive(), version=version)


@theme.rule(BOTH)
def mixed_versions_share_blocks(fixture: Fixture) -> None:
    """What one version wrote, the other reads."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8)
    expect.ok(peer.ask(write(handle, 0, b"from one", version=VERSION_1)))
    expect.ok(peer.ask(read(handle, 5, 3)), payload=b"one")
    expect.ok(peer.ask(write(handle, 5, b"two")))
    expect.ok(peer.ask(read(handle, 0, 8, version=VERSION_1)), payload=b"from two")


@theme.rule(BOTH)
def byte_by_byte(fixture: Fixture) -> None:
    """A request may arrive byte by byte, in either version."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8)
    for version in (VERSION_1, VERSION_2):
        content = b"slowly %d" % version
        _bytewise(peer, write(handle, 0, content, version=version))
        expect.ok(peer.receive())
        _bytewise(peer, read(handle, 0, 8, version=version))
        expect.ok(peer.receive(), payload=content)


def _bytewise(peer: Peer, request: Message) -> None:
    wire = peer.encode(request)
    for at in range(len(wire) - 1):
        peer.send_raw(wire[at : at + 1])
    peer.send_raw(wire[-1:], request)


@theme.rule(BOTH)
def cut_anywhere(fixture: Fixture) -> None:
    """Requests may arrive in pieces that begin and end anywhere."""
    peer = fixture.connect()
    requests = [ping(bytes([number]) * number) for number in range(1, 8)]
    wire = b"".join(peer.encode(request) for request in requests)
    for step in (39, 41, 64, 127):
        for start in range(0, len(wire), step):
            peer.send_raw(wire[start : start + step])
        for request in requests:
            expect.pong(peer.receive(), payload=bytes(request.payload))

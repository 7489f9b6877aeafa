"""Order, back-pressure, and how connections end.

Rule: floods are bounded by bytes and by time, and end as soon as the result is certain.
"""

from __future__ import annotations

from ether_protocol.tools.conformance import expect
from ether_protocol.tools.conformance.fixture import Fixture
from ether_protocol.tools.conformance.peer import Peer
from ether_protocol.tools.conformance.requests import alloc, free, header_v2, ping, read, write
from ether_protocol.tools.conformance.rules import Theme
from ether_protocol.tools.conformance.verdicts import RuleBroken
from ether_protocol.wire.constants import MAX_PING_BYTES, VERSION_1, Command, ErrorCode
from ether_protocol.wire.messages import Message

theme: Theme = Theme("connections")

CONNECTIONS = "Connections"
FLOOD_BYTES = 64 << 20
"""More than the socket buffers of both ends hold: a server that takes it goes on reading."""

SILENCE_SECONDS = 0.5
"""A server that takes nothing for this long has stopped reading."""


@theme.rule(CONNECTIONS)
def replies_in_order(fixture: Fixture) -> None:
    """Replies come in the order of the requests, however long each of them takes."""
    peer = fixture.connect()
    handle = fixture.block(peer, 1 << 20)
    requests = [
        *(ping(b"1"), read(handle, 0, 1 << 20), ping(b"2"), read(0, 0, 1), alloc(1 << 20)),
        *(write(handle, 0, bytes(1 << 18)), ping(), read(handle, 5, 3), write(handle, 0, b"x")),
        *(ping(b"3"), free(handle), read(handle, 0, 1), ping(b"4")),
    ]
    peer.send(*requests)
    for request in requests:
        reply = peer.receive()
        expect.equal(f"the id after {request}", reply.request_id, request.request_id)


@theme.rule(CONNECTIONS)
def a_thousand_at_once(fixture: Fixture) -> None:
    """A thousand requests may be sent without waiting; each is carried out before the next."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8)
    writes = [write(handle, 0, b"%08d" % number) for number in range(500)]
    peer.send(*(each for wrote in writes for each in (wrote, read(handle, 0, 8))))
    for wrote in writes:
        expect.ok(peer.receive(), size=8)
        expect.ok(peer.receive(), payload=bytes(wrote.payload))


@theme.rule(CONNECTIONS)
def a_thousand_at_once_v1(fixture: Fixture) -> None:
    """A thousand version 1 requests, which have no id, are answered in their order."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8)
    writes = [write(handle, 0, b"%08d" % number, version=VERSION_1) for number in range(500)]
    reading = read(handle, 0, 8, version=VERSION_1)
    peer.send(*(each for wrote in writes for each in (wrote, reading)))
    for wrote in writes:
        expect.ok(peer.receive(), size=0)
        expect.ok(peer.receive(), payload=bytes(wrote.payload))


@theme.rule(CONNECTIONS)
def blocks_are_shared(fixture: Fixture) -> None:
    """What one connection wrote, another reads, as soon as the first has its reply."""
    one, two = fixture.connect(), fixture.connect()
    handle = fixture.block(one, 8)
    for number in range(50):
        content = b"%08d" % number
        expect.ok(one.ask(write(handle, 0, content)))
        expect.ok(two.ask(read(handle, 0, 8)), payload=content)
        one, two = two, one


@theme.rule(CONNECTIONS)
def flood_is_not_read(fixture: Fixture) -> None:
    """The server stops reading while a client does not receive its replies."""
    sent = _flood(fixture.connect())
    if sent >= FLOOD_BYTES:
        raise RuleBroken("the sending to stop", f"{sent >> 20} MiB taken though no reply was")


@theme.rule(CONNECTIONS)
def flood_disturbs_nobody(fixture: Fixture) -> None:
    """Other connections are served while one does not receive its replies."""
    flooding, other = fixture.connect(), fixture.connect()
    _flood(flooding)
    handle = fixture.block(other, 8)
    expect.ok(other.ask(write(handle, 0, b"contents")))
    expect.ok(fixture.connect().ask(read(handle, 0, 8)), payload=b"contents")


@theme.rule(CONNECTIONS)
def flood_is_answered(fixture: Fixture) -> None:
    """A client that receives its replies late gets all of them, in order."""
    peer = fixture.connect()
    sent = _flood(peer, FLOOD_BYTES // 2)
    whole, part = divmod(sent, len(_echo(0)))
    for number in range(whole):
        expect.pong(peer.receive(), payload=_payload(number))
    peer.send_raw(_echo(whole)[part:])
    expect.pong(peer.receive(), payload=_payload(whole))


def _payload(number: int) -> bytes:
    return number.to_bytes(8, "big") * (MAX_PING_BYTES // 8)


def _echo(number: int) -> bytes:
    return header_v2(Command.PING, length=MAX_PING_BYTES) + _payload(number)


def _flood(peer: Peer, most: int = FLOOD_BYTES) -> int:
    """Send PINGs and receive no reply until the server stops reading; returns the bytes sent."""
    sent = number = 0
    while sent < most:
        rest = memoryview(_echo(number))
        number += 1
        while len(rest):
            took = peer.try_send(rest, SILENCE_SECONDS)
            if not took:
                return sent
            sent += took
            rest = rest[took:]
    return sent


@theme.rule(CONNECTIONS)
def half_closed(fixture: Fixture) -> None:
    """A client that shuts down its sending side gets every reply, then the connection closes."""
    peer = fixture.connect()
    handle = fixture.block(peer, 1 << 20)
    peer.send(ping(b"first"), read(handle, 0, 1 << 20), ping(b"last"))
    peer.finish_sending()
    expect.pong(peer.receive(), payload=b"first")
    expect.ok(peer.receive(), size=1 << 20)
    expect.pong(peer.receive(), payload=b"last")
    peer.expect_end()


@theme.rule(CONNECTIONS)
def half_a_request(fixture: Fixture) -> None:
    """A request that is cut short by the end of its connection is not carried out."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8, b"contents")
    wire = peer.encode(write(handle, 0, b"changed!"))
    for count in (1, 4, 23, 39, 40, 47):
        dying = fixture.connect()
        dying.send_raw(wire[:count])
        dying.finish_sending()
        dying.expect_end()
    expect.ok(peer.ask(read(handle, 0, 8)), payload=b"contents")


@theme.rule(CONNECTIONS)
def refusals_keep_their_place(fixture: Fixture) -> None:
    """Refused requests are answered in their place among the others."""
    peer = fixture.connect()
    requests = [
        *(ping(b"1"), Message(0x77, payload=b"skipped"), ping(b"2"), read(0, 0, 1)),
        *(ping(bytes(MAX_PING_BYTES + 1)), alloc(0), ping(b"3"), ping(b"4").with_payload(b"5")),
    ]
    peer.send(*requests)
    codes: list[int] = [0, ErrorCode.UNSUPPORTED, 0, ErrorCode.NOT_FOUND]
    codes += [ErrorCode.TOO_LARGE, ErrorCode.INVALID, 0, 0]
    for request, code in zip(requests, codes, strict=True):
        reply = peer.receive()
        expect.equal(f"the code of the answer to {request}", expect.code_of(reply), code)
        if not code:
            expect.pong(reply, payload=bytes(request.payload))

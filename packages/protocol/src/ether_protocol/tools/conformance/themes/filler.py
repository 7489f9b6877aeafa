"""The original C client's habit: filler behind each ALLOC and READ of version 1.

Rule: checked with clients that send filler, and with clients that send none
and must not be taken for one that does.
"""

from __future__ import annotations

from ether_protocol.tools.conformance import expect
from ether_protocol.tools.conformance.fixture import Fixture
from ether_protocol.tools.conformance.peer import Peer
from ether_protocol.tools.conformance.requests import alloc, header_v1, ping, read, write
from ether_protocol.tools.conformance.rules import Theme
from ether_protocol.wire.constants import MAX_PAYLOAD_BYTES, VERSION_1, Command, ErrorCode
from ether_protocol.wire.messages import Message

theme: Theme = Theme("filler")

HABIT = "The original C client's habit"
DATA = b"hello from 1989!"


def _filler(size: int) -> bytes:
    return (bytes(range(0x10, 0x90)) * (size // 128 + 1))[:size]


def _ask_with_filler(peer: Peer, request: Message, filler: bytes | None = None) -> Message:
    """Send `request` as the C client does, with `size` bytes of filler, and wait for the reply."""
    behind = _filler(request.size) if filler is None else filler
    peer.send_raw(peer.encode(request) + behind, request)
    return peer.receive()


def _alloc(size: int) -> Message:
    return alloc(size, version=VERSION_1)


def _read(handle: int, size: int) -> Message:
    return read(handle, 0, size, version=VERSION_1)


@theme.rule(HABIT)
def step_by_step(fixture: Fixture) -> None:
    """Filler after ALLOC and READ is dropped from a client that awaits each reply."""
    peer = fixture.connect()
    handle = expect.ok(_ask_with_filler(peer, _alloc(256))).handle
    expect.ok(peer.ask(write(handle, 0, DATA, version=VERSION_1)))
    expect.ok(_ask_with_filler(peer, _read(handle, 16)), payload=DATA)
    expect.ok(_ask_with_filler(peer, _read(handle, 256)), payload=DATA.ljust(256, b"\0"))
    expect.pong(peer.ask(ping(version=VERSION_1)))


@theme.rule(HABIT)
def all_at_once(fixture: Fixture) -> None:
    """Filler is dropped from a pipeline of requests as well."""
    peer = fixture.connect()
    handle = fixture.block(peer, 64, DATA)
    requests = [_alloc(8), _read(handle, 16), ping(version=VERSION_1), _alloc(200), _read(0, 99)]
    sized = (Command.ALLOC, Command.READ)
    wire = [
        peer.encode(request) + _filler(request.size if request.command in sized else 0)
        for request in requests
    ]
    peer.send_raw(b"".join(wire), *requests)
    expect.ok(peer.receive())
    expect.ok(peer.receive(), payload=DATA)
    expect.pong(peer.receive())
    expect.ok(peer.receive())
    expect.error(peer.receive(), ErrorCode.NOT_FOUND)
    peer.expect_alive()


@theme.rule(HABIT)
def byte_by_byte(fixture: Fixture) -> None:
    """Filler is dropped even if it comes byte by byte, after the reply was received."""
    peer = fixture.connect()
    handle = expect.ok(peer.ask(_alloc(64))).handle
    for byte in _filler(64):
        peer.send_raw(bytes([byte]))
    expect.ok(peer.ask(_read(handle, 32)), payload=bytes(32))
    for byte in _filler(32):
        peer.send_raw(bytes([byte]))
    peer.expect_alive()


@theme.rule(HABIT)
def filler_like_a_message(fixture: Fixture) -> None:
    """Once recognised, filler is dropped even if it begins like a message."""
    peer = fixture.connect()
    handle = expect.ok(_ask_with_filler(peer, _alloc(64))).handle
    looks_like_ping = header_v1(Command.PING)
    reply = _ask_with_filler(peer, _read(handle, len(looks_like_ping)), looks_like_ping)
    expect.ok(reply, payload=bytes(len(looks_like_ping)))
    peer.expect_alive()


@theme.rule(HABIT)
def sixteen_mebibytes(fixture: Fixture) -> None:
    """Filler of 16 MiB is dropped."""
    peer = fixture.connect()
    expect.ok(_ask_with_filler(peer, _alloc(64)))
    expect.error(_ask_with_filler(peer, _read(0, MAX_PAYLOAD_BYTES)), ErrorCode.NOT_FOUND)
    peer.expect_alive()


@theme.rule(HABIT)
def version_2_has_none(fixture: Fixture) -> None:
    """Version 2 requests on such a connection have no filler, nor have WRITE, FREE and PING."""
    peer = fixture.connect()
    handle = expect.ok(_ask_with_filler(peer, _alloc(64))).handle
    expect.ok(peer.ask(read(handle, 0, 8)), payload=bytes(8))
    expect.ok(peer.ask(write(handle, 0, DATA, version=VERSION_1)))
    expect.pong(peer.ask(Message(Command.PING, size=8, version=VERSION_1)))
    expect.ok(_ask_with_filler(peer, _read(handle, 16)), payload=DATA)
    reply = peer.ask(Message(Command.FREE, handle, 8, version=VERSION_1))
    expect.ok(reply)
    peer.expect_alive()


@theme.rule(HABIT)
def new_clients_send_none(fixture: Fixture) -> None:
    """Without filler nothing is dropped, however many ALLOCs and READs there are."""
    peer = fixture.connect()
    handle = fixture.block(peer, 64, DATA)
    for _ in range(3):
        peer.send(_alloc(24), _read(handle, 24), ping(version=VERSION_1), _alloc(40))
        expect.ok(peer.receive())
        expect.ok(peer.receive(), payload=DATA.ljust(24, b"\0"))
        expect.pong(peer.receive())
        expect.ok(peer.receive())
    peer.expect_alive()


@theme.rule(HABIT)
def noise_is_no_filler(fixture: Fixture) -> None:
    """Noise is CORRUPT unless a version 1 ALLOC or READ with a size comes right before it."""
    maker = fixture.connect()
    handle = fixture.block(maker, 64)
    for before in (
        [_read(handle, 0)],
        [write(handle, 0, DATA, version=VERSION_1)],
        [_alloc(8), ping(version=VERSION_1)],
        [_alloc(8), ping()],
        [read(handle, 0, 8)],
        [alloc(8)],
    ):
        peer = fixture.connect()
        for request in before:
            peer.ask(request)
        peer.send_raw(b"noise!!!" * 8)
        expect.error(peer.receive(), ErrorCode.CORRUPT)
        peer.expect_end()

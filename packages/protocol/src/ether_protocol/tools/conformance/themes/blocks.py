"""What a block promises: zeros, its handle, its lifetime, and WRITEs that are all or nothing.

Rule: only what a client can see is checked.  Where the end of another
connection matters, the rule polls for a sign that the server noticed it.
"""

from __future__ import annotations

from ether_protocol.tools.conformance import expect
from ether_protocol.tools.conformance.fixture import Fixture
from ether_protocol.tools.conformance.peer import Peer
from ether_protocol.tools.conformance.requests import (
    alloc,
    compare_swap,
    copy,
    fetch_add,
    fill,
    free,
    header_v1,
    header_v2,
    info,
    read,
    realloc,
    write,
)
from ether_protocol.tools.conformance.rules import Theme
from ether_protocol.wire.constants import (
    MAX_SIZE,
    SESSION_BLOCKS,
    VERSION_1,
    AllocFlag,
    Command,
    ErrorCode,
)

theme: Theme = Theme("blocks")

BLOCK = "What a block promises"
SMALL_BYTES, LARGE_BYTES = 1000, 1 << 20


@theme.rule(BLOCK)
def zeroed(fixture: Fixture) -> None:
    """ALLOC gives zeroed bytes, small and large, in both versions."""
    peer = fixture.connect()
    for version in (1, 2):
        for size in (1, SMALL_BYTES, LARGE_BYTES):
            handle = expect.ok(peer.ask(alloc(size, version=version))).handle
            expect.zeros(expect.ok(peer.ask(read(handle, 0, size))).payload, size)


@theme.rule(BLOCK)
def zeroed_again(fixture: Fixture) -> None:
    """A block allocated after another was freed shows none of its bytes."""
    peer = fixture.connect()
    for size in (64, SMALL_BYTES, LARGE_BYTES):
        for _ in range(5):
            handle = fixture.block(peer, size)
            expect.zeros(expect.ok(peer.ask(read(handle, 0, size))).payload, size)
            expect.ok(peer.ask(write(handle, 0, b"\xaa" * size)))
            expect.ok(peer.ask(free(handle)))


@theme.rule(BLOCK)
def realloc_keeps(fixture: Fixture) -> None:
    """REALLOC keeps the bytes up to the smaller of both sizes and zeroes what is new."""
    peer = fixture.connect()
    for small, large in ((10, 5000), (5000, LARGE_BYTES)):
        old = b"\xaa" * small
        handle = fixture.block(peer, small, old)
        expect.ok(peer.ask(realloc(handle, large)))
        payload = expect.ok(peer.ask(read(handle, 0, large))).payload
        expect.content(payload, old + bytes(large - small))
        expect.ok(peer.ask(realloc(handle, small)))
        expect.ok(peer.ask(read(handle, 0, small)), payload=old)


@theme.rule(BLOCK)
def realloc_wipes(fixture: Fixture) -> None:
    """What REALLOC cuts away is zeroed if the block grows again."""
    peer = fixture.connect()
    for small, large in ((10, 5000), (10, 40), (5000, LARGE_BYTES)):
        handle = fixture.block(peer, large, b"\xaa" * large)
        expect.ok(peer.ask(realloc(handle, small)))
        expect.ok(peer.ask(realloc(handle, large)))
        payload = expect.ok(peer.ask(read(handle, 0, large))).payload
        expect.content(payload, b"\xaa" * small + bytes(large - small))


@theme.rule(BLOCK)
def handles_ascend(fixture: Fixture) -> None:
    """Handles ascend, and none is given out twice, whatever was freed in between."""
    peer = fixture.connect()
    last = 0
    for number in range(20):
        handle = fixture.block(peer, 64)
        expect.true(handle > last, f"a handle above {last}", handle)
        last = handle
        if number % 3:
            expect.ok(peer.ask(free(handle)))


@theme.rule(BLOCK)
def handle_zero(fixture: Fixture) -> None:
    """0 is never a handle: NOT_FOUND."""
    peer = fixture.connect()
    for request in (read(0, 0, 1), write(0, 0, b"x"), free(0), free(0, version=VERSION_1)):
        expect.error(peer.ask(request), ErrorCode.NOT_FOUND)


@theme.rule(BLOCK)
def freed_is_not_found(fixture: Fixture) -> None:
    """After FREE the handle is NOT_FOUND for every command, in both versions."""
    peer = fixture.connect()
    handle, other = fixture.block(peer, 64), fixture.block(peer, 64)
    expect.ok(peer.ask(free(handle)))
    for request in (
        *(free(handle), realloc(handle, 8), info(handle), write(handle, 0, b"x")),
        *(read(handle, 0, 1), read(handle, 0, 0), fill(handle, 0, 1, 0)),
        *(copy(handle, 0, 1, other, 0), copy(other, 0, 1, handle, 0)),
        *(compare_swap(handle, 0, bytes(8), bytes(8)), fetch_add(handle, 0, 1)),
        *(free(handle, version=VERSION_1), read(handle, 0, 1, version=VERSION_1)),
        write(handle, 0, b"x", version=VERSION_1),
    ):
        if fixture.serves(request):
            expect.error(peer.ask(request), ErrorCode.NOT_FOUND)


@theme.rule(BLOCK)
def unknown_is_not_found(fixture: Fixture) -> None:
    """A handle that was never given out is NOT_FOUND: 2^32, 2^63, 2^64-1."""
    peer = fixture.connect()
    for handle in (1 << 32, 1 << 63, MAX_SIZE):
        for request in (read(handle, 0, 1), write(handle, 0, b"x"), free(handle)):
            expect.error(peer.ask(request), ErrorCode.NOT_FOUND)


@theme.rule(BLOCK)
def size_zero(fixture: Fixture) -> None:
    """ALLOC and REALLOC of 0 bytes are INVALID, and change nothing."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8, b"contents")
    for request in (alloc(0), alloc(0, version=VERSION_1), realloc(handle, 0)):
        if fixture.serves(request):
            expect.error(peer.ask(request), ErrorCode.INVALID)
    expect.ok(peer.ask(read(handle, 0, 8)), payload=b"contents")


@theme.rule(BLOCK)
def beyond_memory(fixture: Fixture) -> None:
    """ALLOC and REALLOC beyond the memory limit are NO_MEMORY, and change nothing."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8, b"contents")
    for size in (MAX_SIZE, MAX_SIZE - 63, 1 << 63, 1 << 60):
        for request in (alloc(size), realloc(handle, size)):
            if fixture.serves(request):
                expect.error(peer.ask(request), ErrorCode.NO_MEMORY)
    expect.ok(peer.ask(read(handle, 0, 8)), payload=b"contents")


@theme.rule(BLOCK)
def outlives_its_connection(fixture: Fixture) -> None:
    """A block outlives the connection that made it, closed or reset."""
    for end in (Peer.close, Peer.reset):
        maker = fixture.connect()
        handle = fixture.block(maker, 8, b"contents")
        session = _session_block(fixture, maker)
        end(maker)
        peer = fixture.connect()
        _until_gone(fixture, peer, session)
        expect.ok(peer.ask(read(handle, 0, 8)), payload=b"contents")


@theme.rule(BLOCK)
def session_blocks_end(fixture: Fixture) -> None:
    """A SESSION block is NOT_FOUND soon after its connection ended, closed or reset."""
    for end in (Peer.close, Peer.reset):
        maker, peer = fixture.connect(), fixture.connect()
        handle = expect.ok(maker.ask(alloc(64, AllocFlag.SESSION))).handle
        expect.ok(peer.ask(write(handle, 0, b"shared")))
        end(maker)
        gone = _until_gone(fixture, peer, handle, fixture.timeout)
        expect.true(gone, "NOT_FOUND", "a block that is still there")


def _session_block(fixture: Fixture, peer: Peer) -> int:
    """A SESSION block of `peer`: once it is gone, the server has noticed the end of `peer`.

    From a server without SESSION it is a plain block, which stays.
    """
    if not fixture.has(SESSION_BLOCKS):
        return fixture.block(peer, 8)
    return expect.ok(peer.ask(alloc(8, AllocFlag.SESSION))).handle


def _until_gone(fixture: Fixture, peer: Peer, session: int, seconds: float = 0.25) -> bool:
    """Wait up to `seconds` until the block `session` is gone; returns whether it is.

    Then the server has noticed the end of the block's connection.
    """
    for _ in fixture.polls(seconds):
        if expect.code_of(peer.ask(info(session))) == ErrorCode.NOT_FOUND:
            return True
    return False


@theme.rule(BLOCK)
def write_then_death(fixture: Fixture) -> None:
    """A WRITE whose connection is reset in the middle of the payload changes nothing."""
    for size in (100, 20_000, LARGE_BYTES):
        for version in (1, 2):
            peer, dying = fixture.connect(), fixture.connect()
            handle = fixture.block(peer, size)
            session = _session_block(fixture, dying)
            dying.send_raw(_write_header(version, handle, size) + b"\xaa" * (size // 2))
            dying.reset()
            _until_gone(fixture, peer, session)
            expect.zeros(expect.ok(peer.ask(read(handle, 0, size))).payload, size)


@theme.rule(BLOCK)
def write_is_never_half_seen(fixture: Fixture) -> None:
    """A READ sees a WRITE whole or not at all, while its payload is still arriving."""
    writer, reader = fixture.connect(), fixture.connect()
    for size in (100, 20_000, LARGE_BYTES):
        handle = fixture.block(reader, size)
        wire = writer.encode(request := write(handle, 0, b"\xaa" * size))
        sent = 0
        for part in (size // 3, size - 1):
            writer.send_raw(wire[sent : 40 + part])
            sent = 40 + part
            expect.zeros(expect.ok(reader.ask(read(handle, 0, size))).payload, size)
        writer.send_raw(wire[sent:], request)
        expect.ok(writer.receive(), size=size)
        expect.content(expect.ok(reader.ask(read(handle, 0, size))).payload, b"\xaa" * size)


@theme.rule(BLOCK)
def read_is_never_torn(fixture: Fixture) -> None:
    """A READ gives what was there when it was carried out, even if the block changes meanwhile."""
    slow, peer = fixture.connect(), fixture.connect()
    size = 8 * LARGE_BYTES
    handle = fixture.block(peer, size, b"\x11" * size)
    slow.send(read(handle, 0, size))
    expect.ok(peer.ask(write(handle, 0, b"\x22" * size)))
    expect.ok(peer.ask(free(handle)))
    fixture.block(peer, size, b"\x33" * size)
    reply = slow.receive()
    if reply.command == Command.ERROR:
        expect.error(reply, ErrorCode.NOT_FOUND)
        return
    first = reply.payload[:1]
    expect.true(first in (b"\x11", b"\x22"), "bytes 0x11 or 0x22", bytes(first).hex())
    expect.content(reply.payload, bytes(first) * size)


def _write_header(version: int, handle: int, size: int) -> bytes:
    if version == VERSION_1:
        return header_v1(Command.WRITE, handle, size)
    return header_v2(Command.WRITE, handle, length=size)

"""The two tables of bad input: what is refused, and what also closes the connection.

Rule: the bytes are written here, since the encoder refuses most of them.  Every
ERROR must be readable, and each rule also checks whether the connection stays
open or is closed.
"""

from __future__ import annotations

from dataclasses import dataclass

from ether_protocol.tools.conformance import expect
from ether_protocol.tools.conformance.fixture import Fixture
from ether_protocol.tools.conformance.peer import Peer
from ether_protocol.tools.conformance.requests import alloc, header_v1, header_v2, ping, read, write
from ether_protocol.tools.conformance.rules import Theme
from ether_protocol.wire.constants import (
    MAGIC_BYTES,
    MAX_PAYLOAD_BYTES,
    VERSION_1,
    VERSION_2,
    Command,
    ErrorCode,
)
from ether_protocol.wire.messages import Message

theme: Theme = Theme("bad-input")

BAD = "Bad input"
NO_COMMANDS = (0x00, 0x06, 0x15, 0x26, 0x30, 0x4F, 0x77, Command.PONG, Command.OK, Command.ERROR)
ABOVE = (MAX_PAYLOAD_BYTES + 1, 2**32 - 1)
NOISE = (b"x", b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", bytes(1000), MAGIC_BYTES[:3] + b"\xe6")


@dataclass(frozen=True)
class ExpectedError:
    """What the ERROR must carry."""

    code: ErrorCode
    version: int
    request_id: int = 0


def _expect_refusal(peer: Peer, data: bytes, by: ExpectedError) -> None:
    """Send `data` and expect its ERROR."""
    peer.send_raw(data)
    reply = expect.error(peer.receive(), by.code)
    expect.equal("the version of the ERROR", reply.version, by.version)
    expect.equal("the id of the ERROR", reply.request_id, by.request_id)


@theme.rule(BAD)
def unknown_command_v1(fixture: Fixture) -> None:
    """A command that version 1 does not have is UNSUPPORTED; only its header is skipped."""
    peer = fixture.connect()
    for command in (*NO_COMMANDS, Command.HELLO, Command.INFO, Command.FILL):
        for size in (0, 5):
            by = ExpectedError(ErrorCode.UNSUPPORTED, VERSION_1)
            _expect_refusal(peer, header_v1(command, 7, size), by)
    peer.expect_alive()


@theme.rule(BAD)
def unknown_command_v2(fixture: Fixture) -> None:
    """A command that is no request is UNSUPPORTED in version 2; its payload is skipped."""
    peer = fixture.connect()
    for number, command in enumerate(NO_COMMANDS, 1):
        for payload in (b"", b"skipped", bytes(100_000)):
            header = header_v2(command, 7, length=len(payload), request_id=number)
            _expect_refusal(
                peer, header + payload, ExpectedError(ErrorCode.UNSUPPORTED, VERSION_2, number)
            )
    peer.expect_alive()


@theme.rule(BAD)
def unknown_version(fixture: Fixture) -> None:
    """A version other than 1 or 2 is UNSUPPORTED; 24 bytes are skipped."""
    peer = fixture.connect_unauthenticated()
    for version in (0, 3, 9, 255):
        by = ExpectedError(ErrorCode.UNSUPPORTED, VERSION_1)
        _expect_refusal(peer, header_v1(Command.PING, 1, 99, version=version), by)
        expect.pong(peer.ask(ping(version=VERSION_1)))


@theme.rule(BAD)
def unknown_version_after_version_2(fixture: Fixture) -> None:
    """An unknown version is answered in the version last seen on the connection, with id 0."""
    peer = fixture.connect()
    for version in (VERSION_2, VERSION_1, VERSION_2):
        expect.pong(peer.ask(ping(version=version)))
        by = ExpectedError(ErrorCode.UNSUPPORTED, version)
        _expect_refusal(peer, header_v1(Command.PING, version=3), by)
    peer.expect_alive()


@theme.rule(BAD)
def unknown_flags(fixture: Fixture) -> None:
    """An unknown flag in version 2 is UNSUPPORTED, and nothing is carried out."""
    peer = fixture.connect()
    handle = fixture.block(peer, 8, b"contents")
    for command, flags in (
        *((Command.PING, 0x0001), (Command.ALLOC, 0x0002), (Command.ALLOC, 0x8001)),
        *((Command.WRITE, 0x0001), (Command.READ, 0x8000), (Command.FREE, 0x0100)),
    ):
        request = Message(command, handle, 8, payload=b"changed!", flags=flags)
        expect.error(peer.ask(request), ErrorCode.UNSUPPORTED)
    expect.ok(peer.ask(read(handle, 0, 8)), payload=b"contents")


@theme.rule(BAD)
def body_too_short(fixture: Fixture) -> None:
    """A body shorter than declared is INVALID and changes nothing."""
    peer = fixture.connect()
    handle = fixture.block(peer, 64)
    for command, lengths in (
        *((Command.FILL, (0,)), (Command.COPY, (0, 8, 15))),
        *((Command.COMPARE_SWAP, (0, 8, 15)), (Command.FETCH_ADD, (0, 7))),
    ):
        for length in lengths:
            request = Message(command, handle, 8, payload=b"\xff" * length)
            if fixture.serves(request):
                expect.error(peer.ask(request), ErrorCode.INVALID)
    expect.ok(peer.ask(read(handle, 0, 64)), payload=bytes(64))


@theme.rule(BAD)
def name_is_no_utf8(fixture: Fixture) -> None:
    """A HELLO whose name is not UTF-8 is INVALID."""
    peer = fixture.connect()
    for name in (b"\xff", b"abc\xc3", b"\xed\xa0\x80"):
        expect.error(peer.ask(Message(Command.HELLO, payload=name)), ErrorCode.INVALID)
    peer.expect_alive()


@theme.rule(BAD)
def no_magic(fixture: Fixture) -> None:
    """Bytes without the magic get CORRUPT in version 1 before any, and the connection closes."""
    for noise in NOISE:
        peer = fixture.connect_unauthenticated()
        _expect_refusal(peer, noise, ExpectedError(ErrorCode.CORRUPT, VERSION_1))
        peer.expect_end()


@theme.rule(BAD)
def no_magic_after_requests(fixture: Fixture) -> None:
    """Bytes without the magic get CORRUPT in the version last seen, and the connection closes."""
    for version in (VERSION_1, VERSION_2):
        for noise in NOISE:
            peer = fixture.connect()
            expect.pong(peer.ask(ping(version=version)))
            _expect_refusal(peer, noise, ExpectedError(ErrorCode.CORRUPT, version))
            peer.expect_end()


@theme.rule(BAD)
def length_too_large(fixture: Fixture) -> None:
    """A version 2 length above 16 MiB is TOO_LARGE at once, and the connection closes."""
    for command in (Command.WRITE, Command.PING, Command.READ):
        for length in ABOVE:
            peer = fixture.connect()
            header = header_v2(command, 7, length=length, request_id=42)
            _expect_refusal(peer, header, ExpectedError(ErrorCode.TOO_LARGE, VERSION_2, 42))
            peer.expect_end()


@theme.rule(BAD)
def write_too_large_v1(fixture: Fixture) -> None:
    """A version 1 WRITE of more than 16 MiB is TOO_LARGE at once, and the connection closes."""
    for size in ABOVE:
        peer = fixture.connect()
        by = ExpectedError(ErrorCode.TOO_LARGE, VERSION_1)
        _expect_refusal(peer, header_v1(Command.WRITE, 7, size), by)
        peer.expect_end()


@theme.rule(BAD)
def readable_while_sending(fixture: Fixture) -> None:
    """The last ERROR can be read even if the client has sent much more."""
    flood = bytes(1 << 20)
    for data, code in (
        (flood, ErrorCode.CORRUPT),
        (header_v1(Command.WRITE, 7, ABOVE[0]) + flood, ErrorCode.TOO_LARGE),
        (header_v2(Command.WRITE, 7, length=ABOVE[0]) + flood, ErrorCode.TOO_LARGE),
    ):
        peer = fixture.connect()
        peer.send_raw(data)
        expect.error(peer.receive(), code)
        peer.expect_end()


@theme.rule(BAD)
def replies_before_the_end(fixture: Fixture) -> None:
    """Replies to earlier requests come before the last ERROR, in their order."""
    peer = fixture.connect()
    requests = [ping(b"first"), alloc(64), ping(b"last")]
    peer.send_raw(b"".join(peer.encode(request) for request in requests) + b"noise", *requests)
    expect.pong(peer.receive(), payload=b"first")
    expect.ok(peer.receive())
    expect.pong(peer.receive(), payload=b"last")
    expect.error(peer.receive(), ErrorCode.CORRUPT)
    peer.expect_end()


@theme.rule(BAD)
def nothing_behind_the_end(fixture: Fixture) -> None:
    """A request after bytes that are no message is not carried out."""
    peer, ending = fixture.connect(), fixture.connect()
    handle = fixture.block(peer, 8, b"contents")
    ending.send_raw(b"noise" + ending.encode(write(handle, 0, b"changed!")))
    expect.error(ending.receive(), ErrorCode.CORRUPT)
    ending.expect_end()
    expect.ok(peer.ask(read(handle, 0, 8)), payload=b"contents")


@theme.rule(BAD)
def gone_within_a_second(fixture: Fixture) -> None:
    """After the last ERROR the whole connection is closed within a second."""
    peer = fixture.connect_unauthenticated()
    _expect_refusal(peer, b"noise", ExpectedError(ErrorCode.CORRUPT, VERSION_1))
    peer.expect_end()
    peer.expect_closed()

"""Servers that want a token: what they answer before it, and to a wrong one.

Rule: a server that wants none skips all of it.  No rule offers more than one
wrong token on a connection.
"""

from __future__ import annotations

from ether_protocol.tools.conformance import expect
from ether_protocol.tools.conformance.fixture import Fixture
from ether_protocol.tools.conformance.peer import Peer
from ether_protocol.tools.conformance.requests import (
    alloc,
    auth,
    free,
    hello,
    info,
    list_blocks,
    ping,
    read,
    write,
)
from ether_protocol.tools.conformance.rules import Theme
from ether_protocol.tools.conformance.verdicts import RuleSkipped
from ether_protocol.wire.constants import MAX_TOKEN_BYTES, VERSION_1, Command, ErrorCode
from ether_protocol.wire.messages import Message

theme: Theme = Theme("auth")

COMMANDS = "Commands"
CODES = "Error codes"

WRONG = b"this is not the token of anybody"
"""What no server gives out: it has less chance in it than a token must have."""


def _stranger(fixture: Fixture) -> tuple[Peer, bytes]:
    """A connection that has not given a token, and the token."""
    token = fixture.token
    if token is None:
        raise RuleSkipped("the server wants no token")
    return fixture.connect_unauthenticated(), token


@theme.rule(COMMANDS)
def ping_and_hello_before(fixture: Fixture) -> None:
    """PING, in both versions, and HELLO are answered before AUTH."""
    peer, _ = _stranger(fixture)
    expect.pong(peer.ask(ping(b"echo")), payload=b"echo")
    expect.pong(peer.ask(ping(version=VERSION_1)))
    expect.ok(peer.ask(hello(b"stranger")))


@theme.rule(CODES)
def needed_first(fixture: Fixture) -> None:
    """Every other request is UNAUTHENTICATED before AUTH, and the connection goes on."""
    peer, _ = _stranger(fixture)
    requests = [alloc(8), free(1), read(1, 0, 8), write(1, 0, b"changed!"), info(1)]
    for request in (*requests, list_blocks(0, 1), Message(Command.STATS)):
        expect.error(peer.ask(request), ErrorCode.UNAUTHENTICATED)
    peer.expect_alive()


@theme.rule(CODES)
def needed_first_v1(fixture: Fixture) -> None:
    """In version 1, which has no AUTH, all but PING is UNAUTHENTICATED."""
    peer, _ = _stranger(fixture)
    for request in (
        alloc(8, version=VERSION_1),
        free(1, version=VERSION_1),
        read(1, 0, 8, version=VERSION_1),
        write(1, 0, b"changed!", version=VERSION_1),
    ):
        expect.error(peer.ask(request), ErrorCode.UNAUTHENTICATED)
    expect.pong(peer.ask(ping(version=VERSION_1)))


@theme.rule(COMMANDS)
def lets_in(fixture: Fixture) -> None:
    """OK to AUTH has neither handle, size nor payload, and what was refused is served then."""
    peer, token = _stranger(fixture)
    expect.error(peer.ask(alloc(8)), ErrorCode.UNAUTHENTICATED)
    expect.ok(peer.ask(auth(token)), handle=0, size=0, payload=b"")
    fixture.block(peer, 8, b"contents")
    fixture.block(peer, 8, b"contents", version=VERSION_1)


@theme.rule(COMMANDS)
def only_once(fixture: Fixture) -> None:
    """A second AUTH on a connection is INVALID, and the connection goes on."""
    peer, token = _stranger(fixture)
    expect.ok(peer.ask(auth(token)))
    expect.error(peer.ask(auth(token)), ErrorCode.INVALID)
    fixture.block(peer, 8)


@theme.rule(CODES)
def wrong_token(fixture: Fixture) -> None:
    """A wrong token is UNAUTHENTICATED and lets nobody in; the right one may follow."""
    peer, token = _stranger(fixture)
    expect.error(peer.ask(auth(WRONG)), ErrorCode.UNAUTHENTICATED)
    expect.error(peer.ask(alloc(8)), ErrorCode.UNAUTHENTICATED)
    expect.ok(peer.ask(auth(token)))
    fixture.block(peer, 8)


@theme.rule(CODES)
def nearly_right_tokens(fixture: Fixture) -> None:
    """A token that is cut short, goes on, or is empty is not accepted."""
    for wrong in (lambda token: token[:-1], lambda token: token + b"x", lambda _: b""):
        peer, token = _stranger(fixture)
        reply = peer.ask(auth(wrong(token)))
        expect.error(reply, ErrorCode.UNAUTHENTICATED, ErrorCode.INVALID)
        expect.error(peer.ask(alloc(8)), ErrorCode.UNAUTHENTICATED)


@theme.rule("Bad input")
def token_too_long(fixture: Fixture) -> None:
    """An AUTH of more than 4 KiB is TOO_LARGE."""
    peer, _ = _stranger(fixture)
    expect.error(peer.ask(auth(bytes(MAX_TOKEN_BYTES + 1))), ErrorCode.TOO_LARGE)


@theme.rule(COMMANDS)
def for_its_connection_alone(fixture: Fixture) -> None:
    """An AUTH concerns its connection alone: the next one needs its own."""
    peer, token = _stranger(fixture)
    expect.ok(peer.ask(auth(token)))
    other = fixture.connect_unauthenticated()
    expect.error(other.ask(alloc(8)), ErrorCode.UNAUTHENTICATED)
    fixture.block(peer, 8)

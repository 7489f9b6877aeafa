"""The bodies of replies: hello, stats, info.

Rule: they must parse as docs/protocol.md declares them; values are checked only where
it fixes them.
"""

from __future__ import annotations

from ether_protocol.tools.conformance import expect
from ether_protocol.tools.conformance.fixture import Fixture
from ether_protocol.tools.conformance.requests import alloc, hello, info, realloc, stats
from ether_protocol.tools.conformance.rules import Theme
from ether_protocol.wire.bodies import decode_hello, decode_info, decode_stats
from ether_protocol.wire.constants import MAX_NAME_BYTES, MAX_PAYLOAD_BYTES, AllocFlag

theme: Theme = Theme("bodies")

COMMANDS = "Commands"
YEAR_2000_MS = 946_684_800_000


@theme.rule(COMMANDS)
def hello_parses(fixture: Fixture) -> None:
    """The reply to HELLO parses, and its limit of payload bytes is 1 to 16 MiB."""
    reply = expect.ok(fixture.connect().ask(hello(b"conformance")))
    most = expect.parsed("hello", decode_hello, reply.payload).max_payload_bytes
    expect.true(0 < most <= MAX_PAYLOAD_BYTES, "most payload bytes from 1 to 16 MiB", most)


@theme.rule(COMMANDS)
def hello_names(fixture: Fixture) -> None:
    """HELLO takes an empty name, one of 255 bytes, and one that is not ASCII, at any time."""
    peer = fixture.connect()
    peer.expect_alive()
    for name in (b"", b"n" * MAX_NAME_BYTES, "Grüße, 世界".encode()):
        expect.parsed("hello", decode_hello, expect.ok(peer.ask(hello(name))).payload)


@theme.rule("Connections")
def hello_instance(fixture: Fixture) -> None:
    """HELLO names the same instance on every connection, as long as the blocks are there."""
    first, second = (
        expect.parsed("hello", decode_hello, expect.ok(fixture.connect().ask(hello())).payload)
        for _ in range(2)
    )
    expect.equal("the instance", second.instance, first.instance)


@theme.rule(COMMANDS)
def stats_parses(fixture: Fixture) -> None:
    """The reply to STATS parses: a count, and that many names with numbers."""
    reply = expect.ok(fixture.connect().ask(stats()))
    expect.parsed("stats", decode_stats, reply.payload)


@theme.rule(COMMANDS)
def info_parses(fixture: Fixture) -> None:
    """The reply to INFO has the block's size, its flags and a time after the year 2000."""
    peer = fixture.connect()
    for size, flags in ((1000, 0), (77, AllocFlag.SESSION)):
        handle = expect.ok(peer.ask(alloc(size, flags))).handle
        reply = expect.ok(peer.ask(info(handle)))
        said = expect.parsed("info", decode_info, reply.payload)
        expect.equal("the size", said.size, size)
        expect.equal("the flags", said.flags, int(flags))
        expect.true(said.created_ms > YEAR_2000_MS, "a time in milliseconds", said.created_ms)


@theme.rule(COMMANDS)
def info_after_realloc(fixture: Fixture) -> None:
    """INFO of a block that was resized has the new size and the same time of creation."""
    peer = fixture.connect()
    handle = fixture.block(peer, 1000)
    before = expect.parsed("info", decode_info, expect.ok(peer.ask(info(handle))).payload)
    expect.ok(peer.ask(realloc(handle, 10)))
    after = expect.parsed("info", decode_info, expect.ok(peer.ask(info(handle))).payload)
    expect.equal("the size", after.size, 10)
    expect.equal("the time of creation", after.created_ms, before.created_ms)

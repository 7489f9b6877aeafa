"""The client and a real daemon: what the two promise each other, end to end."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest

from ether_protocol import (
    MAX_PAYLOAD_BYTES,
    Client,
    Command,
    ConnectionLost,
    InvalidRequest,
    Message,
    NotFound,
    OutOfRange,
    ServerError,
    TooLarge,
    Traced,
    Unsupported,
    connect,
)
from harness import Etherd
from protocol.client.chaos import Proxy
from protocol.samples import REQUESTS

MIB = 1024 * 1024


def test_the_five_line_example(etherd: Etherd) -> None:
    with connect(etherd.address) as client:
        with client.alloc(1024) as block:
            block.write(b"hello", offset=3)
            assert block.read(8) == b"\0\0\0hello"


def test_every_method(client: Client) -> None:
    assert client.ping(b"echo") == b"echo"
    assert client.hello("test").max_payload_bytes == MAX_PAYLOAD_BYTES
    block = client.alloc(64)
    other = client.alloc(32)
    assert client.list() == (2, [(block.handle, 64), (other.handle, 32)])
    assert list(client.blocks()) == [(block.handle, 64), (other.handle, 32)]
    assert client.info(block.handle).size == len(block) == 64

    assert block.read() == bytes(64)
    assert block.write(b"hello", 8) == 5
    assert client.fill(block.handle, 0xAA, 16, 4) == 4
    assert client.copy(block.handle, 8, other.handle, 1, 5) == 5
    assert other.read(6) == b"\0hello"
    assert client.compare_swap(other.handle, 8, bytes(8), b"\0" * 7 + b"\x05") == bytes(8)
    assert client.fetch_add(other.handle, 8, -6) == 5
    assert other.read(8, 8) == b"\xff" * 8
    block.resize(10)
    assert block.read() == bytes(8) + b"he"

    block.free()
    other.free()
    assert client.list() == (0, [])
    assert client.stats()


def test_every_sample_gets_one_reply(client: Client) -> None:
    for sample in REQUESTS:
        with suppress(ServerError):
            client.call(replace(sample.message))
        assert client.ping(b"in step") == b"in step", sample.what


def test_a_range_longer_than_a_message(client: Client) -> None:
    data = b"".join(bytes([number]) * MIB for number in range(40))
    with client.alloc(len(data)) as block:
        assert block.write(data) == len(data)
        assert block.read() == data
        assert block.read(80 * MIB, 5) == data[5:]
        target = bytearray(len(data) + 1)
        assert client.readinto(block.handle, target) == len(data)
        assert target[:-1] == data
        assert client.fill(block.handle, 0xAA, 5, len(data) - 5) == len(data) - 5
        assert block.read(6) == bytes(5) + b"\xaa"


def test_a_long_write_past_the_end_is_refused_and_the_connection_lives(client: Client) -> None:
    with client.alloc(20 * MIB) as block:
        with pytest.raises(OutOfRange, match="WRITE handle"):
            block.write(bytes(80 * MIB))
        assert client.ping(b"in step") == b"in step"


def test_refusals(client: Client) -> None:
    with pytest.raises(NotFound, match="FREE handle 99"):
        client.free(99)
    with pytest.raises(InvalidRequest, match="ALLOC"):
        client.alloc(0)
    with pytest.raises(TooLarge, match="PING"):
        client.ping(bytes(4097))
    with pytest.raises(TooLarge, match="COPY"):
        client.copy(1, 0, 2, 0, 16 * MIB + 1)
    with pytest.raises(Unsupported):
        client.call(Message(0x66, payload=b"whatever this is"))
    with pytest.raises(Unsupported):
        client.call(Message(Command.ALLOC, size=8, flags=0x8000))
    with pytest.raises(Unsupported):
        client.call(Message(Command.STATS, version=1))
    assert client.ping() == b""


def test_both_versions_on_one_connection(client: Client) -> None:
    handle = client.call(Message(Command.ALLOC, size=16, version=1)).handle
    client.write(handle, b"hello", 2)
    reply = client.call(Message(Command.READ, handle, 7, version=1))
    assert reply.payload == b"\0\0hello"
    with pytest.raises(NotFound, match=r"^FREE handle 99: NOT_FOUND$"):
        client.call(Message(Command.FREE, 99, version=1))


def test_a_daemon_that_stopped_leaves_nothing_unknown(etherd: Etherd) -> None:
    with connect(etherd.address) as client:
        client.ping()
        status, _ = etherd.stop()
        assert status == 0
        with pytest.raises(ConnectionLost):
            client.alloc(64)


def test_a_session_block_ends_with_its_connection(etherd: Etherd) -> None:
    with connect(etherd.address) as stays:
        with connect(etherd.address) as leaves:
            kept = leaves.alloc(8)
            gone = leaves.alloc(8, session=True)
            assert stays.read(gone.handle) == bytes(8)
        assert stays.read(kept.handle) == bytes(8)
        with pytest.raises(NotFound):
            _read_until_refused(stays, gone.handle)


def _read_until_refused(client: Client, handle: int) -> None:
    """The daemon notices the end of another connection when it comes to it."""
    while True:
        client.read(handle)


def test_a_trace_hook_may_come_and_go_and_outlives_its_connection(proxy: Proxy) -> None:
    told: list[Traced] = []
    with connect(proxy.address) as client:
        client.trace(told.append)
        client.ping()
        client.trace(None)
        client.ping()
        assert [each.sent for each in told] == [True, False]
        client.trace(told.append)
        proxy.cut()
        client.ping()
        assert [each.sent for each in told] == [True, False] * 2

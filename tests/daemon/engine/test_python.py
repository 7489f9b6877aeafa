from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.both_ways import SIZES, everything_about
from daemon.deferred_list import at_once
from ether_daemon.engine.python import PythonFastPath
from ether_daemon.engine.reply_buffer import ReplyBuffer
from ether_daemon.service.blocks import Blocks
from ether_daemon.service.quota import Limits, Quota
from ether_daemon.stores.future import Future
from ether_daemon.stores.memory.store import MemoryStore
from ether_daemon.stores.memory.streamed_reads import MemoryRead
from ether_protocol import ClientConnection, Command, Message
from ether_protocol.wire.codec import encode
from ether_protocol.wire.constants import MAX_PAYLOAD_BYTES

U64 = (1 << 64) - 1
FULL = 1 << 18


class LoneFastPath:
    """The fast path alone, over the blocks above."""

    def __init__(self) -> None:
        self.store = MemoryStore(1 << 26, lambda work: None)
        self.blocks = Blocks("anonymous", self.store, Quota(Limits(1 << 26)), at_once)
        for size in [*SIZES, 10]:
            self.blocks.alloc(size)
        self.blocks.free(7)
        self.requests = [0] * 256

    def serve(self, data: bytes, full: int = FULL, before: int = 0) -> tuple[int, int, bytes]:
        """Where it stopped, how many bytes of replies, and these, behind `before` others."""
        replies = ReplyBuffer()
        replies.view[:before] = b"?" * before
        path = PythonFastPath(self.store, self.blocks.table, self.requests, replies)
        stop, filled = path.serve(memoryview(data), 0, len(data), before, full)
        assert replies.view[:before] == b"?" * before
        return stop, filled - before, bytes(replies.view[before:filled])

    def serve_v1(self, data: bytes, full: int = FULL, before: int = 0) -> tuple[int, int, bytes]:
        """Where it stopped, how much filler may follow, and the replies behind `before` others."""
        replies = ReplyBuffer()
        replies.view[:before] = b"?" * before
        path = PythonFastPath(self.store, self.blocks.table, self.requests, replies)
        stop, filled, filler = path.serve_v1(memoryview(data), 0, len(data), before, full)
        assert replies.view[:before] == b"?" * before
        return stop, filler, bytes(replies.view[before:filled])

    def close(self) -> None:
        self.store.close()


@pytest.fixture
def alone() -> Iterator[LoneFastPath]:
    alone = LoneFastPath()
    yield alone
    alone.close()


def read(handle: int, offset: int, size: int, **more: Any) -> Message:
    return Message(Command.READ, handle, size, offset, request_id=7, **more)


def write(handle: int, offset: int, payload: bytes, **more: Any) -> Message:
    return Message(Command.WRITE, handle, 0, offset, payload, request_id=7, **more)


TAKEN = [
    ("ping", Message(Command.PING, 1, 2, 3, request_id=7), "PONG #7"),
    ("read", read(2, 10, 20), "OK #7 handle=2 size=20 [20 bytes]"),
    ("read cut at the end", read(2, 60, 20), "OK #7 handle=2 size=4 [4 bytes]"),
    ("read at the end", read(2, 64, 20), "OK #7 handle=2"),
    ("read of nothing", read(2, 0, 0), "OK #7 handle=2"),
    ("read of 16 MiB", read(1, 0, MAX_PAYLOAD_BYTES), "OK #7 handle=1 size=1 [1 bytes]"),
    ("write", write(2, 10, b"hello"), "OK #7 handle=2 size=5"),
    ("write of nothing", write(2, 0, b""), "OK #7 handle=2"),
    ("write of nothing at the end", write(2, 64, b""), "OK #7 handle=2"),
    ("write of everything", write(2, 0, bytes(64)), "OK #7 handle=2 size=64"),
    ("write to the end", write(3, 4995, b"hello"), "OK #7 handle=3 size=5"),
    ("read of a large block", read(5, 256 * 1024, 20), "OK #7 handle=5 size=1 [1 bytes]"),
    (
        "read of a short end",
        read(6, 100_000, MAX_PAYLOAD_BYTES),
        "OK #7 handle=6 size=200000 [200000 bytes]",
    ),
    ("write to a large block", write(6, 299_999, b"x"), "OK #7 handle=6 size=1"),
    ("write with a size", write(2, 0, b"x").with_payload(b"xyz"), "OK #7 handle=2 size=3"),
]


@pytest.mark.parametrize(("what", "message", "reply"), TAKEN, ids=[what for what, _, _ in TAKEN])
def test_what_it_serves(alone: LoneFastPath, what: str, message: Message, reply: str) -> None:
    client = ClientConnection()
    data = b"".join(b"".join(client.send(message)) for _ in range(2))
    stop, _, replies = alone.serve(data)
    assert stop == len(data)
    assert alone.requests[message.command] == 2
    assert [str(got) for got in client.receive_data(replies)] == [
        reply.replace("#7", "#1"),
        reply.replace("#7", "#2"),
    ]


def raw(command: int, length: int, handle: int = 0) -> bytes:
    """A header that claims `length` payload bytes."""
    return encode(Message(command, handle))[:36] + length.to_bytes(4, "big")


LEFT = [
    ("handle 0", encode(read(0, 0, 1))),
    ("an unknown handle", encode(read(99, 0, 1))),
    ("an unknown handle on no page", encode(read(1 << 40, 0, 1))),
    ("the last handle there could be", encode(read(U64, 0, 1))),
    ("a freed handle", encode(read(7, 0, 1))),
    ("read past the end", encode(read(2, 65, 0))),
    ("read far past the end", encode(read(2, U64, U64))),
    ("read of more than 16 MiB", encode(read(2, 0, MAX_PAYLOAD_BYTES + 1))),
    ("read of more than there is", encode(read(2, 0, U64))),
    ("read with a payload", encode(read(2, 0, 1, payload=b"x"))),
    ("read with a flag", encode(read(2, 0, 1, flags=1))),
    ("read of a long range", encode(read(6, 0, 256 * 1024 + 1))),
    ("write past the end", encode(write(2, 64, b"x"))),
    ("write past the end 2", encode(write(2, 60, b"hello"))),
    ("write far past the end", encode(write(2, U64, b"x"))),
    ("write with a flag", encode(write(2, 0, b"x", flags=0x8000))),
    ("write that is not whole", encode(write(2, 0, b"hello"))[:-1]),
    ("write of more than 16 MiB", raw(Command.WRITE, MAX_PAYLOAD_BYTES + 1, handle=2)),
    ("write of 4 GiB", raw(Command.WRITE, (1 << 32) - 1, handle=2)),
    ("ping with a payload", encode(Message(Command.PING, payload=b"x"))),
    ("ping with a flag", encode(Message(Command.PING, flags=1))),
    ("another command", encode(Message(Command.FILL, 2, 1, 0, b"x"))),
    ("no command", encode(Message(0x30, 2))),
    ("version 1", encode(Message(Command.READ, 2, 64, version=1)) + bytes(16)),
    ("version 3", encode(read(2, 0, 1)).replace(b"\xe7\x02", b"\xe7\x03", 1)),
    ("garbage", b"GET / HTTP/1.1\r\nHost: localhost:9999\r\n\r\n"),
    ("zeros", bytes(80)),
    ("a header that is not whole", encode(read(2, 0, 1))[:39]),
    ("nothing", b""),
]


@pytest.mark.parametrize(("what", "data"), LEFT, ids=[what for what, _ in LEFT])
def test_what_it_leaves_where_it_stands(alone: LoneFastPath, what: str, data: bytes) -> None:
    before = alone.blocks.read(2, 0, 64)
    ping = encode(Message(Command.PING, request_id=1))
    for front in (b"", ping, ping * 3):
        stop, _, replies = alone.serve(front + data)
        assert stop == len(front)
        assert len(replies) == len(front)
    assert alone.blocks.read(2, 0, 64) == before
    assert sum(alone.requests) == alone.requests[Command.PING] == 4


def old(command: int, handle: int = 0, size: int = 0, payload: bytes = b"", **more: Any) -> bytes:
    """A message of version 1."""
    return encode(Message(command, handle, size, payload=payload, version=1, **more))


TAKEN_V1 = [
    ("ping", old(Command.PING, 1, 2), 0, "PONG v1"),
    ("read", old(Command.READ, 2, 20), 20, "OK v1 handle=2 size=20 [20 bytes]"),
    ("read cut at the end", old(Command.READ, 2, 99), 99, "OK v1 handle=2 size=64 [64 bytes]"),
    ("read of nothing", old(Command.READ, 2, 0), 0, "OK v1 handle=2"),
    (
        "read of 16 MiB",
        old(Command.READ, 1, MAX_PAYLOAD_BYTES),
        MAX_PAYLOAD_BYTES,
        "OK v1 handle=1 size=1 [1 bytes]",
    ),
    ("read of 5000", old(Command.READ, 3, 5000), 5000, "OK v1 handle=3 size=5000 [5000 bytes]"),
    ("read of a large block", old(Command.READ, 6, 30), 30, "OK v1 handle=6 size=30 [30 bytes]"),
    ("read with a reserved field", old(Command.READ, 2, 4, code=9), 4, "OK v1 handle=2 size=4"),
    ("write", old(Command.WRITE, 2, payload=b"hello"), 0, "OK v1 handle=2"),
    ("write of nothing", old(Command.WRITE, 2), 0, "OK v1 handle=2"),
    ("write of everything", old(Command.WRITE, 2, payload=bytes(64)), 0, "OK v1 handle=2"),
    ("write to a large block", old(Command.WRITE, 6, payload=b"x"), 0, "OK v1 handle=6"),
]


@pytest.mark.parametrize(
    ("what", "data", "filler", "reply"), TAKEN_V1, ids=[what for what, *_ in TAKEN_V1]
)
def test_what_it_serves_of_version_1(
    alone: LoneFastPath, what: str, data: bytes, filler: int, reply: str
) -> None:
    client = ClientConnection()
    command, read_size = data[5], int.from_bytes(data[16:20], "big")
    for _ in range(2):
        client.send(Message(command, 2, read_size if command == Command.READ else 0, version=1))
    stop, may_follow, replies = alone.serve_v1(data * 2, before=17)
    assert (stop, may_follow) == (2 * len(data), filler)
    assert alone.requests[command] == 2
    assert [str(got).startswith(reply) for got in client.receive_data(replies)] == [True] * 2


LEFT_V1 = [
    ("handle 0", old(Command.READ, 0, 1)),
    ("an unknown handle", old(Command.READ, 99, 1)),
    ("a freed handle", old(Command.READ, 7, 1)),
    ("read of more than 16 MiB", old(Command.READ, 2, MAX_PAYLOAD_BYTES + 1)),
    ("read of a long range", old(Command.READ, 6, 256 * 1024 + 1)),
    ("read with a flag", old(Command.READ, 2, 1, flags=1)),
    ("write past the end", old(Command.WRITE, 2, payload=bytes(65))),
    ("write that is not whole", old(Command.WRITE, 2, payload=b"hello")[:-1]),
    ("write of 4 GiB", old(Command.WRITE, 2)[:16] + b"\xff\xff\xff\xff" + bytes(4)),
    ("another command", old(Command.FREE, 2)),
    ("version 2", encode(read(2, 0, 1))),
    ("filler", b"\0" * 64),
    ("a header that is not whole", old(Command.READ, 2, 1)[:23]),
    ("nothing", b""),
]


@pytest.mark.parametrize(("what", "data"), LEFT_V1, ids=[what for what, _ in LEFT_V1])
def test_what_it_leaves_of_version_1(alone: LoneFastPath, what: str, data: bytes) -> None:
    before = alone.blocks.read(2, 0, 64)
    seen = old(Command.READ, 2, 3)
    for front in (b"", seen, seen * 3):
        assert alone.serve_v1(front + data)[:2] == (len(front), 3 if front else 0)
    assert alone.blocks.read(2, 0, 64) == before
    assert sum(alone.requests) == alone.requests[Command.READ] == 4


def test_version_1_stops_when_the_room_is_used(alone: LoneFastPath) -> None:
    data = old(Command.READ, 3, 1000) * 10
    assert alone.serve_v1(data, 0) == (0, 0, b"")
    for room, served in ((1, 1), (1024, 1), (1025, 2), (5 * 1024, 5)):
        stop, _, replies = alone.serve_v1(data, room)
        assert (stop, len(replies)) == (served * 24, served * 1024)


def test_only_a_read_that_stands_last_leaves_room_for_filler(alone: LoneFastPath) -> None:
    read_, ping = old(Command.READ, 2, 9), old(Command.PING)
    written = old(Command.WRITE, 2, payload=b"x")
    assert [alone.serve_v1(data)[1] for data in (read_, read_ + ping, read_ + written)] == [9, 0, 0]


def test_it_stops_when_the_room_is_used(alone: LoneFastPath) -> None:
    data = encode(read(3, 0, 1000)) * 10
    assert alone.serve(data, 0) == (0, 0, b"")
    for room, served in ((1, 1), (1040, 1), (1041, 2), (5 * 1040, 5)):
        stop, used, _ = alone.serve(data, room)
        assert (stop, used) == (served * 40, served * 1040)
    pings = encode(Message(Command.PING)) * 10
    assert alone.serve(pings, 100)[:2] == (120, 120)


def test_there_is_always_room_for_the_last_reply(alone: LoneFastPath) -> None:
    data = encode(read(4, 0, MAX_PAYLOAD_BYTES))
    assert alone.serve(data * 2, before=FULL - 1)[:2] == (40, 40 + 256 * 1024)
    assert alone.serve(data, before=FULL) == (0, 0, b"")


def test_messages_about_one_block_and_another(alone: LoneFastPath) -> None:
    stream = [
        *(read(3, 0, 3), write(2, 0, b"two"), read(2, 0, 3), read(3, 0, 3)),
        *(write(3, 0, b"3"), read(3, 0, 3), Message(Command.PING, 9), read(3, 0, 3)),
    ]
    data = b"".join(map(encode, stream))
    stop, _, replies = alone.serve(data, before=17)
    assert stop == len(data)
    payloads = [bytes(3), b"", b"two", bytes(3), b"", b"3\0\0", b"", b"3\0\0"]
    for payload in payloads:
        assert replies[40 : 40 + len(payload)] == payload
        replies = replies[40 + len(payload) :]
    assert replies == b""


def test_a_ping_that_carries_the_handle_just_used_takes_the_slow_path(alone: LoneFastPath) -> None:
    data = encode(read(3, 0, 3))
    assert alone.serve(data + encode(Message(Command.PING, 3)))[0] == len(data)


def test_a_sparse_page_serves_alike(alone: LoneFastPath) -> None:
    for _ in range(600):
        alone.blocks.alloc(8)
    for handle in range(260, 500):
        alone.blocks.free(handle)
    assert isinstance(alone.blocks.table.pages[1], dict)
    alone.blocks.write(257, 0, b"abcdefgh")
    assert alone.serve(encode(read(257, 2, 3)))[2][40:] == b"cde"
    assert alone.serve(encode(read(300, 0, 1)))[0] == 0
    assert alone.serve(encode(read(500, 0, 1)))[0] == 40


def test_what_is_read_does_not_change_afterwards(alone: LoneFastPath) -> None:
    data = encode(write(2, 0, b"old")) + encode(read(2, 0, 3)) + encode(write(2, 0, b"new"))
    assert b"old" in alone.serve(data)[2]


def test_a_large_block_on_its_way_out_is_left_to_the_store(alone: LoneFastPath) -> None:
    streamed = alone.blocks.read(6, 0, 300_000)
    assert isinstance(streamed, MemoryRead)
    for message in (read(6, 0, 1), write(6, 0, b"x")):
        assert alone.serve(encode(message))[0] == 0
    streamed.cancel()
    assert alone.serve(encode(write(6, 0, b"x")))[0] == 41
    assert alone.blocks.read(6, 0, 2) == b"x\0"


def test_a_large_block_with_a_tail_to_be_wiped_ends_where_it_ends(alone: LoneFastPath) -> None:
    alone.blocks.alloc(40 << 20)
    alone.blocks.fill(8, 0, 40 << 20, 0x11)
    alone.blocks.realloc(8, 300_000)
    (block,) = (b for b in alone.store.large.values() if len(b.memory) > b.size)
    assert block.memory[300_000] == 0x11, "it was cut off, and is not wiped yet"
    assert alone.serve(encode(read(8, 299_999, 99)))[2][40:] == b"\x11"
    assert alone.serve(encode(write(8, 300_000, b"x")))[0] == 0
    assert alone.serve(encode(read(8, 300_001, 1)))[0] == 0


def test_a_block_with_an_unanswered_request_is_left_to_the_slow_path(alone: LoneFastPath) -> None:
    alone.blocks.alloc(40 << 20)
    alone.blocks.realloc(8, 300_000)
    assert alone.serve(encode(read(8, 0, 1)))[0] == 40
    grown = alone.blocks.realloc(8, 20 << 20)
    assert isinstance(grown, Future)
    assert not grown.done()
    for message in (read(8, 0, 1), write(8, 0, b"x")):
        assert alone.serve(encode(message))[0] == 0
    assert alone.serve(encode(read(6, 0, 1)))[0] == 40, "another block is served"


def test_two_fast_paths_share_the_replies_and_nothing_else(alone: LoneFastPath) -> None:
    other = Blocks("other", alone.store, Quota(Limits(1 << 26)), at_once)
    other.alloc(64)
    other.fill(1, 0, 64, 0xBB)
    replies, counts = ReplyBuffer(), [0] * 256
    own = PythonFastPath(alone.store, alone.blocks.table, alone.requests, replies)
    its = PythonFastPath(alone.store, other.table, counts, replies)
    data = memoryview(encode(read(1, 0, 1)))
    _, filled = own.serve(data, 0, 40, 0, FULL)
    _, filled = its.serve(data, 0, 40, filled, FULL)
    assert (replies.data[40], replies.data[81], filled) == (0, 0xBB, 82)
    assert (alone.requests[Command.READ], counts[Command.READ]) == (1, 1)
    assert its.serve(memoryview(encode(read(2, 0, 1))), 0, 40, 0, FULL) == (0, 0)


# The same bytes with and without it

handles = st.one_of(st.integers(0, 8), st.sampled_from([255, 256, 1 << 40, U64]))
edges = st.sampled_from(
    sorted({0, 1, U64, 1 << 63} | {abs(s + d) for s in SIZES for d in (-9, -1, 0, 1)})
)
offsets = st.one_of(st.integers(0, 70), edges)
sizes = st.one_of(
    st.integers(0, 70), edges, st.sampled_from([MAX_PAYLOAD_BYTES + d for d in (0, 1)])
)
payloads = st.one_of(
    st.binary(max_size=70),
    st.integers(0, 40_000).map(lambda n: bytes([n % 251]) * n),
)
commands = st.one_of(
    st.sampled_from([Command.READ, Command.WRITE, Command.PING] * 4),
    st.sampled_from([c for c in Command if c is not Command.STATS]),
    st.integers(0, 255).filter(lambda c: c != Command.STATS),
)
flags = st.sampled_from([0] * 12 + [1, 2, 0x8000])
ids = st.integers(0, (1 << 32) - 1)

version_2 = st.builds(
    lambda command, handle, size, offset, payload, flags, request_id: encode(
        Message(command, handle, size, offset, payload, flags, request_id)
    ),
    commands,
    handles,
    sizes,
    offsets,
    payloads,
    flags,
    ids,
)
reads = st.builds(lambda *f: encode(read(*f)), handles, offsets, sizes)
writes = st.builds(lambda *f: encode(write(*f)), handles, offsets, payloads)


def with_filler(command: int, handle: int, size: int, behind: bytes) -> bytes:
    header = old(command, handle, size)
    return header + (behind * size)[:size] if size <= 6000 else header


reads_v1 = st.builds(lambda *f: old(Command.READ, *f), handles, st.integers(0, 6000))
writes_v1 = st.builds(lambda h, p: old(Command.WRITE, h, payload=p), handles, payloads)
version_1 = st.builds(
    with_filler,
    st.sampled_from([Command.PING, Command.ALLOC, Command.FREE, Command.WRITE, Command.READ, 0x22]),
    handles,
    st.one_of(st.integers(0, 70), st.sampled_from([5000, 5001, MAX_PAYLOAD_BYTES + 1])),
    st.sampled_from([b"", b"\0", b"x"]),  # with none, a WRITE eats what comes next
).filter(lambda data: data[5] != Command.WRITE or len(data) > 24 or data[16:20] == bytes(4))
oddities = st.sampled_from(
    [b"\xe7\xe7\xe7\xe7\x03" + bytes(19), b"\xe7\xe7\xe7\xe7\x00" + bytes(19)] * 3
    + [b"\x00", b"\xe7\x00", raw(Command.WRITE, MAX_PAYLOAD_BYTES + 1), bytes(40)]
)
of_both_versions = st.lists(
    st.one_of(version_2, version_2, reads, writes, reads, writes, version_1, oddities), max_size=25
)
read_with_filler = st.builds(
    lambda handle, size: with_filler(Command.READ, handle, size, b"f"),
    st.integers(1, 6),
    st.integers(1, 70),
)
mostly_version_1 = st.lists(
    st.one_of(*[reads_v1, writes_v1] * 2, read_with_filler, version_1, reads, oddities), max_size=25
)
streams = st.one_of(of_both_versions, mostly_version_1).map(b"".join)


@settings(
    max_examples=int(os.environ.get("ETHER_EXAMPLES", "150")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(streams, st.lists(st.integers(0, 20_000), max_size=12))
def test_nobody_can_tell_whether_it_was_taken(
    monkeypatch: pytest.MonkeyPatch, stream: bytes, cuts: list[int]
) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)
    fast = everything_about(stream, cuts, fast=True)
    assert fast == everything_about(stream, cuts, fast=False)
    assert fast == everything_about(stream, [], fast=True)


@pytest.mark.parametrize(
    "stream",
    [
        encode(Message(Command.PING)) + b"garbage",
        encode(Message(Command.PING)) * 3 + b"\xe7\xe7\xe7\xe7\x09" + bytes(19) + b"garbage",
        encode(Message(Command.ALLOC, size=9, version=1))
        + encode(Message(Command.PING))
        + b"?" * 40,
        encode(Message(Command.PING, version=1)) + encode(Message(Command.PING)) + b"\0",
        old(Command.PING) + old(Command.READ, 2, 9) + b"f" * 9 + old(Command.READ, 2, 1) + b"f",
        old(Command.PING) + old(Command.READ, 2, 9) + old(Command.PING) + b"f" * 9,
    ],
    ids=[
        "garbage",
        "version 9",
        "filler that is none",
        "a lone byte",
        "filler behind a READ",
        "no filler behind a PING",
    ],
)
@pytest.mark.parametrize(
    "cuts",
    [[], [24, 48, 57, 81], [40, 64, 80, 104, 120], [*range(200)]],
    ids=["nowhere", "between version 1", "between version 2", "everywhere"],
)
def test_the_version_last_seen_is_remembered(stream: bytes, cuts: list[int]) -> None:
    assert everything_about(stream, cuts, True) == everything_about(stream, cuts, False)

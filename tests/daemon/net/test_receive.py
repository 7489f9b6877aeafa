from __future__ import annotations

import mmap
import random
import resource
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ether_daemon.net.buffer_pool import BufferPool
from ether_daemon.net.receive import MAX_INLINE_BYTES, RECEIVE_BYTES, SharedReceiveMemory
from ether_protocol import Command, Message, Refused, ServerConnection
from ether_protocol.wire.codec import encode
from ether_protocol.wire.constants import MAX_PAYLOAD_BYTES

PING = encode(Message(Command.PING, request_id=1))
KIB = 1024


def taken_from(receiver: ServerConnection, data: bytes, cuts: Sequence[int] = ()) -> list[str]:
    """What comes out of `data`, a line each, with the sum of every payload."""
    lines: list[str] = []
    places = [0, *sorted({cut for cut in cuts if 0 < cut < len(data)}), len(data)]
    for start, end in pairwise(places):
        part = data[start:end]
        while part:
            room = receiver.get_buffer()
            assert len(room) > 0
            step = min(len(room), len(part))
            room[:step] = part[:step]
            receiver.received(step)
            part = part[step:]
            while (item := receiver.next_request()) is not None:
                lines.append(line(item))
                if isinstance(item, Refused) and item.refusal.fatal:
                    return lines
            receiver.suspend()
    return lines


def line(item: Message | Refused) -> str:
    if isinstance(item, Message):
        return f"{item} sum {sum(item.payload)}" if len(item.payload) else str(item)
    fatal = ", fatal" if item.refusal.fatal else ""
    return f"refused {item.message}: {item.refusal.code.name}{fatal}"


def fresh() -> ServerConnection:
    return ServerConnection(SharedReceiveMemory())


def bytewise(data: bytes) -> range:
    return range(1, len(data))


def write(length: int, version: int = 2) -> bytes:
    payload = bytes([1]) * length
    return encode(Message(Command.WRITE, 1, length, 0, payload, version=version))


def v1(command: int, size: int, behind: bytes = b"") -> bytes:
    return encode(Message(command, 1, size, version=1)) + behind


STREAMS: list[tuple[str, bytes, list[str]]] = [
    ("a ping", PING, ["PING #1"]),
    ("two", PING + PING, ["PING #1", "PING #1"]),
    (
        "both versions",
        v1(Command.FREE, 0) + PING + write(3, 1) + write(4),
        [
            "FREE v1 handle=1",
            "PING #1",
            "WRITE v1 handle=1 size=3 [3 bytes] sum 3",
            "WRITE #0 handle=1 size=4 [4 bytes] sum 4",
        ],
    ),
    (
        "an unknown version, 24 bytes long",
        PING + b"\xe7\xe7\xe7\xe7\x03" + b"\xe7" * 19 + PING,
        ["PING #1", "refused 0x00 #0: UNSUPPORTED", "PING #1"],
    ),
    (
        "an unknown version before any other",
        b"\xe7\xe7\xe7\xe7\x00" + bytes(19) + PING,
        ["refused 0x00 v1: UNSUPPORTED", "PING #1"],
    ),
    (
        "a payload that is skipped",
        encode(Message(Command.FREE, 1, payload=b"\xe7" * 30_000)) + PING,
        ["FREE #0 handle=1", "PING #1"],
    ),
    (
        "a payload that is too long and skipped",
        encode(Message(Command.PING, payload=b"\xe7" * 5_000)) + PING,
        ["refused PING #0: TOO_LARGE", "PING #1"],
    ),
    (
        "filler",
        v1(Command.ALLOC, 100, b"x" * 100) + v1(Command.READ, 50, b"x" * 50) + v1(Command.PING, 0),
        ["ALLOC v1 handle=1 size=100", "READ v1 handle=1 size=50", "PING v1 handle=1"],
    ),
    (
        "no filler",
        v1(Command.ALLOC, 100) + v1(Command.READ, 50) + v1(Command.PING, 0),
        ["ALLOC v1 handle=1 size=100", "READ v1 handle=1 size=50", "PING v1 handle=1"],
    ),
    (
        "what only looks like filler",
        v1(Command.ALLOC, 100) + PING + b"x" * 100,
        ["ALLOC v1 handle=1 size=100", "PING #1", "refused 0x00 #0: CORRUPT, fatal"],
    ),
    ("no magic", PING + b"\0" + PING, ["PING #1", "refused 0x00 #0: CORRUPT, fatal"]),
    ("no magic in the fourth byte", b"\xe7\xe7\xe7\x00", ["refused 0x00 v1: CORRUPT, fatal"]),
    (
        "a length above the limit",
        PING + encode(Message(Command.WRITE))[:36] + b"\x01\0\0\x01" + PING,
        ["PING #1", "refused WRITE #0: TOO_LARGE, fatal"],
    ),
]
IDS = [what for what, _, _ in STREAMS]


@pytest.mark.parametrize(("what", "data", "lines"), STREAMS, ids=IDS)
def test_whole(what: str, data: bytes, lines: list[str]) -> None:
    assert taken_from(fresh(), data) == lines


@pytest.mark.parametrize(("what", "data", "lines"), STREAMS, ids=IDS)
def test_byte_by_byte(what: str, data: bytes, lines: list[str]) -> None:
    assert taken_from(fresh(), data, bytewise(data)) == lines


@pytest.mark.parametrize(("what", "data", "lines"), STREAMS, ids=IDS)
def test_every_cut_in_two(what: str, data: bytes, lines: list[str]) -> None:
    for cut in sorted({*range(1, min(len(data), 200)), *range(1, len(data), 997)}):
        assert taken_from(fresh(), data, [cut]) == lines, cut


LENGTHS = [0, 1, MAX_INLINE_BYTES - 1, MAX_INLINE_BYTES, MAX_INLINE_BYTES + 1, 300 * KIB]


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("version", [1, 2])
def test_payloads_around_the_border_of_what_is_awaited_inline(length: int, version: int) -> None:
    data = (write(length, version) + PING) * 2
    expected = taken_from(fresh(), data)
    assert len(expected) == 4
    assert expected[0].endswith(f"[{length} bytes] sum {length}" if length else "handle=1")
    for seed in range(8):
        choice = random.Random(seed)
        cuts = [choice.randrange(len(data)) for _ in range(choice.choice([1, 5, 60]))]
        assert taken_from(fresh(), data, cuts) == expected


@pytest.mark.parametrize("length", [MAX_INLINE_BYTES, MAX_INLINE_BYTES + 1])
def test_a_long_payload_byte_by_byte(length: int) -> None:
    data = write(length) + PING
    assert taken_from(fresh(), data, bytewise(data)) == [
        f"WRITE #0 handle=1 size={length} [{length} bytes] sum {length}",
        "PING #1",
    ]


def test_a_payload_of_16_mib() -> None:
    assert taken_from(fresh(), write(MAX_PAYLOAD_BYTES) + PING)[1:] == ["PING #1"]


def test_a_full_buffer_of_requests_and_a_part() -> None:
    data = PING * (RECEIVE_BYTES // 40 + 3)
    assert taken_from(fresh(), data) == ["PING #1"] * (RECEIVE_BYTES // 40 + 3)


def test_what_is_awaited_is_partial() -> None:
    receiver = fresh()
    data = write(100 * KIB)
    partial = []
    for part in (PING[:10], PING[10:], data[:40], data[40:50], data[50:], b"\xe7"):
        taken_from(receiver, part)
        partial.append(receiver.partial)
    assert partial == [True, False, True, True, False, True]

    receiver.close()
    assert not receiver.partial


def test_dropped_bytes_are_not_stored_and_not_waited_for() -> None:
    receiver = fresh()
    taken_from(receiver, encode(Message(Command.PING, payload=bytes(5_000)))[:100])
    assert not receiver.partial
    assert not receiver.at_header
    assert not receiver.plain_version
    assert len(receiver.get_buffer()) == RECEIVE_BYTES


def test_connections_do_not_see_each_others_bytes_in_the_shared_buffer() -> None:
    shared = SharedReceiveMemory()
    one, other = ServerConnection(shared), ServerConnection(shared)
    first, second = write(1000), write(2000)
    assert taken_from(one, first[:500]) == []
    assert taken_from(other, second[:1500]) == []
    assert taken_from(one, first[500:]) == ["WRITE #0 handle=1 size=1000 [1000 bytes] sum 1000"]
    assert taken_from(other, second[1500:]) == ["WRITE #0 handle=1 size=2000 [2000 bytes] sum 2000"]


def test_what_a_turn_left_is_taken_up_without_new_bytes() -> None:
    receiver = fresh()
    data = PING * 3 + PING[:7]
    room = receiver.get_buffer()
    room[: len(data)] = data
    receiver.received(len(data))
    assert isinstance(receiver.next_request(), Message)
    receiver.suspend()
    assert receiver.partial

    for _ in range(2):
        receiver.resume()
        assert isinstance(receiver.next_request(), Message)
        receiver.suspend()
    receiver.resume()
    assert receiver.next_request() is None
    receiver.suspend()
    assert taken_from(receiver, PING[7:]) == ["PING #1"]


def test_messages_handled_elsewhere_are_remembered() -> None:
    receiver = fresh()
    data = v1(Command.ALLOC, 100) + v1(Command.PING, 0) + b"x"
    room = receiver.get_buffer()
    room[: len(data)] = data
    receiver.received(len(data))
    assert isinstance(receiver.next_request(), Message)
    receiver.skip_to(receiver.uncut()[1] + len(v1(Command.PING, 0)))
    receiver.expect_filler(0)

    item = receiver.next_request()
    assert isinstance(item, Refused)
    assert line(item) == "refused 0x00 v1: CORRUPT, fatal"


def test_filler_behind_a_message_handled_elsewhere_is_dropped() -> None:
    receiver = fresh()
    taken_from(receiver, v1(Command.PING, 0))
    receiver.expect_filler(100)
    assert taken_from(receiver, b"x" * 100 + v1(Command.PING, 0)) == ["PING v1 handle=1"]
    assert not receiver.plain_version


def test_plain_version_is_the_one_spoken_while_nothing_stands_between_messages() -> None:
    receiver = fresh()
    plain = [receiver.plain_version]
    filler = v1(Command.ALLOC, 5) + b"hello"
    for part in (PING, PING[:5], PING[5:], v1(Command.ALLOC, 5), PING, filler, PING):
        taken_from(receiver, part)
        plain.append(receiver.plain_version)
    assert plain == [1, 2, 0, 2, 1, 2, 0, 2]


class EmptyPool(BufferPool):
    """The machine has no memory left."""

    def take(self, size: int) -> mmap.mmap:
        raise OSError(12, "Cannot allocate memory")


def test_a_payload_there_is_no_room_for_is_refused_and_skipped() -> None:
    memory = SharedReceiveMemory()
    memory.pool = EmptyPool()
    data = write(100 * KIB) + PING
    assert taken_from(ServerConnection(memory), data, [1000, 50_000]) == [
        "refused WRITE #0 handle=1 size=102400: NO_MEMORY",
        "PING #1",
    ]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_a_header_costs_no_memory_whatever_it_says() -> None:
    before = resident_bytes()
    shared = SharedReceiveMemory()
    receivers = [ServerConnection(shared) for _ in range(200)]
    for receiver in receivers:
        taken_from(receiver, encode(Message(Command.WRITE, 1))[:36] + b"\x01\0\0\0" + b"first")
    assert all(receiver.partial for receiver in receivers)
    assert resident_bytes() - before < 16 * 1024 * KIB


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def test_close_gives_a_half_received_payload_back() -> None:
    shared = SharedReceiveMemory()
    receiver = ServerConnection(shared)
    taken_from(receiver, write(100 * KIB)[:50_000])
    receiver.close()
    assert not receiver.partial
    # The next payload of that length finds the memory, and none of what was in it.
    assert taken_from(ServerConnection(shared), write(100 * KIB)) == [
        "WRITE #0 handle=1 size=102400 [102400 bytes] sum 102400"
    ]


def test_a_payload_that_lies_whole_in_the_buffer_is_lent_where_it_is() -> None:
    memory = SharedReceiveMemory()
    connection = ServerConnection(memory)
    data = write(5)
    connection.get_buffer()[: len(data)] = data
    connection.received(len(data))
    request = connection.next_request()
    assert isinstance(request, Message)
    assert request.payload == b"\x01" * 5
    assert memoryview(request.payload).obj is memory.data
    memory.wipe()
    assert request.payload == bytes(5)
    assert memory.data.count(0) == RECEIVE_BYTES


def test_a_long_payload_has_memory_of_the_pool() -> None:
    memory = SharedReceiveMemory()
    payload = memory.payload(100 * KIB)
    assert (payload.length, payload.missing) == (100 * KIB, 100 * KIB)
    payload.release()
    assert memory.pool.pooled_bytes == 100 * KIB


parts = st.one_of(
    st.sampled_from([data for _, data, _ in STREAMS if len(data) < 6000]),
    st.sampled_from([PING, write(20), write(17_000), write(30_000, 1), v1(Command.READ, 9)]),
    st.binary(max_size=30),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(parts, max_size=8).map(b"".join), st.lists(st.integers(0, 60_000), max_size=20))
def test_it_takes_what_a_connection_with_memory_of_its_own_takes(
    data: bytes, cuts: list[int]
) -> None:
    connection = ServerConnection()
    expected = []
    for item in connection.receive_data(data):
        expected.append(line(item))
        if isinstance(item, Refused) and item.refusal.fatal:
            break
    assert taken_from(fresh(), data, cuts) == expected

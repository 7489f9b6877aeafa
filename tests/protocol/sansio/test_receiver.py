"""The cutting of a stream, with a format of this file's own.

`mNTEXT` is a message with a payload of N bytes, `dNTEXT` N bytes to be dropped,
`e` breaks the stream; N is one digit, or a letter: `a` is 10, `b` 20, … `z` 260.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ether_protocol import Message, RemoteProtocolError, ServerConnection
from ether_protocol.sansio.memory import PrivateMemory, ReceiveMemory
from ether_protocol.sansio.payload import Payload
from ether_protocol.sansio.receiver import Receiver
from ether_protocol.wire.constants import MAX_PAYLOAD_BYTES, Command
from ether_protocol.wire.messages import Buffer
from protocol.transcript import v2


def number(digit: int) -> int:
    return digit - ord("0") if digit < ord("a") else 10 * (digit - ord("a") + 1)


class ToyReceiver(Receiver[bytes]):
    """The receiver of the format above; its events are the payloads."""

    def _cut(self) -> bytes | None:
        if self._start < self._end and self._view[self._start] == ord("e"):
            raise RemoteProtocolError("the stream is broken")
        if self._end - self._start < 2:
            return None
        kind, length = self._view[self._start], number(self._view[self._start + 1])
        self._start += 2
        if kind == ord("d"):
            self._drop = length
            return None
        if not length:
            return b""
        if length <= self._end - self._start:
            return self._complete(self._whole(Message(0), length))
        self._expect(Message(0), length)
        return None

    def feed(self, data: bytes) -> list[bytes]:
        return self._feed(data)

    def _complete(self, message: Message) -> bytes:
        return bytes(message.payload)


class LentPayload:
    """A payload whose memory is wiped with `!` when it is released."""

    def __init__(self, length: int) -> None:
        self.memory = bytearray(length)
        self.at = 0
        self.released = 0

    @property
    def missing(self) -> int:
        return len(self.memory) - self.at

    @property
    def held_bytes(self) -> int:
        return len(self.memory)

    def room(self) -> memoryview:
        return memoryview(self.memory)[self.at :]

    def filled(self, count: int) -> None:
        self.at += count

    def take_in(self, data: memoryview) -> int:
        count = min(len(data), self.missing)
        self.memory[self.at : self.at + count] = data[:count]
        self.at += count
        return count

    def value(self) -> Buffer:
        return self.memory

    def release(self) -> None:
        self.released += 1
        self.memory[:] = b"!" * len(self.memory)


class LentMemory:
    """One small buffer for everybody, and payloads that are counted."""

    def __init__(self, size: int = 64, inline_bytes: int = 20) -> None:
        self.data = bytearray(size)
        self.view = memoryview(self.data)
        self.inline_bytes = inline_bytes
        self.lends = True
        self.payloads: list[LentPayload] = []

    def payload(self, length: int) -> Payload:
        self.payloads.append(LentPayload(length))
        return self.payloads[-1]


def events(receiver: ToyReceiver, data: bytes) -> list[bytes]:
    """What comes out while `data` is received, in as many pieces as there is room for."""
    found: list[bytes] = []
    while data:
        with receiver.get_buffer() as room:
            assert len(room) > 0, "an empty buffer ends the connection"
            step = min(len(room), len(data))
            room[:step] = data[:step]
        receiver.received(step)
        data = data[step:]
        while (event := receiver.next_event()) is not None:
            found.append(event)
        receiver.suspend()
    return found


def message(payload: bytes) -> bytes:
    """A message of up to 9 bytes, or of 10, 20, …."""
    length = len(payload)
    digit = chr(ord("0") + length) if length < 10 else chr(ord("a") + length // 10 - 1)
    return b"m" + digit.encode() + payload


MEMORIES = [PrivateMemory, LentMemory]


@pytest.mark.parametrize("memory", MEMORIES)
def test_messages_are_cut_where_they_end(memory: type[ReceiveMemory]) -> None:
    receiver = ToyReceiver(memory())
    assert events(receiver, b"m3onem0m3two") == [b"one", b"", b"two"]
    assert events(receiver, b"m") == []
    assert events(receiver, b"5he") == []
    assert events(receiver, b"llom1!") == [b"hello", b"!"]


@pytest.mark.parametrize("memory", MEMORIES)
@pytest.mark.parametrize("step", [1, 2, 7, 63, 1000])
def test_payloads_longer_than_the_buffer(memory: type[ReceiveMemory], step: int) -> None:
    receiver = ToyReceiver(memory())
    long, longer = b"x" * 100, b"y" * 260
    stream = message(long) + message(b"short") + message(longer) + message(b"z" * 20)
    found = []
    for start in range(0, len(stream), step):
        found += events(receiver, stream[start : start + step])
    assert found == [long, b"short", longer, b"z" * 20]


@pytest.mark.parametrize("memory", MEMORIES)
def test_what_is_dropped_is_stored_nowhere(memory: type[ReceiveMemory]) -> None:
    receiver = ToyReceiver(memory())
    assert events(receiver, b"m1adz" + b"?" * 200) == [b"a"]
    assert not receiver.at_header
    assert not receiver.partial, "nothing of it is waited for"
    assert events(receiver, b"?" * 60 + b"m1b") == [b"b"]
    assert receiver.at_header


def test_partial_and_at_header() -> None:
    receiver = ToyReceiver(LentMemory())
    told = []
    for part in (b"m", b"3", b"o", b"nem", b"5", b"12345", b"mc", b"x" * 30):
        events(receiver, part)
        told.append((receiver.partial, receiver.at_header))
    assert told == [
        (True, True),  # half a header
        (True, False),
        (True, False),
        (True, True),  # a message, and half a header
        (True, False),
        (False, True),
        (True, False),  # in memory of its own
        (False, True),
    ]


def test_a_short_payload_is_awaited_in_the_buffer_and_a_long_one_is_not() -> None:
    memory = LentMemory(inline_bytes=20)
    receiver = ToyReceiver(memory)
    for length, own in ((9, 0), (20, 0), (30, 1)):
        stream = message(b"x" * length)
        assert events(receiver, stream[:4]) == []
        assert events(receiver, stream[4:]) == [b"x" * length]
        assert len(memory.payloads) == own
    whole = message(b"y" * 40)
    assert events(receiver, whole) == [b"y" * 40]
    assert len(memory.payloads) == 1, "it lay whole in the buffer"


def test_a_long_payload_is_received_where_it_stays() -> None:
    memory = LentMemory()
    receiver = ToyReceiver(memory)
    events(receiver, message(b"x" * 100)[:10])
    (payload,) = memory.payloads
    with receiver.get_buffer() as room:
        assert room.obj is payload.memory
        assert len(room) == 92


def test_a_payload_is_lent_until_the_next_event_or_suspension() -> None:
    memory = LentMemory()
    for end in ("next_event", "suspend", "close"):
        receiver = ToyReceiver(memory)
        events(receiver, message(b"x" * 100)[:50])
        with receiver.get_buffer() as room:
            room[:] = b"x" * len(room)
            count = len(room)
        receiver.received(count)
        assert receiver.next_event() == b"x" * 100
        payload = memory.payloads[-1]
        assert receiver.lent is payload
        released = [payload.released]
        getattr(receiver, end)()
        released.append(payload.released)
        receiver.close()
        assert [*released, payload.released] == [0, 1, 1]
        assert not receiver.lent


def test_a_payload_that_never_comes_is_released_when_it_is_closed() -> None:
    memory = LentMemory()
    receiver = ToyReceiver(memory)
    events(receiver, message(b"x" * 100)[:50])
    receiver.close()
    assert [payload.released for payload in memory.payloads] == [1]
    assert not receiver.partial


def test_after_close_nothing_comes_and_bytes_have_a_place() -> None:
    receiver = ToyReceiver(LentMemory())
    assert events(receiver, b"m3onem3tw") == [b"one"]
    receiver.close()
    assert events(receiver, b"om3new" * 50) == []
    assert receiver.next_event() is None
    assert not receiver.partial


def test_what_was_left_is_taken_up_without_new_bytes() -> None:
    memory = LentMemory()
    receiver = ToyReceiver(memory)
    stream = b"m3onem3twom4thm"
    receiver.get_buffer()[: len(stream)] = stream
    receiver.received(len(stream))
    assert receiver.next_event() == b"one"
    receiver.suspend()
    memory.data[:] = b"?" * len(memory.data)  # another connection has received
    receiver.resume()
    assert receiver.next_event() == b"two"
    assert receiver.next_event() is None
    receiver.suspend()
    memory.data[:] = b"?" * len(memory.data)
    assert events(receiver, b"!m3fo") == [b"thm!"]
    assert receiver.partial


def test_to_suspend_twice_loses_nothing() -> None:
    memory = LentMemory()
    receiver = ToyReceiver(memory)
    assert events(receiver, b"m3on") == []
    receiver.suspend()
    memory.data[:] = b"?" * len(memory.data)
    assert receiver.partial
    assert events(receiver, b"e") == [b"one"]


def test_what_came_before_the_stream_broke_is_given_out() -> None:
    receiver = ToyReceiver(PrivateMemory())
    assert receiver.feed(b"m3onem3twoe") == [b"one", b"two"]
    for _ in range(2):
        with pytest.raises(RemoteProtocolError, match="broken"):
            receiver.feed(b"m3new")


def test_a_header_is_only_a_claim() -> None:
    connection = ServerConnection()
    claim = v2(Command.WRITE)[:-4] + MAX_PAYLOAD_BYTES.to_bytes(4, "big")
    connection.receive_data(claim)

    arrived = 0
    while arrived < MAX_PAYLOAD_BYTES // 2:
        room = len(connection.get_buffer())
        assert room <= max(256 * 1024, arrived)
        connection.receive_data(bytes(room))
        arrived += room


payloads = st.one_of(
    st.binary(max_size=9), st.integers(1, 26).map(lambda tens: b"%c" % (64 + tens) * (10 * tens))
)
streams = st.lists(payloads, max_size=6)


@given(
    st.lists(streams, min_size=1, max_size=3),
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 90))),
)
def test_connections_that_share_memory_get_their_own(
    wanted: list[list[bytes]], order: Sequence[tuple[int, int]]
) -> None:
    memory = LentMemory()
    receivers = [ToyReceiver(memory) for _ in wanted]
    rest = [b"".join(b"d3???" + message(p) for p in stream) for stream in wanted]
    found: list[list[bytes]] = [[] for _ in wanted]
    for who, step in [*order, *((who, 1000) for who in range(3))] * 2:
        who %= len(wanted)
        found[who] += events(receivers[who], rest[who][:step])
        rest[who] = rest[who][step:]
    for who, stream in enumerate(rest):
        found[who] += events(receivers[who], stream)
    assert found == wanted
    assert all(payload.released == 1 for payload in memory.payloads)

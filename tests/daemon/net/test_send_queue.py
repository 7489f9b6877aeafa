from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ether_daemon.net.send_queue import HIGH_WATER_BYTES, MAX_AWAITED, PIECE_BYTES, Outbox, Piece
from ether_daemon.stores.contract import Reading
from ether_daemon.stores.future import Later
from ether_daemon.stores.memory.store import MemoryStore

MIB = 1024 * 1024


class FakeSink:
    """Takes `window` bytes and keeps the rest, saying so as a transport does."""

    def __init__(self, window: int = 1 << 60) -> None:
        self.window = window
        self.sent = bytearray()
        self.kept = bytearray()
        self.largest = 0
        self.outbox = Outbox(self)

    def write(self, data: bytes) -> None:
        assert isinstance(data, bytes)
        self.largest = max(self.largest, len(data))
        self.kept += data
        self.move()

    def writelines(self, list_of_data: list[bytes]) -> None:
        self.write(b"".join(list_of_data))

    def move(self) -> None:
        count = min(self.window, len(self.kept))
        self.sent += self.kept[:count]
        del self.kept[:count]
        self.window -= count
        if self.kept:
            self.outbox.paused = True

    def take(self, count: int) -> None:
        """The client takes so many bytes more."""
        self.window += count
        self.move()
        if self.outbox.paused and not self.kept:
            self.outbox.paused = False
            self.outbox.pump()


def send(outbox: Outbox, data: bytes) -> None:
    # The memory is another's afterwards.
    shared = bytearray(data)
    outbox.send(memoryview(shared))
    shared[:] = b"?" * len(shared)


def is_blocked(outbox: Outbox) -> bool:
    return outbox.blocked


def nothing() -> None:
    """Nobody waits to be told."""


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    store = MemoryStore(64 * MIB, lambda chore: None)
    yield store
    store.close()


def reading(store: MemoryStore, data: bytes) -> Reading:
    ref = store.allocate(len(data))
    store.write(ref, 0, data)
    made = store.read(ref, 0, len(data))
    assert not isinstance(made, bytes)
    return made


def test_what_is_ready_goes_out_at_once() -> None:
    sink = FakeSink()
    send(sink.outbox, b"one")
    sink.outbox.send_pieces([b"two", b"three"])
    assert sink.sent == b"onetwothree"
    assert sink.outbox.empty
    assert not is_blocked(sink.outbox)


def test_nothing_overtakes_what_is_awaited() -> None:
    sink = FakeSink()
    first: Later[list[Piece]] = Later()
    second: Later[list[Piece]] = Later()
    sink.outbox.send_later(first, sink.outbox.pump)
    send(sink.outbox, b"c")
    sink.outbox.send_later(second, sink.outbox.pump)
    sink.outbox.send_pieces([b"e"])
    assert not sink.outbox.empty

    second.resolve([b"d", b"D"])
    assert sink.sent == b""
    first.resolve([b"a", b"b"])
    assert sink.sent == b"abcdDe"
    assert sink.outbox.empty


def test_one_that_is_there_already() -> None:
    sink = FakeSink()
    later: Later[list[Piece]] = Later()
    later.resolve([b"now"])
    sink.outbox.send_later(later, sink.outbox.pump)
    assert sink.sent == b"now"


def test_who_waits_for_an_answer_is_told() -> None:
    sink = FakeSink()
    told: list[bytes] = []
    later: Later[list[Piece]] = Later()
    sink.outbox.send_later(later, lambda: told.append(bytes(sink.sent)))
    later.resolve([b"x"])
    assert told == [b""]  # and pumps


def test_a_long_reading_goes_out_in_pieces_as_it_is_taken(store: MemoryStore) -> None:
    data = os.urandom(4 * MIB)
    sink = FakeSink(1000)
    sink.outbox.send_pieces([b"header", reading(store, data)])
    send(sink.outbox, b"behind")
    assert is_blocked(sink.outbox)
    while not sink.outbox.empty or sink.kept:
        assert len(sink.kept) <= PIECE_BYTES
        sink.take(100_000)
    assert sink.sent == b"header" + data + b"behind"
    assert sink.largest <= PIECE_BYTES
    assert not is_blocked(sink.outbox)
    assert sink.outbox._waiting_bytes == 0


def test_what_waits_blocks_from_the_high_water_mark_on() -> None:
    sink = FakeSink()
    later: Later[list[Piece]] = Later()
    sink.outbox.send_later(later, sink.outbox.pump)
    send(sink.outbox, bytes(HIGH_WATER_BYTES))
    assert not is_blocked(sink.outbox)
    send(sink.outbox, b"x")
    assert is_blocked(sink.outbox)
    later.resolve([])
    assert not is_blocked(sink.outbox)
    assert len(sink.sent) == HIGH_WATER_BYTES + 1


def test_only_so_many_answers_are_awaited() -> None:
    sink = FakeSink()
    waiting: list[Later[list[Piece]]] = [Later() for _ in range(MAX_AWAITED)]
    for number, later in enumerate(waiting):
        assert not is_blocked(sink.outbox)
        sink.outbox.send_later(later, sink.outbox.pump)
        assert is_blocked(sink.outbox) is (number == MAX_AWAITED - 1)
    waiting[0].resolve([b""])
    assert not is_blocked(sink.outbox)


def test_a_client_that_takes_nothing_blocks() -> None:
    sink = FakeSink(0)
    send(sink.outbox, b"x")
    assert is_blocked(sink.outbox)
    assert sink.outbox.empty  # it is the transport's now
    sink.take(1)
    assert not is_blocked(sink.outbox)


@pytest.mark.parametrize("settled", ["before", "after", "never"])
def test_when_the_connection_is_gone_everything_is_let_go(store: MemoryStore, settled: str) -> None:
    sink = FakeSink(0)
    send(sink.outbox, b"x")
    first, second = reading(store, bytes(MIB)), reading(store, bytes(MIB))
    head: Later[list[Piece]] = Later()
    later: Later[list[Piece]] = Later()
    sink.outbox.send_pieces([b"header", first])
    sink.outbox.send_later(head, nothing)
    sink.outbox.send_later(later, nothing)
    if settled == "before":
        later.resolve([b"header", second])
    sink.outbox.cancel()
    if settled == "after":
        later.resolve([b"header", second])
    if settled != "never":
        assert len(second) == 0
    head.fail(OSError("gone"))
    assert len(first) == 0
    assert sink.outbox.empty
    assert sink.outbox._waiting_bytes == 0
    sink.outbox.pump()


# Past the transport


class Direct(FakeSink):
    """A sink beside the socket that it sends on."""

    def __init__(self) -> None:
        super().__init__()
        self.sock, self.peer = socket.socketpair()
        for end in (self.sock, self.peer):
            end.setblocking(False)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)
        self.outbox = Outbox(self, self.sock.fileno())
        self.got = bytearray()
        self.by_transport = 0

    def move(self) -> None:
        while self.kept:
            try:
                count = self.sock.send(self.kept)
            except BlockingIOError:
                break
            self.by_transport += count
            del self.kept[:count]
        if self.kept:
            self.outbox.paused = True

    def fetch(self, count: int = 1 << 20) -> int:
        """The client takes what there is, at most `count`; how much it was."""
        try:
            data = self.peer.recv(count)
        except BlockingIOError:
            data = b""
        self.got += data
        return len(data)

    def close(self) -> None:
        self.sock.close()
        self.peer.close()


@pytest.fixture
def direct() -> Iterator[Direct]:
    sink = Direct()
    yield sink
    sink.close()


def drain(sink: Direct) -> bytes:
    while sink.fetch(5000) or sink.kept or not sink.outbox.empty:
        sink.take(0)
    return bytes(sink.got)


def test_what_the_socket_takes_needs_no_transport(direct: Direct) -> None:
    send(direct.outbox, b"one")
    direct.outbox.send_pieces([b"two"])
    assert drain(direct) == b"onetwo"
    assert direct.by_transport == 0


def test_what_it_does_not_take_is_the_transports(direct: Direct, store: MemoryStore) -> None:
    data, more = os.urandom(3 * MIB), os.urandom(100_000)
    send(direct.outbox, more)
    direct.outbox.send_pieces([b"header", reading(store, data), b"behind"])
    send(direct.outbox, more)
    assert direct.outbox.blocked
    assert drain(direct) == more + b"header" + data + b"behind" + more
    assert direct.by_transport > 0


def test_a_header_that_the_socket_does_not_take_goes_before_what_it_heads(
    direct: Direct, store: MemoryStore
) -> None:
    data = os.urandom(MIB)
    before = b""
    with suppress(BlockingIOError):
        while True:
            before += b"x" * direct.sock.send(b"x" * 10)
    direct.outbox.send_pieces([b"header", reading(store, data)])
    assert drain(direct) == before + b"header" + data


def test_a_block_may_change_while_its_reading_is_half_sent(
    direct: Direct, store: MemoryStore
) -> None:
    data = os.urandom(3 * MIB)
    ref = store.allocate(3 * MIB)
    store.write(ref, 0, data)
    under_way = store.read(ref, 0, 3 * MIB)
    assert not isinstance(under_way, bytes)
    direct.outbox.send_pieces([b"header", under_way])
    for step in range(40):
        direct.fetch(50_000)
        store.fill(ref, 0, 3 * MIB, step)
        if step == 20:
            store.release(ref)
            break
    assert drain(direct) == b"header" + data


def test_nothing_is_held_that_a_block_needs_to_grow(direct: Direct, store: MemoryStore) -> None:
    ref = store.allocate(3 * MIB)
    under_way = store.read(ref, 0, 3 * MIB)
    assert not isinstance(under_way, bytes)
    direct.outbox.send_pieces([under_way])
    assert len(under_way) > 0
    store.resize(ref, 8 * MIB)
    store.resize(ref, MIB)
    assert drain(direct) == bytes(3 * MIB)


def test_a_broken_socket_is_the_transports_business(direct: Direct) -> None:
    direct.peer.close()
    handed: list[bytes] = []
    direct.write = handed.append  # type: ignore[assignment,method-assign]
    send(direct.outbox, b"one")
    direct.outbox.send_pieces([b"two"])
    assert handed == [b"one", b"two"]


def test_a_descriptor_is_not_written_to_once_its_connection_is_gone(direct: Direct) -> None:
    direct.outbox.cancel()
    handed: list[bytes] = []
    direct.write = handed.append  # type: ignore[assignment,method-assign]
    send(direct.outbox, b"late")
    direct.outbox.send_pieces([b"later"])
    assert b"".join(handed) == b"latelater"
    assert direct.fetch() == 0


pieces = st.one_of(
    st.tuples(st.just("send"), st.integers(0, 40_000)),
    st.tuples(st.just("pieces"), st.integers(0, 40_000)),
    st.tuples(st.just("reading"), st.integers(256 * 1024 + 1, 900_000)),
    st.tuples(st.just("later"), st.integers(0, 40_000)),
    st.tuples(st.just("later reading"), st.integers(256 * 1024 + 1, 600_000)),
    st.tuples(st.just("settle"), st.integers(0, 9)),
    st.tuples(st.just("take"), st.integers(0, 500_000)),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(pieces, max_size=25), st.booleans())
def test_everything_comes_in_order_whatever_waits(
    actions: list[tuple[str, int]], past_the_transport: bool
) -> None:
    store = MemoryStore(64 * MIB, lambda chore: None)
    sink = Direct() if past_the_transport else FakeSink(0)
    outbox = sink.outbox
    expected = bytearray()
    waiting: list[tuple[Later[list[Piece]], list[Piece]]] = []
    for number, (what, size) in enumerate(actions):
        data = bytes([number]) * size
        if what == "settle":
            if waiting:
                later, made = waiting.pop(size % len(waiting))
                later.resolve(made)
        elif what == "take":
            if isinstance(sink, Direct):
                sink.fetch(size or 1)
                size = 0
            sink.take(size)
        else:
            expected += data
            if what == "send":
                send(outbox, data)
            elif what == "pieces":
                outbox.send_pieces([data[:40], data[40:]])
            elif what == "reading":
                outbox.send_pieces([reading(store, data)])
            else:
                later = Later()
                outbox.send_later(later, outbox.pump)
                made = [reading(store, data)] if what == "later reading" else [data]
                waiting.append((later, made))
    for later, made in reversed(waiting):
        later.resolve(made)
    if isinstance(sink, Direct):
        got = drain(sink)
        sink.close()
    else:
        while sink.kept or not outbox.empty:
            sink.take(1 << 20)
        got = bytes(sink.sent)
    assert got == expected
    assert outbox._waiting_bytes == 0
    store.close()

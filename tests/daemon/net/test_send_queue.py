from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.net.sinks import NAMELESS, FakeSink, streamed
from ether_daemon.net.send_queue import HIGH_WATER_BYTES, MAX_AWAITED, PIECE_BYTES, Piece, SendQueue
from ether_daemon.stores.future import Future
from ether_daemon.stores.memory.store import MemoryStore

MIB = 1024 * 1024


def send(queue: SendQueue, data: bytes) -> None:
    # The memory is another's afterwards.
    shared = bytearray(data)
    queue.send(memoryview(shared))
    shared[:] = b"?" * len(shared)


def is_blocked(queue: SendQueue) -> bool:
    return queue.blocked


def nothing() -> None:
    """Nobody waits to be told."""


@pytest.fixture
def store() -> Iterator[MemoryStore]:
    store = MemoryStore(64 * MIB, lambda work: None)
    yield store
    store.close()


def test_what_is_ready_goes_out_at_once() -> None:
    sink = FakeSink()
    send(sink.send_queue, b"one")
    sink.send_queue.send_pieces([b"two", b"three"])
    assert sink.sent == b"onetwothree"
    assert sink.send_queue.empty
    assert not is_blocked(sink.send_queue)


def test_nothing_overtakes_what_is_awaited() -> None:
    sink = FakeSink()
    first: Future[list[Piece]] = Future()
    second: Future[list[Piece]] = Future()
    sink.send_queue.send_later(first, sink.send_queue.pump, 0)
    send(sink.send_queue, b"c")
    sink.send_queue.send_later(second, sink.send_queue.pump, 0)
    sink.send_queue.send_pieces([b"e"])
    assert not sink.send_queue.empty

    second.set_result([b"d", b"D"])
    assert sink.sent == b""
    first.set_result([b"a", b"b"])
    assert sink.sent == b"abcdDe"
    assert sink.send_queue.empty


def test_one_that_is_there_already() -> None:
    sink = FakeSink()
    answer: Future[list[Piece]] = Future()
    answer.set_result([b"now"])
    sink.send_queue.send_later(answer, sink.send_queue.pump, 0)
    assert sink.sent == b"now"


def test_who_waits_for_an_answer_is_told() -> None:
    sink = FakeSink()
    told: list[bytes] = []
    answer: Future[list[Piece]] = Future()
    sink.send_queue.send_later(answer, lambda: told.append(bytes(sink.sent)), 0)
    answer.set_result([b"x"])
    assert told == [b""]  # and pumps


def test_a_long_read_goes_out_in_pieces_as_it_is_taken(store: MemoryStore) -> None:
    data = os.urandom(4 * MIB)
    sink = FakeSink(1000)
    sink.send_queue.send_pieces([b"header", streamed(store, data)])
    send(sink.send_queue, b"behind")
    assert is_blocked(sink.send_queue)
    while not sink.send_queue.empty or sink.kept:
        assert len(sink.kept) <= PIECE_BYTES
        sink.take(100_000)
    assert sink.sent == b"header" + data + b"behind"
    assert sink.largest <= PIECE_BYTES
    assert not is_blocked(sink.send_queue)
    assert sink.send_queue.waiting_bytes == 0


def test_what_waits_blocks_from_the_high_water_mark_on() -> None:
    sink = FakeSink()
    answer: Future[list[Piece]] = Future()
    sink.send_queue.send_later(answer, sink.send_queue.pump, 0)
    send(sink.send_queue, bytes(HIGH_WATER_BYTES))
    assert not is_blocked(sink.send_queue)
    send(sink.send_queue, b"x")
    assert is_blocked(sink.send_queue)
    answer.set_result([])
    assert not is_blocked(sink.send_queue)
    assert len(sink.sent) == HIGH_WATER_BYTES + 1


def test_what_is_held_for_an_answer_counts_until_it_is_there() -> None:
    sink = FakeSink()
    answers: list[Future[list[Piece]]] = [Future(), Future()]
    for answer in answers:
        sink.send_queue.send_later(answer, sink.send_queue.pump, HIGH_WATER_BYTES // 2 + 1)
    assert is_blocked(sink.send_queue)
    answers[1].set_result([b"second"])
    assert is_blocked(sink.send_queue), "it still waits behind the first"
    answers[0].set_result([b"first"])
    assert not is_blocked(sink.send_queue)
    assert sink.send_queue.waiting_bytes == 0
    assert sink.sent == b"firstsecond"


def test_only_so_many_answers_are_awaited() -> None:
    sink = FakeSink()
    waiting: list[Future[list[Piece]]] = [Future() for _ in range(MAX_AWAITED)]
    for number, answer in enumerate(waiting):
        assert not is_blocked(sink.send_queue)
        sink.send_queue.send_later(answer, sink.send_queue.pump, 0)
        assert is_blocked(sink.send_queue) is (number == MAX_AWAITED - 1)
    waiting[0].set_result([b""])
    assert not is_blocked(sink.send_queue)


def test_a_client_that_takes_nothing_blocks() -> None:
    sink = FakeSink(0)
    send(sink.send_queue, b"x")
    assert is_blocked(sink.send_queue)
    assert sink.send_queue.empty  # it is the transport's now
    sink.take(1)
    assert not is_blocked(sink.send_queue)


@pytest.mark.parametrize("settled", ["before", "after", "never"])
def test_when_the_connection_is_gone_everything_is_let_go(store: MemoryStore, settled: str) -> None:
    sink = FakeSink(0)
    send(sink.send_queue, b"x")
    first, second = streamed(store, bytes(MIB)), streamed(store, bytes(MIB))
    head: Future[list[Piece]] = Future()
    answer: Future[list[Piece]] = Future()
    sink.send_queue.send_pieces([b"header", first])
    sink.send_queue.send_later(head, nothing, 0)
    sink.send_queue.send_later(answer, nothing, 0)
    if settled == "before":
        answer.set_result([b"header", second])
    sink.send_queue.cancel()
    if settled == "after":
        answer.set_result([b"header", second])
    if settled != "never":
        assert len(second) == 0
    head.set_exception(OSError("gone"))
    assert len(first) == 0
    assert sink.send_queue.empty
    assert sink.send_queue.waiting_bytes == 0
    sink.send_queue.pump()


# Past the transport


class Direct(FakeSink):
    """A sink beside the socket that it sends on."""

    def __init__(self) -> None:
        super().__init__()
        self.sock, self.peer = socket.socketpair()
        for end in (self.sock, self.peer):
            end.setblocking(False)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 * 1024)
        self.send_queue = SendQueue(self, self.sock.fileno())
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
            self.send_queue.paused = True

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
    while sink.fetch(5000) or sink.kept or not sink.send_queue.empty:
        sink.take(0)
    return bytes(sink.got)


def test_what_the_socket_takes_needs_no_transport(direct: Direct) -> None:
    send(direct.send_queue, b"one")
    direct.send_queue.send_pieces([b"two"])
    assert drain(direct) == b"onetwo"
    assert direct.by_transport == 0


def test_what_it_does_not_take_is_the_transports(direct: Direct, store: MemoryStore) -> None:
    data, more = os.urandom(3 * MIB), os.urandom(100_000)
    send(direct.send_queue, more)
    direct.send_queue.send_pieces([b"header", streamed(store, data), b"behind"])
    send(direct.send_queue, more)
    assert direct.send_queue.blocked
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
    direct.send_queue.send_pieces([b"header", streamed(store, data)])
    assert drain(direct) == before + b"header" + data


def test_a_block_may_change_while_its_read_is_half_sent(direct: Direct, store: MemoryStore) -> None:
    data = os.urandom(3 * MIB)
    ref = store.allocate(3 * MIB, NAMELESS)
    store.write(ref, 0, data)
    under_way = store.read(ref, 0, 3 * MIB)
    assert not isinstance(under_way, (bytearray, memoryview))
    direct.send_queue.send_pieces([b"header", under_way])
    for step in range(40):
        direct.fetch(50_000)
        store.fill(ref, 0, 3 * MIB, step)
        if step == 20:
            store.release(ref)
            break
    assert drain(direct) == b"header" + data


def test_nothing_is_held_that_a_block_needs_to_grow(direct: Direct, store: MemoryStore) -> None:
    ref = store.allocate(3 * MIB, NAMELESS)
    under_way = store.read(ref, 0, 3 * MIB)
    assert not isinstance(under_way, (bytearray, memoryview))
    direct.send_queue.send_pieces([under_way])
    assert len(under_way) > 0
    store.resize(ref, 8 * MIB)
    store.resize(ref, MIB)
    assert drain(direct) == bytes(3 * MIB)


def test_a_broken_socket_is_the_transports_business(direct: Direct) -> None:
    direct.peer.close()
    handed: list[bytes] = []
    direct.write = lambda data: handed.append(bytes(data))  # type: ignore[method-assign]
    send(direct.send_queue, b"one")
    direct.send_queue.send_pieces([b"two"])
    assert handed == [b"one", b"two"]


def test_a_descriptor_is_not_written_to_once_its_connection_is_gone(direct: Direct) -> None:
    direct.send_queue.cancel()
    handed: list[bytes] = []
    direct.write = lambda data: handed.append(bytes(data))  # type: ignore[method-assign]
    send(direct.send_queue, b"late")
    direct.send_queue.send_pieces([b"later"])
    assert b"".join(handed) == b"latelater"
    assert direct.fetch() == 0


pieces = st.one_of(
    st.tuples(st.just("send"), st.integers(0, 40_000)),
    st.tuples(st.just("pieces"), st.integers(0, 40_000)),
    st.tuples(st.just("read"), st.integers(256 * 1024 + 1, 900_000)),
    st.tuples(st.just("later"), st.integers(0, 40_000)),
    st.tuples(st.just("later read"), st.integers(256 * 1024 + 1, 600_000)),
    st.tuples(st.just("settle"), st.integers(0, 9)),
    st.tuples(st.just("take"), st.integers(0, 500_000)),
)


@settings(max_examples=80, deadline=None)
@given(st.lists(pieces, max_size=25), st.booleans())
def test_everything_comes_in_order_whatever_waits(
    actions: list[tuple[str, int]], past_the_transport: bool
) -> None:
    store = MemoryStore(64 * MIB, lambda work: None)
    sink = Direct() if past_the_transport else FakeSink(0)
    queue = sink.send_queue
    expected = bytearray()
    waiting: list[tuple[Future[list[Piece]], list[Piece]]] = []
    for number, (what, size) in enumerate(actions):
        data = bytes([number]) * size
        if what == "settle":
            if waiting:
                answer, made = waiting.pop(size % len(waiting))
                answer.set_result(made)
        elif what == "take":
            if isinstance(sink, Direct):
                sink.fetch(size or 1)
                size = 0
            sink.take(size)
        else:
            expected += data
            if what == "send":
                send(queue, data)
            elif what == "pieces":
                queue.send_pieces([data[:40], data[40:]])
            elif what == "read":
                queue.send_pieces([streamed(store, data)])
            else:
                answer = Future()
                queue.send_later(answer, queue.pump, size)
                made = [streamed(store, data)] if what == "later read" else [data]
                waiting.append((answer, made))
    for answer, made in reversed(waiting):
        answer.set_result(made)
    if isinstance(sink, Direct):
        got = drain(sink)
        sink.close()
    else:
        while sink.kept or not queue.empty:
            sink.take(1 << 20)
        got = bytes(sink.sent)
    assert got == expected
    assert queue.waiting_bytes == 0
    store.close()


# Copies


class KeepingSink(FakeSink):
    """Knows afterwards what it was given."""

    def __init__(self, window: int) -> None:
        super().__init__(window)
        self.given: list[bytes | bytearray] = []

    def write(self, data: bytes | bytearray) -> None:
        self.given.append(data)
        super().write(data)

    def writelines(self, list_of_data: list[bytearray]) -> None:
        for data in list_of_data:
            self.write(data)


def test_a_copy_for_the_transport_is_wiped_once_it_was_sent() -> None:
    sink = KeepingSink(5)
    sink.send_queue.send(memoryview(b"secret"))
    assert sink.given == [b"secret"]
    sink.take(100)
    sink.send_queue.taken()
    sink.send_queue.send(memoryview(b"word"))
    assert bytes(sink.sent) == b"secretword"
    assert sink.given == [bytes(6), bytes(4)]


def test_what_was_queued_is_wiped_once_it_was_sent() -> None:
    sink = KeepingSink(1 << 20)
    late: Future[list[Piece]] = Future()
    sink.send_queue.send_later(late, sink.send_queue.pump, 0)
    pieces = [bytearray(b"secret"), bytearray(b"word" * 10_000)]
    for piece in pieces:
        sink.send_queue.send_pieces([piece])
    late.set_result([b"header", first := bytearray(b"behind it")])
    assert bytes(sink.sent) == b"headerbehind itsecret" + b"word" * 10_000
    assert [any(data) for data in (first, *pieces, *sink.given)] == [False] * (3 + len(sink.given))


def test_what_the_socket_takes_of_the_queue_is_wiped(direct: Direct) -> None:
    late: Future[list[Piece]] = Future()
    direct.send_queue.send_later(late, direct.send_queue.pump, 0)
    pieces = [bytearray(b"secret" * 2_000), bytearray(b"word" * 2_000)]
    late.set_result([*pieces])
    assert drain(direct) == b"secret" * 2_000 + b"word" * 2_000
    assert direct.by_transport == 0
    assert [any(piece) for piece in pieces] == [False, False]


def test_a_head_of_a_streamed_read_is_wiped(direct: Direct, store: MemoryStore) -> None:
    head = bytearray(b"head")
    direct.send_queue.send_pieces([head, streamed(store, bytes(MIB))])
    assert not any(head)


@pytest.mark.parametrize("awaited", [True, False])
def test_what_nobody_will_take_is_wiped(awaited: bool) -> None:
    sink = FakeSink()
    first: Future[list[Piece]] = Future()
    sink.send_queue.send_later(first, sink.send_queue.pump, 0)
    piece = bytearray(b"secret")
    if awaited:
        second: Future[list[Piece]] = Future()
        sink.send_queue.send_later(second, sink.send_queue.pump, 0)
        sink.send_queue.cancel()
        second.set_result([b"header", piece])
    else:
        sink.send_queue.send_pieces([piece])
        sink.send_queue.cancel()
    assert piece == bytes(6)

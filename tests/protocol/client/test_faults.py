"""What every client does when the network fails, with a real daemon behind one that does."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ether_protocol import (
    MAX_PAYLOAD_BYTES,
    Block,
    Client,
    Command,
    ConnectionLost,
    ErrorCode,
    EtherError,
    Message,
    NotFound,
    OutcomeUnknown,
    Retry,
    ServerBusy,
    TimedOut,
)
from ether_protocol.wire.codec import encode
from harness import StartEtherd
from protocol.client.chaos import REFUSED, ConnectionEnd, Fault, Proxy
from protocol.client.either import Either
from protocol.scripted import raw, serving

MIB = 1024 * 1024
HEADER = 40
QUICKLY = Retry(attempts=5, first_delay=0.001, longest_delay=0.01)
AT_ONCE = Retry(attempts=1)
ENDS = [ConnectionEnd.CLOSED, ConnectionEnd.RESET]


@pytest.fixture
def through(each: Either, proxy: Proxy) -> Iterator[Client]:
    """A client behind the failing network that tries again quickly."""
    with each.connect(proxy.address, retry=QUICKLY) as client:
        yield client


ends = pytest.mark.parametrize("end", ENDS, ids=lambda end: end.value)

# Requests that change nothing are made again.

SAFE: dict[str, Callable[[Client, int], Any]] = {
    "PING": lambda client, _: client.ping(b"echo"),
    "HELLO": lambda client, _: client.hello().name,
    "INFO": lambda client, handle: client.info(handle).size,
    "LIST": lambda client, handle: client.list(handle - 1, 1)[1],
    "READ": lambda client, handle: client.read(handle, 5),
    "READ, long": lambda client, handle: client.read(handle, 30_000),
    "readinto": lambda client, handle: client.readinto(handle, bytearray(5)),
}
safe = pytest.mark.parametrize("act", SAFE.values(), ids=SAFE)


@safe
@ends
def test_a_safe_request_is_made_again_wherever_it_was_cut(
    through: Client, proxy: Proxy, act: Callable[[Client, int], Any], end: ConnectionEnd
) -> None:
    with through.alloc(30_000) as block:
        block.write(bytes(range(256)))
        right = act(through, block.handle)
        for fault in (
            *(Fault(requests=count, end=end) for count in (0, 1, 4, 23, 24, 39, 40, 43)),
            *(Fault(replies=count, end=end) for count in (0, 1, 4, 23, 24, 39, 40, 44)),
            *(Fault(replies=count, end=end) for count in (20_000, 30_039)),
        ):
            proxy.now(fault)
            assert act(through, block.handle) == right, fault
    assert proxy.connections > 10


@safe
@ends
def test_a_safe_request_survives_several_failed_connections(
    through: Client, proxy: Proxy, act: Callable[[Client, int], Any], end: ConnectionEnd
) -> None:
    with through.alloc(30_000) as block:
        right = act(through, block.handle)
        proxy.next(REFUSED, Fault(requests=3, end=end), Fault(replies=50, end=end), REFUSED)
        proxy.cut(end)
        assert act(through, block.handle) == right
    assert proxy.connections == 6


def test_after_so_many_failed_connections_it_gives_up(through: Client, proxy: Proxy) -> None:
    proxy.next(*[REFUSED] * 5)
    proxy.cut()
    with pytest.raises(ConnectionLost):
        through.ping()
    assert proxy.connections == 6
    assert not through.connected
    proxy.next(*[REFUSED] * 4)
    assert through.ping(b"later") == b"later"


# Requests that change something are not.

CHANGING: dict[str, Callable[[Client, int], Any]] = {
    "ALLOC": lambda client, _: client.alloc(64),
    "FREE": lambda client, handle: client.free(handle),
    "REALLOC": lambda client, handle: client.realloc(handle, 30_001),
    "WRITE": lambda client, handle: client.write(handle, b"hello"),
    "WRITE, long": lambda client, handle: client.write(handle, b"hello" * 5000),
    "FILL": lambda client, handle: client.fill(handle, 1, 0, 5),
    "COPY": lambda client, handle: client.copy(handle, 0, handle, 8, 5),
    "COMPARE_SWAP": lambda client, handle: client.compare_swap(
        handle, 0, bytes(8), b"\0" * 7 + b"\1"
    ),
    "FETCH_ADD": lambda client, handle: client.fetch_add(handle, 0, 1),
}
changing = pytest.mark.parametrize(("name", "act"), CHANGING.items(), ids=CHANGING)


@changing
@ends
@pytest.mark.parametrize("passed", [0, 1, 24, 39])
def test_a_change_that_was_sent_has_an_unknown_outcome(
    through: Client,
    proxy: Proxy,
    name: str,
    act: Callable[[Client, int], Any],
    end: ConnectionEnd,
    passed: int,
) -> None:
    block = through.alloc(30_000)
    connections = proxy.connections
    proxy.now(Fault(replies=passed, end=end))
    with pytest.raises(OutcomeUnknown, match=f"^{name.partition(',')[0]}.*: outcome unknown"):
        act(through, block.handle)
    assert proxy.connections == connections, "it must not be sent a second time"
    assert through.ping(b"goes on") == b"goes on"
    if name == "FREE":
        with pytest.raises(NotFound):
            block.free()
    else:
        block.free()


@changing
@ends
def test_a_change_that_was_not_sent_is_made_over_a_new_connection(
    each: Either,
    through: Client,
    proxy: Proxy,
    name: str,
    act: Callable[[Client, int], Any],
    end: ConnectionEnd,
) -> None:
    block = through.alloc(30_000)
    proxy.cut(end)
    act(through, block.handle)
    assert proxy.connections == 2
    if name == "FETCH_ADD":
        assert block[:8] == b"\0" * 7 + b"\1", "added once"


def test_without_retry_a_connection_that_ended_is_the_end(each: Either, proxy: Proxy) -> None:
    with each.connect(proxy.address, retry=None) as client:
        assert client.server is None
        block = client.alloc(64)
        proxy.cut()
        with pytest.raises(ConnectionLost):
            client.write(block.handle, b"hello")
        assert client.closed
        with pytest.raises(ConnectionLost):
            client.ping()
    assert proxy.connections == 1


# Long ranges go on where they were.

LONG = 3 * MAX_PAYLOAD_BYTES + 5


def test_a_long_read_is_resumed_in_its_middle(through: Client, proxy: Proxy) -> None:
    data = random.Random(1).randbytes(MIB) * (LONG // MIB) + b"tail!"
    with through.alloc(LONG) as block:
        block.write(data)
        acts: list[Callable[[], Any]] = [lambda: block.read(LONG), lambda: _into(block, LONG)]
        for act in acts:
            proxy.now(Fault(replies=2 * MAX_PAYLOAD_BYTES + 1000, end=ConnectionEnd.CLOSED))
            carried = proxy.carried
            assert act() == data
            # What was answered already does not travel twice.
            assert proxy.carried - carried < LONG + MAX_PAYLOAD_BYTES // 2


def _into(block: Block, size: int) -> bytes:
    target = bytearray(size)
    assert block.readinto(target) == size
    return bytes(target)


def test_a_long_write_says_which_part_is_unknown(through: Client, proxy: Proxy) -> None:
    told: list[int] = []
    part = MAX_PAYLOAD_BYTES
    with through.alloc(2 * part) as block:
        proxy.now(Fault(replies=2 * HEADER, end=ConnectionEnd.CLOSED))
        with pytest.raises(OutcomeUnknown, match=rf"WRITE handle \d+ \[{part}:{2 * part}\]"):
            block.write(b"a" * 2 * part, progress=lambda done, _: told.append(done))
        assert told == [part]
        assert block[:2] == b"aa"


@ends
def test_a_long_write_that_did_not_leave_whole_is_made_again(
    through: Client, proxy: Proxy, end: ConnectionEnd
) -> None:
    size = MAX_PAYLOAD_BYTES
    with through.alloc(size) as block:
        proxy.now(Fault(requests=HEADER + 1000, end=end))
        assert block.write(b"a" * size) == size
        assert block[-2:] == b"aa"
    assert proxy.connections == 2


# A network that is slow, or cuts everything small.


@pytest.mark.parametrize("pieces", [(1,), (1, 2, 3, 5, 7, 11, 13), (39, 1), (40, 1), (64, 3)])
def test_bytes_that_come_in_pieces(through: Client, proxy: Proxy, pieces: tuple[int, ...]) -> None:
    data = random.Random(2).randbytes(20_000 if len(pieces) > 1 else 2_000)
    with through.alloc(len(data)) as block:
        proxy.now(Fault(pieces=pieces))
        assert block.write(data) == len(data)
        assert block.read() == data
        assert _into(block, len(data)) == data
        with through.pipeline() as pipeline:
            reads = [pipeline.read(block.handle, 7, number) for number in range(100)]
        assert [read.result() for read in reads] == [data[n : n + 7] for n in range(100)]
    assert proxy.connections == 1


def test_a_slow_network_is_no_silence(each: Either, proxy: Proxy) -> None:
    with each.connect(proxy.address, timeout=0.5) as client, client.alloc(64) as block:
        proxy.now(Fault(pieces=(8,), delay=0.02))
        assert block.write(bytes(range(64))) == 64
        assert block.read() == bytes(range(64))


# Silence.


def test_silence_is_a_timeout_and_not_tried_again(each: Either, proxy: Proxy) -> None:
    with each.connect(proxy.address, timeout=0.1, retry=QUICKLY) as client:
        block = client.alloc(64)
        acts: list[Callable[[], Any]] = [
            client.ping,
            lambda: block.read(5),
            lambda: client.read(block.handle),
        ]
        for act in acts:
            connections = proxy.connections
            proxy.now(Fault(replies=0, end=ConnectionEnd.STALLED))
            with pytest.raises(TimeoutError, match="no answer in time") as caught:
                act()
            assert isinstance(caught.value, TimedOut)
            assert proxy.connections == connections
            assert client.ping(b"goes on") == b"goes on"
        proxy.now(Fault(replies=0, end=ConnectionEnd.STALLED))
        with pytest.raises(OutcomeUnknown, match=r"WRITE .* no answer in time"):
            block.write(b"hello")


def test_a_pipeline_that_is_not_answered_in_time(each: Either, proxy: Proxy) -> None:
    with each.connect(proxy.address, timeout=0.1, retry=QUICKLY) as client:
        block = client.alloc(64)
        proxy.now(Fault(replies=HEADER, end=ConnectionEnd.STALLED))
        pipeline = client.pipeline()
        for data in (b"a", b"b"):
            pipeline.write(block.handle, data)
        pipeline.read(block.handle, 1)
        outcomes = pipeline.execute()
        assert [type(outcome) for outcome in outcomes] == [int, OutcomeUnknown, TimedOut]


def test_a_long_write_that_nobody_takes_is_a_timeout(each: Either, proxy: Proxy) -> None:
    with each.connect(proxy.address, timeout=0.2, retry=QUICKLY) as client:
        with client.alloc(MAX_PAYLOAD_BYTES) as block:
            proxy.now(Fault(requests=1000, end=ConnectionEnd.STALLED))
            with pytest.raises(TimedOut):
                block.write(bytes(MAX_PAYLOAD_BYTES))
            assert client.ping(b"goes on") == b"goes on"


# Pipelines.


def test_a_pipeline_is_not_begun_on_a_connection_that_has_ended(
    through: Client, proxy: Proxy
) -> None:
    with through.alloc(64) as block:
        pipeline = through.pipeline()
        pipeline.fetch_add(block.handle, 0, 1)
        pipeline.fetch_add(block.handle, 0, 1)
        proxy.cut()
        assert pipeline.execute() == [0, 1]


@ends
def test_a_pipeline_that_is_cut_keeps_what_was_answered(
    through: Client, proxy: Proxy, end: ConnectionEnd
) -> None:
    with through.alloc(64) as block:
        pipeline = through.pipeline()
        pipeline.write(block.handle, b"a")
        pipeline.read(2**63, 1)
        pipeline.write(block.handle, b"b")
        pipeline.read(block.handle, 1)
        refusal = HEADER + 2 + len("no block has handle ") + len(str(2**63))
        proxy.now(Fault(replies=HEADER + refusal, end=end))
        outcomes = pipeline.execute()
        assert [type(outcome) for outcome in outcomes] == [
            int,
            NotFound,
            OutcomeUnknown,
            ConnectionLost,
        ]
        assert len(pipeline) == 0
        assert "WRITE handle" in str(outcomes[2])
        assert "READ handle" in str(outcomes[3])
        assert block.read(1) in (b"a", b"b")


# A server that refuses.


def test_a_refusal_in_version_1_is_the_end_of_the_connection(each: Either) -> None:
    old = encode(Message(Command.ERROR, version=1, code=ErrorCode.UNSUPPORTED))
    with serving(raw(old)) as server:
        with each.connect(str(server.address), retry=None) as client:
            with pytest.raises(EtherError, match="FREE handle 7: UNSUPPORTED"):
                client.free(7)
            assert client.closed


def test_a_server_that_closes_while_it_is_written_to_is_heard(
    each: Either, start_etherd: StartEtherd
) -> None:
    """A full server answers the first request with BUSY, takes no more and closes."""
    full = start_etherd("--max-clients", "1")
    with each.connect(full.address), each.connect(full.address, retry=None) as refused_one:
        with pytest.raises(ServerBusy):
            refused_one.write(1, bytes(MAX_PAYLOAD_BYTES))
    with each.connect(full.address), pytest.raises(ServerBusy, match="HELLO"):
        each.connect(full.address)

"""What every client does when the network fails, with a real daemon behind one that does."""

from __future__ import annotations

import asyncio
import random
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from ether_protocol import (
    MAX_PAYLOAD_BYTES,
    AsyncBlock,
    AsyncClient,
    Block,
    Client,
    Command,
    ConnectionLost,
    ErrorCode,
    EtherError,
    LocalProtocolError,
    Message,
    NotFound,
    OutcomeUnknown,
    Pool,
    RemoteProtocolError,
    Retry,
    ServerBusy,
    ServerRestarted,
    TimedOut,
    Traced,
    connect,
    connect_async,
)
from ether_protocol.wire.codec import encode
from harness import DEADLINE_SECONDS, Etherd, StartEtherd, command, until
from protocol.client.chaos import REFUSED, End, Fault, Proxy
from protocol.client.either import Either, either
from protocol.scripted import hang_up, last, raw, refused, serving, silence

MIB = 1024 * 1024
HEADER = 40
QUICKLY = Retry(attempts=5, first_delay=0.001, longest_delay=0.01)
AT_ONCE = Retry(attempts=1)
ENDS = [End.CLOSED, End.RESET]


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
    through: Client, proxy: Proxy, act: Callable[[Client, int], Any], end: End
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
    through: Client, proxy: Proxy, act: Callable[[Client, int], Any], end: End
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
    end: End,
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
    end: End,
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
            proxy.now(Fault(replies=2 * MAX_PAYLOAD_BYTES + 1000, end=End.CLOSED))
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
        proxy.now(Fault(replies=2 * HEADER, end=End.CLOSED))
        with pytest.raises(OutcomeUnknown, match=rf"WRITE handle \d+ \[{part}:{2 * part}\]"):
            block.write(b"a" * 2 * part, progress=lambda done, _: told.append(done))
        assert told == [part]
        assert block[:2] == b"aa"


@ends
def test_a_long_write_that_did_not_leave_whole_is_made_again(
    through: Client, proxy: Proxy, end: End
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
            proxy.now(Fault(replies=0, end=End.STALLED))
            with pytest.raises(TimeoutError, match="no answer in time") as caught:
                act()
            assert isinstance(caught.value, TimedOut)
            assert proxy.connections == connections
            assert client.ping(b"goes on") == b"goes on"
        proxy.now(Fault(replies=0, end=End.STALLED))
        with pytest.raises(OutcomeUnknown, match=r"WRITE .* no answer in time"):
            block.write(b"hello")


def test_a_pipeline_that_is_not_answered_in_time(each: Either, proxy: Proxy) -> None:
    with each.connect(proxy.address, timeout=0.1, retry=QUICKLY) as client:
        block = client.alloc(64)
        proxy.now(Fault(replies=HEADER, end=End.STALLED))
        pipeline = client.pipeline()
        for data in (b"a", b"b"):
            pipeline.write(block.handle, data)
        pipeline.read(block.handle, 1)
        outcomes = pipeline.execute()
        assert [type(outcome) for outcome in outcomes] == [int, OutcomeUnknown, TimedOut]


def test_a_long_write_that_nobody_takes_is_a_timeout(each: Either, proxy: Proxy) -> None:
    with each.connect(proxy.address, timeout=0.2, retry=QUICKLY) as client:
        with client.alloc(MAX_PAYLOAD_BYTES) as block:
            proxy.now(Fault(requests=1000, end=End.STALLED))
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
    through: Client, proxy: Proxy, end: End
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


# Another server, and one that is none.


def test_a_restarted_server_is_told_from_a_lost_connection(
    each: Either, start_etherd: StartEtherd
) -> None:
    first = start_etherd()
    with each.connect(first.address, retry=QUICKLY) as client:
        block = client.alloc(64)
        first.stop()
        second = start_etherd("--port", str(first.port))
        assert second.port == first.port
        with pytest.raises(ServerRestarted, match="was restarted"):
            block.read()
        assert client.closed
        for act in (client.ping, lambda: block.read(1), lambda: block.write(b"x")):
            with pytest.raises(ConnectionLost, match="the client was closed"):
                act()
    with each.connect(second.address) as client:
        assert client.list() == (0, [])


def test_no_client_of_a_pool_takes_another_servers_blocks_for_its_own(
    start_etherd: StartEtherd,
) -> None:
    first = start_etherd()
    with Pool(first.address, 2) as pool:
        with pool.client() as client:
            handle = client.alloc(64).handle
            first.stop()
            second = start_etherd("--port", str(first.port))
            with connect(second.address) as somebody:
                assert somebody.alloc(64).handle == handle
            with pytest.raises(ServerRestarted), pool.client() as new:
                new.read(handle)
        for _ in range(2):  # the client of before, and a new one in its place
            with pytest.raises(ServerRestarted, match="was restarted"), pool.client() as client:
                client.read(handle)


def test_a_server_that_stopped_is_waited_for(each: Either, start_etherd: StartEtherd) -> None:
    first = start_etherd()
    with each.connect(first.address, retry=QUICKLY) as client:
        first.stop()
        with pytest.raises(ConnectionLost, match="can't connect"):
            client.ping()
        assert not client.closed


def test_closing_ends_the_attempts_to_connect_again(start_etherd: StartEtherd) -> None:
    daemon = start_etherd()
    client = connect(daemon.address, retry=Retry(2000, 0.001, 0.001))
    daemon.stop()
    with ThreadPoolExecutor() as threads:
        asked = threads.submit(client.ping)
        until(lambda: not client.connected, "the end of the connection")
        client.close()
        with pytest.raises(ConnectionLost, match="the client was closed"):
            asked.result()


GREETINGS: dict[str, tuple[Any, type[EtherError], str]] = {
    "silent": (silence, ConnectionLost, "does not answer: is it an etherd"),
    "closes": (hang_up, ConnectionLost, "does not answer: is it an etherd"),
    "HTTP": (
        last(raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
        RemoteProtocolError,
        "does not answer as an etherd does",
    ),
    "zeros": (last(raw(bytes(100))), RemoteProtocolError, "does not answer as an etherd does"),
    "a byte": (last(raw(b"\xe7")), ConnectionLost, "is it an etherd"),
    "version 3": (
        last(raw(b"\xe7\xe7\xe7\xe7\x03" + bytes(100))),
        RemoteProtocolError,
        "does not answer as an etherd does",
    ),
    "garbage in the body": (
        last(lambda request: encode(request.reply(payload=b"\xff\xff"))),
        RemoteProtocolError,
        "does not answer as an etherd does",
    ),
    "busy": (last(refused(ErrorCode.BUSY, "full")), ServerBusy, "HELLO: full"),
    "version 1": (
        raw(encode(Message(Command.ERROR, version=1, code=ErrorCode.UNSUPPORTED))),
        RemoteProtocolError,
        "speaks version 1 of the protocol only",
    ),
    "version 1 of old": (
        last(raw(encode(Message(Command.ERROR, version=1)))),
        RemoteProtocolError,
        "speaks version 1 of the protocol only",
    ),
}


@pytest.mark.parametrize(("step", "kind", "says"), GREETINGS.values(), ids=GREETINGS)
def test_a_first_answer_that_is_no_welcome(
    each: Either, step: Any, kind: type[EtherError], says: str
) -> None:
    with serving(step) as server:
        with pytest.raises(kind, match=says):
            each.connect(str(server.address), timeout=0.2)
        each.settle()


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


# Threads.


def test_a_client_used_by_two_threads_is_unharmed(proxy: Proxy) -> None:
    with connect(proxy.address) as client, client.alloc(64) as block:
        proxy.now(Fault(delay=0.3))
        said: list[bytes] = []
        thread = threading.Thread(target=lambda: said.append(client.ping(b"first")))
        thread.start()
        refusals = []

        def refused_once() -> bool:
            try:
                block.read(5)
            except LocalProtocolError as error:
                refusals.append(error)
            return bool(refusals)

        until(refused_once, "the other thread's request under way")
        acts: list[Callable[[], Any]] = [
            lambda: client.ping(b"second"),
            lambda: block.write(b"second"),
            lambda: _executed(client),
        ]
        for act in acts:
            with pytest.raises(LocalProtocolError, match="in use by another thread"):
                act()
        thread.join(DEADLINE_SECONDS)
        assert said == [b"first"]
        assert block.read(6) == bytes(6)


def _executed(client: Client) -> object:
    pipeline = client.pipeline()
    pipeline.ping()
    return pipeline.execute()


def test_a_pool_gives_each_thread_its_own(shared_etherd: Etherd) -> None:
    wrong: list[object] = []

    def work(pool: Pool, seed: int) -> None:
        for number in range(50):
            with pool.client() as client:
                text = b"%d of %d" % (number, seed)
                with client.alloc(len(text)) as block:
                    block.write(text)
                    if (client.ping(text), block.read()) != (text, text):
                        wrong.append(text)

    with Pool(shared_etherd.address, 4) as pool:
        threads = [threading.Thread(target=work, args=(pool, seed)) for seed in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_SECONDS)
    assert wrong == []


def test_a_pool_does_not_hand_out_what_is_broken(proxy: Proxy) -> None:
    with Pool(proxy.address, 1, retry=None) as pool:
        with pool.client() as first:
            first.ping()
        with pool.client() as again:
            assert again is first
            proxy.now(Fault(replies=0, end=End.RESET))
            with suppress(ConnectionLost):
                again.ping()
        assert first.closed
        with pool.client() as second:
            assert second is not first
            assert second.ping(b"whole") == b"whole"


def test_a_pool_has_one_wait_and_ends(shared_etherd: Etherd) -> None:
    pool = Pool(shared_etherd.address, 1)
    with pool.client() as client:
        with pytest.raises(TimedOut, match="all 1 clients"), pool.client(timeout=0.01):
            pass
        pool.close()
        assert client.ping(b"still") == b"still"
    assert client.closed
    with pytest.raises(LocalProtocolError, match="is closed"), pool.client():
        pass
    with pytest.raises(ValueError, match="serves nobody"):
        Pool(shared_etherd.address, 0)


# Interrupts of a blocking client.

INTERRUPTED = """
import signal, sys
from ether_protocol import connect

signal.signal(signal.SIGALRM, signal.default_int_handler)
client = connect(sys.argv[1])
block = client.alloc(1 << 20)
block.write(b"x" * (1 << 20))
wrong = 0

def ask(count):
    global wrong
    tag = b"%d" % count
    signal.setitimer(signal.ITIMER_REAL, 0.0005 + count % 7 * 0.0003)
    for _ in range(100):  # one that falls into a finalizer is lost
        if client.ping(tag) != tag or block.read(5) != b"xxxxx" or len(block.read()) != 1 << 20:
            wrong += 1
    signal.setitimer(signal.ITIMER_REAL, 0)

for count in range(200):
    try:
        ask(count)  # a call, since 3.13 lets an interrupt out of a loop within a try
    except KeyboardInterrupt:
        pass
print("wrong", wrong)
"""


def test_an_interrupt_at_any_moment_leaves_no_reply_behind(shared_etherd: Etherd) -> None:
    done = subprocess.run(
        [command("python"), "-c", INTERRUPTED, shared_etherd.address],
        capture_output=True,
        text=True,
        timeout=2 * DEADLINE_SECONDS,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("wrong 0\n", "")


# Cancelling under load.

LOOPS = ["asyncio", "uvloop"]


@pytest.fixture(params=LOOPS)
def loop(request: pytest.FixtureRequest) -> Iterator[asyncio.AbstractEventLoop]:
    one = either(request.param)
    assert one.loop is not None
    yield one.loop
    one.close()


@pytest.mark.parametrize("pieces", [(64 * 1024,), (1000, 7, 64, 4096)], ids=["whole", "cut"])
def test_a_cancelled_request_leaves_its_reply_to_nobody(
    loop: asyncio.AbstractEventLoop, proxy: Proxy, pieces: tuple[int, ...]
) -> None:
    dice = random.Random(3)
    size = 300_000
    pattern = random.Random(4).randbytes(size)

    async def one(client: AsyncClient, block: AsyncBlock, scratch: AsyncBlock) -> str:
        kind = dice.choice(["ping", "read", "long read", "readinto", "write", "pipeline"])
        at, many = dice.randrange(size - 100), dice.randrange(1, 100)
        tag = b"%d" % dice.getrandbits(60)
        if kind == "ping":
            assert await client.ping(tag) == tag
        elif kind == "read":
            assert await block.read(many, at) == pattern[at : at + many]
        elif kind == "long read":
            assert await block.read() == pattern
        elif kind == "readinto":
            target = bytearray(size)
            try:
                assert await block.readinto(target) == size
                assert target == pattern
            finally:
                target[:] = bytes(size)
                mine.append(target)
        elif kind == "write":
            data = bytearray(b"w" * size)
            try:
                assert await scratch.write(data) == size
            finally:
                data[:] = b"!" * size  # whoever was cancelled may use it for something else
        else:
            pipeline = client.pipeline()
            pipeline.ping(tag)
            pipeline.read(block.handle, many, at)
            assert await pipeline.execute() == [tag, pattern[at : at + many]]
        return kind

    mine: list[bytearray] = []

    async def scenario() -> tuple[int, int]:
        done = cancelled = 0
        async with connect_async(proxy.address) as client:
            block, scratch = await client.alloc(size), await client.alloc(size)
            await block.write(pattern)
            proxy.now(Fault(pieces=pieces))
            for _ in range(60):
                tasks = [asyncio.create_task(one(client, block, scratch)) for _ in range(24)]
                for task in dice.sample(tasks, 16):
                    loop.call_later(dice.choice([0, 0, 0.0005, 0.002, 0.01]), task.cancel)
                for task in tasks:
                    try:
                        await task
                        done += 1
                    except asyncio.CancelledError:
                        cancelled += 1
            assert await client.ping(b"in step") == b"in step"
            assert b"!" not in await scratch.read()
            assert client.connected
        return done, cancelled

    done, cancelled = loop.run_until_complete(scenario())
    assert done > 200
    assert cancelled > 200
    assert proxy.connections == 1
    assert all(not any(target) for target in mine), "a reply came into a buffer given back"


def test_many_tasks_share_one_attempt_to_connect_again(
    loop: asyncio.AbstractEventLoop, proxy: Proxy
) -> None:
    async def scenario() -> list[Any]:
        async with connect_async(proxy.address, retry=AT_ONCE) as client:
            await client.ping()
            proxy.next(REFUSED)
            proxy.cut()
            lost = await asyncio.gather(
                *(client.ping() for _ in range(100)), return_exceptions=True
            )
            assert {type(error) for error in lost} == {ConnectionLost}
            assert proxy.connections == 2
            return await asyncio.gather(*(client.ping(b"%d" % n) for n in range(100)))

    assert loop.run_until_complete(scenario()) == [b"%d" % number for number in range(100)]
    assert proxy.connections == 3


def test_a_loop_that_was_busy_does_not_write_into_a_dead_connection(
    loop: asyncio.AbstractEventLoop, proxy: Proxy
) -> None:
    async def scenario() -> None:
        async with connect_async(proxy.address, retry=QUICKLY) as client:
            block = await client.alloc(8)
            proxy.cut()  # blocks the loop, which so can't notice
            assert await block.fetch_add(0, 1) == 0

    loop.run_until_complete(scenario())


def test_a_trace_that_begins_among_requests_is_in_step(
    loop: asyncio.AbstractEventLoop, proxy: Proxy
) -> None:
    told: list[Traced] = []

    async def scenario() -> None:
        async with connect_async(proxy.address, retry=QUICKLY) as client:
            early = [asyncio.create_task(client.ping()) for _ in range(10)]
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            client.trace(told.append)
            await asyncio.gather(*early, client.stats())
            proxy.cut()
            await client.ping()

    loop.run_until_complete(scenario())
    words = [(entry.sent, entry.summary.split()[0]) for entry in told]
    assert words[:2] == [(True, "STATS"), (False, "OK")]
    assert words[-2:] == [(True, "PING"), (False, "PONG")]

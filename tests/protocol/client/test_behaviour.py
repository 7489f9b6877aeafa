"""What every client promises, written once and run with each of them against a real daemon.

Each client goes over TCP, over TLS and to a Unix socket, in the pairs that differ.
"""

from __future__ import annotations

import array
import ctypes
import importlib.util
import mmap
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ether_protocol import (
    MAX_PAYLOAD_BYTES,
    Address,
    AllocFlag,
    AsyncBlock,
    Block,
    Client,
    Command,
    InvalidRequest,
    LocalProtocolError,
    Message,
    NotFound,
    OutOfRange,
    Pending,
    Pipeline,
    ServerError,
    TooLarge,
    Traced,
    Unsupported,
    connect,
)
from harness import Etherd
from protocol.client.doors import Certificates, Doorway, tls_door, unix_door
from protocol.client.either import Either, either
from protocol.client.text import TEXT

PAIRS = [
    *(("blocking", "tcp"), ("asyncio", "tcp"), ("uvloop", "tcp")),
    *(("blocking", "tls"), ("asyncio", "tls"), ("uvloop", "tls")),
    *(("blocking", "unix"), ("uvloop", "unix")),
]
"""Clients, and what they go over.  For asyncio a Unix socket is one of TCP."""


@pytest.fixture(scope="module")
def doorways(
    shared_etherd: Etherd,
    certificates: Certificates,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, Doorway]]:
    """The ways to the daemon, by what they go over."""
    with (
        tls_door(shared_etherd.port, certificates) as tls,
        unix_door(shared_etherd.port, tmp_path_factory.mktemp("unix")) as unix,
    ):
        yield {"tcp": Doorway(Address("127.0.0.1", shared_etherd.port)), "tls": tls, "unix": unix}


@pytest.fixture(params=PAIRS, ids=lambda pair: " over ".join(pair))
def any_client(request: pytest.FixtureRequest, doorways: dict[str, Doorway]) -> Iterator[Client]:
    """A client of one kind after the other, over one kind of connection after the other."""
    kind, way = request.param
    doorway, made = doorways[way], either(kind)
    with made.connect(doorway.address, **doorway.options) as client:
        yield client
    made.close()


KIB = 1024
MIB = 1024 * KIB


# Every verb.


def test_ping_brings_back_what_was_sent(any_client: Client) -> None:
    assert any_client.ping() == b""
    assert any_client.ping(b"echo") == b"echo"
    assert any_client.ping(bytearray(4 * KIB)) == bytes(4 * KIB)
    with pytest.raises(TooLarge, match="PING"):
        any_client.ping(bytes(4 * KIB + 1))


def test_hello_says_what_the_server_is(any_client: Client) -> None:
    hello = any_client.hello("test")
    assert (hello.name, hello.max_payload_bytes) == ("etherd", MAX_PAYLOAD_BYTES)
    assert any_client.server is not None
    assert any_client.server.instance == hello.instance


def test_stats_are_numbers_by_name(any_client: Client) -> None:
    stats = any_client.stats()
    assert stats
    assert all(isinstance(value, int) for value in stats.values())


def test_a_new_block_is_zeroed_and_a_freed_one_is_gone(any_client: Client) -> None:
    block = any_client.alloc(64)
    assert block.read() == bytes(64)
    block.free()
    with pytest.raises(NotFound, match=f"READ handle {block.handle}"):
        any_client.read(block.handle, 5)


def test_info_and_a_session_block(any_client: Client) -> None:
    with any_client.alloc(64, session=True) as block:
        info = block.info()
        assert (info.size, info.flags) == (64, AllocFlag.SESSION)


def test_realloc_keeps_what_was_there(block: Block, any_client: Client) -> None:
    assert any_client.realloc(block.handle, 2048) == 2048
    assert block.read() == TEXT + bytes(1024)
    block.resize(10)
    assert block.read() == TEXT[:10]


def test_list_and_blocks(any_client: Client) -> None:
    with any_client.alloc(7) as one, any_client.alloc(8) as other:
        count, page = any_client.list(one.handle - 1, 2)
        assert count >= 2
        assert page == [(one.handle, 7), (other.handle, 8)]
        assert set(page) <= set(any_client.blocks())
        assert any_client.list(other.handle) == (count, [])


def test_write_and_read_any_range(block: Block) -> None:
    assert block.write(b"hello", 3) == 5
    assert block.read(8) == TEXT[:3] + b"hello"
    assert block.read(5, 3) == b"hello"
    assert block.read(offset=1020) == TEXT[1020:]
    assert block.read(100, 1020) == TEXT[1020:]
    assert block.read(0) == block.read(10, 1024) == block.read(None, 1024) == b""
    assert block.write(b"", 1024) == 0


def test_fill(block: Block, any_client: Client) -> None:
    assert block.fill(0xAA, 3, 2) == 2
    assert block.read(8) == TEXT[:3] + b"\xaa\xaa" + TEXT[5:8]
    assert any_client.fill(block.handle, 0, 1000) == 24
    assert block.read(offset=998) == TEXT[998:1000] + bytes(24)


def test_copy_between_blocks_and_within_one(block: Block, any_client: Client) -> None:
    with any_client.alloc(16) as other:
        assert other.copy_from(block, 4, 2, 5) == 5
        assert other.read(8) == bytes(2) + TEXT[4:9] + bytes(1)
        assert other.copy_from(block, 1020) == 4
        assert other.read(4) == TEXT[1020:]
    assert block.copy_from(block, 0, 3, 10) == 10
    assert block.read(13) == TEXT[:3] + TEXT[:10]


def test_compare_swap_and_fetch_add(any_client: Client) -> None:
    five = (5).to_bytes(8, "big")
    with any_client.alloc(8) as block:
        assert block.compare_swap(0, bytes(8), five) == bytes(8)
        assert block.compare_swap(0, bytes(8), bytes(8)) == five
        assert block.fetch_add(0, -6) == 5
        assert block.fetch_add(0, 1) == 2**64 - 1
        assert block.read() == bytes(8)


def test_call_takes_any_request(block: Block, any_client: Client) -> None:
    reply = any_client.call(Message(Command.READ, block.handle, 5, 3))
    assert (reply.command, reply.size, reply.payload) == (Command.OK, 5, TEXT[3:8])
    reply = any_client.call(Message(Command.READ, block.handle, 5, version=1))
    assert (reply.version, reply.payload) == (1, TEXT[:5])
    with pytest.raises(Unsupported):
        any_client.call(Message(0x30))


# A block as a Python object.


def test_a_block_has_a_length_and_is_true(block: Block) -> None:
    assert len(block) == 1024
    assert block


def test_the_whole_of_a_block_is_read_at_once(shared_etherd: Etherd) -> None:
    shown: list[Traced] = []
    with connect(shared_etherd.address, trace=shown.append) as client, client.alloc(1024) as block:
        block.write(TEXT)
        shown.clear()
        assert bytes(block) == TEXT
        assert list(block) == list(TEXT)
        assert 5 in block
        assert b"\x05\x06" in block
        assert b"\x06\x05" not in block
        assert sum(entry.summary.startswith("READ") for entry in shown) == 5


def test_an_asyncio_block_is_not_gone_through_without_an_end() -> None:
    block: Any = AsyncBlock(None, 1)  # type: ignore[arg-type]  # no client is asked
    with pytest.raises(TypeError, match="not iterable"):
        list(block)
    with pytest.raises(TypeError, match="not a container"):
        assert 5 in block


def test_a_block_is_freed_at_the_end_and_freeing_it_twice_is_said(any_client: Client) -> None:
    with any_client.alloc(64) as block:
        pass
    with pytest.raises(NotFound, match=rf"^FREE handle {block.handle}: "):
        block.free()
    with any_client.alloc(64) as block:
        block.free()  # and once more at the end, which is no fault


def test_a_block_is_freed_where_its_with_raises(any_client: Client) -> None:
    with pytest.raises(ZeroDivisionError), any_client.alloc(64) as block:
        1 / 0  # noqa: B018  # raises
    with pytest.raises(NotFound):
        block.read()


def test_a_block_of_a_closed_client_is_left(each: Either, shared_etherd: Etherd) -> None:
    with each.connect(shared_etherd.address) as client, client.alloc(64) as block:
        client.close()
    assert "closed" in repr(client)
    with each.connect(shared_etherd.address) as client:
        client.free(block.handle)


def test_a_block_by_its_handle(block: Block, any_client: Client) -> None:
    assert any_client.block(block.handle).read(5) == TEXT[:5]
    assert repr(block) == (
        f"<{'Block' if isinstance(block, Block) else 'AsyncBlock'} {block.handle}"
        f" at {any_client.address}>"
    )


# Anything with the buffer protocol is written, and read into.


def _mmap(data: bytes) -> mmap.mmap:
    mapping = mmap.mmap(-1, len(data))
    mapping[:] = data
    return mapping


def _numpy(data: bytes) -> Any:
    return pytest.importorskip("numpy").frombuffer(bytearray(data), dtype=">u4")


BUFFERS: dict[str, Callable[[bytes], Any]] = {
    "bytearray": bytearray,
    "memoryview": lambda data: memoryview(bytearray(data)),
    "words": lambda data: memoryview(bytearray(data)).cast("I"),
    "array": lambda data: array.array("H", data),
    "mmap": _mmap,
    "ctypes": lambda data: (ctypes.c_uint32 * (len(data) // 4)).from_buffer_copy(data),
    "numpy": _numpy,
}
SIZES = [64, 20 * KIB, 300 * KIB]
"""Behind its header, by itself, and in several chunks."""

buffers = pytest.mark.parametrize(
    "make",
    [
        pytest.param(
            make,
            id=name,
            marks=pytest.mark.skipif(
                name == "numpy" and importlib.util.find_spec("numpy") is None,
                reason="numpy is not installed",
            ),
        )
        for name, make in BUFFERS.items()
    ],
)


@buffers
@pytest.mark.parametrize("size", SIZES)
def test_any_buffer_is_written_and_read_into(
    any_client: Client, make: Callable[[bytes], Any], size: int
) -> None:
    data = (TEXT * (size // len(TEXT) + 1))[:size]
    target = make(bytes(size))
    with any_client.alloc(size + 3) as block:
        assert block.write(make(data), 3) == size
        assert block.read(size, 3) == data
        assert block.readinto(target, 3) == size
    assert bytes(target) == data


@pytest.mark.parametrize("size", SIZES)
def test_bytes_and_bytes_in_pieces_are_written(any_client: Client, size: int) -> None:
    data = (TEXT * (size // len(TEXT) + 1))[:size]
    with any_client.alloc(size) as block:
        for source in (data, memoryview(bytes(2 * size))[::2], memoryview(data)[::-1]):
            assert block.write(source) == size
            assert block.read() == bytes(source)


def test_readinto_fills_what_there_is(block: Block) -> None:
    target = bytearray(b"." * 8)
    assert block.readinto(target, 1020) == 4
    assert target == TEXT[1020:] + b"...."
    assert block.readinto(bytearray(), 5) == 0
    assert block.readinto(target, 1024) == 0


@pytest.mark.parametrize(
    "buffer",
    [b"constant", memoryview(bytearray(8))[::2], "text", 5],
    ids=["read-only", "in pieces", "text", "a number"],
)
def test_readinto_needs_a_buffer_it_can_fill(block: Block, buffer: Any) -> None:
    with pytest.raises(TypeError, match=r"read-only|in one piece|bytes-like"):
        block.readinto(buffer)
    assert block.read(1) == TEXT[:1]


@pytest.mark.parametrize("data", ["text", 5, None], ids=repr)
def test_write_needs_a_buffer(block: Block, data: Any) -> None:
    with pytest.raises(TypeError):
        block.write(data)


# Ranges longer than a message.

LONG = 2 * MAX_PAYLOAD_BYTES + 5


def test_a_long_range_goes_in_parts_and_progress_is_told(any_client: Client) -> None:
    heard: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        heard.append((done, total))

    told = [(MAX_PAYLOAD_BYTES, LONG), (2 * MAX_PAYLOAD_BYTES, LONG), (LONG, LONG)]
    data = TEXT * (LONG // KIB) + TEXT[:5]
    with any_client.alloc(LONG + 3) as block:
        for act in (
            lambda: block.write(data, 3, progress=progress),
            lambda: block.read(LONG, 3, progress=progress),
            lambda: block.readinto(bytearray(LONG), 3, progress=progress),
            lambda: any_client.fill(block.handle, 7, 3, LONG, progress=progress),
        ):
            result: Any = act()
            assert result in (LONG, data)
            assert heard == told
            heard.clear()
        assert block[:5] == b"\0\0\0\7\7"
        assert block[-5:] == b"\7" * 5


def test_reading_more_than_there_is(any_client: Client) -> None:
    with any_client.alloc(LONG) as block:
        block.write(b"end", LONG - 3)
        assert block.read(2**40) == bytes(LONG - 3) + b"end"
        assert block.read(2**40, LONG - 3) == b"end"
        target = bytearray(b".") * (LONG + MAX_PAYLOAD_BYTES)
        assert block.readinto(target) == LONG
        assert target[LONG - 3 : LONG + 3] == b"end..."
        assert block.readinto(target, LONG) == 0


def test_a_range_that_begins_past_the_end(block: Block, any_client: Client) -> None:
    for act in (
        lambda: block.read(5, 1025),
        lambda: block.read(LONG, 1025),
        lambda: block.read(None, 1025),
        lambda: block.readinto(bytearray(5), 1025),
        lambda: block.write(b"", 1025),
        lambda: block.write(b"hello", 1020),
        lambda: block.fill(0, 1020, 5),
        lambda: block.copy_from(block, 1020, 0, 5),
        lambda: block.fetch_add(1017, 1),
    ):
        with pytest.raises(OutOfRange):
            act()
    assert any_client.ping(b"in step") == b"in step"


@pytest.mark.parametrize("error", [ZeroDivisionError, StopIteration, OSError, NotFound])
def test_what_progress_raises_reaches_the_caller(
    any_client: Client, error: type[Exception]
) -> None:
    def progress(done: int, total: int) -> None:
        raise error("of the callback")

    target = bytearray(LONG)
    with any_client.alloc(LONG) as block:
        block.fill(1)
        for act in (
            lambda: block.write(bytes(LONG), progress=progress),
            lambda: block.read(5, progress=progress),
            lambda: block.readinto(target, progress=progress),
        ):
            with pytest.raises((error, RuntimeError), match="of the callback"):
                act()
            target[:] = bytes(LONG)
            assert any_client.ping(b"in step") == b"in step"
            assert target == bytes(LONG), "nobody waits for what comes into it any more"


# Errors.

REFUSED: list[tuple[Callable[[Client, int], Any], type[ServerError], str]] = [
    (lambda c, _: c.alloc(0), InvalidRequest, "ALLOC: "),
    (lambda c, _: c.free(2**63), NotFound, "FREE handle 9223372036854775808: "),
    (lambda c, h: c.write(h, b"hello", 1020), OutOfRange, "WRITE handle {} [1020:1025]: "),
    (
        lambda c, h: c.write(h, bytes(20_000), 1020),
        OutOfRange,
        "WRITE handle {} [1020:21020]: ",
    ),
    (lambda c, h: c.read(h, 5, 1025), OutOfRange, "READ handle {} [1025:1030]: "),
    (lambda c, h: c.readinto(h, bytearray(5), 1025), OutOfRange, "READ handle {} [1025:1030]: "),
    (lambda c, h: c.fill(h, 0, 1020, 5), OutOfRange, "FILL handle {} [1020:1025]: "),
    (lambda c, h: c.copy(h, 0, h, 1020, 5), OutOfRange, "COPY handle {} [1020:1025]: "),
    (lambda c, h: c.copy(h, 0, h, 0, 2**30), TooLarge, "COPY handle {} [0:1073741824]: "),
    (lambda c, h: c.fetch_add(h, 1020, 1), OutOfRange, "FETCH_ADD handle {}: "),
    (lambda c, h: c.realloc(h, 0), InvalidRequest, "REALLOC handle {}: "),
]


@pytest.mark.parametrize(("act", "kind", "says"), REFUSED, ids=[row[2] for row in REFUSED])
def test_a_refusal_names_the_command_the_handle_and_the_range(
    any_client: Client, block: Block, act: Callable[..., Any], kind: type[ServerError], says: str
) -> None:
    with pytest.raises(kind) as caught:
        act(any_client, block.handle)
    assert str(caught.value).startswith(says.format(block.handle))
    assert any_client.connected
    pipeline = any_client.pipeline()
    recorded = _recorded(act, pipeline, block.handle)
    pipeline.execute()
    if recorded is not None:
        assert type(recorded.error) is kind
        assert str(recorded.error) == str(caught.value)


def _recorded(act: Callable[..., Any], pipeline: Pipeline, handle: int) -> Pending[Any] | None:
    """What a pipeline makes of the same call."""
    recorded = act(pipeline, handle)
    return None if recorded is None else recorded


FORMLESS: list[Callable[[Any, int], Any]] = [
    lambda c, _: c.alloc(-1),
    lambda c, _: c.alloc(2**64),
    lambda c, _: c.free(-1),
    lambda c, h: c.read(h, -1),
    lambda c, h: c.read(h, 5, -1),
    lambda c, h: c.read(h, 5, 2**64),
    lambda c, _: c.read(-1, 5),
    lambda c, h: c.write(h, b"hello", -1),
    lambda c, h: c.write(h, bytes(20_000), -1),
    lambda c, h: c.readinto(h, bytearray(5), -1),
    lambda c, h: c.fill(h, 256, 0, 5),
    lambda c, h: c.fill(h, 0, 0, -1),
    lambda c, h: c.copy(-1, 0, h, 0, 5),
    lambda c, h: c.compare_swap(h, 0, b"short", bytes(8)),
    lambda c, h: c.fetch_add(h, 0, 2**63),
]


@pytest.mark.parametrize("number", range(len(FORMLESS)))
def test_an_argument_without_a_form_is_refused_before_anything_is_sent(
    any_client: Client, block: Block, number: int
) -> None:
    act = FORMLESS[number]
    with pytest.raises(LocalProtocolError):
        act(any_client, block.handle)
    assert any_client.connected
    assert block.read(5) == TEXT[:5]

    pipeline = any_client.pipeline()
    before = pipeline.ping(b"before")
    try:
        pending = act(pipeline, block.handle)
    except LocalProtocolError:
        pending = None  # found at once
    behind = pipeline.ping(b"behind")
    pipeline.execute()
    assert (before.result(), behind.result()) == (b"before", b"behind")
    if pending is not None:
        assert isinstance(pending.error, LocalProtocolError)

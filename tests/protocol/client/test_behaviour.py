"""What every client promises, written once and run with each of them against a real daemon."""

from __future__ import annotations

import array
import ctypes
import importlib.util
import inspect
import mmap
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ether_protocol import (
    MAX_PAYLOAD_BYTES,
    AllocFlag,
    AsyncBlock,
    AsyncClient,
    AsyncPipeline,
    Block,
    Client,
    Command,
    ConnectionLost,
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
    connect_async,
)
from harness import Etherd
from protocol.client.either import Either

KIB = 1024
MIB = 1024 * KIB
TEXT = bytes(range(256)) * 4
"""1 KiB in which a byte tells where it stands."""


@pytest.fixture
def block(any_client: Client) -> Iterator[Block]:
    """A block that holds TEXT."""
    with any_client.alloc(len(TEXT)) as block:
        block.write(TEXT)
        yield block


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

SLICES = [
    slice(None),
    slice(10),
    slice(10, 20),
    slice(20, 10),
    slice(10, 10),
    slice(1000, 5000),
    slice(1024, 1030),
    slice(5000, 6000),
    slice(-10, None),
    slice(-20, -10),
    slice(-5000, 3),
    slice(-1, -5),
    slice(None, None, 2),
    slice(3, 50, 7),
    slice(None, None, -1),
    slice(900, 3, -100),
    slice(-3, -50, -7),
    slice(3, 50, -1),
    slice(0, 2**70),
    slice(2**70, 2**70 + 5),
    slice(2**64 - 1, 2**64 + 5),
    slice(-(2**70), None, 100),
]


@pytest.mark.parametrize("key", SLICES, ids=str)
def test_a_slice_is_what_it_is_of_bytes(block: Block, key: slice) -> None:
    assert block[key] == TEXT[key]


@pytest.mark.parametrize("index", [0, 5, 1023, -1, -1024])
def test_an_index_gives_a_number(block: Block, index: int) -> None:
    assert block[index] == TEXT[index]


@pytest.mark.parametrize("index", [1024, 5000, -1025, 2**70, -(2**70), 2**64 - 1])
def test_an_index_outside_is_an_index_error(block: Block, index: int) -> None:
    with pytest.raises(IndexError, match=f"block {block.handle} has no byte {index}"):
        block[index]


@pytest.mark.parametrize("key", ["a", 1.5, None, slice("a", None), slice(0, 1.5)], ids=str)
def test_a_key_that_is_no_number_is_a_type_error(block: Block, key: Any) -> None:
    with pytest.raises(TypeError):
        block[key]


def test_a_step_of_0_is_a_value_error(block: Block) -> None:
    with pytest.raises(ValueError, match="step"):
        block[::0]


def test_a_number_like_thing_is_an_index(block: Block) -> None:
    class Third:
        def __index__(self) -> int:
            return 3

    assert block[Third()] == 3
    assert block[Third() : 10 : Third()] == TEXT[3:10:3]


def test_slices_and_indices_can_be_set(client: Client) -> None:
    """A blocking block alone has them: nobody can await an assignment."""
    mirror = bytearray(TEXT)
    with client.alloc(len(TEXT)) as block:
        block.write(TEXT)
        parts: list[tuple[slice, Any]] = [
            (slice(3, 8), b"hello"),
            (slice(-5, None), memoryview(b"world")),
            (slice(10, 10), b""),
            (slice(None), TEXT[::-1]),
        ]
        for key, value in parts:
            block[key] = value
            mirror[key] = value
        for index, number in [(0, 255), (-1, 0), (1023, True)]:
            block[index] = number
            mirror[index] = number
        assert block.read() == mirror

        for key, value in [(slice(3, 8), b"four"), (slice(0, 4, 2), b"ab"), (slice(0, 2000), TEXT)]:
            with pytest.raises(ValueError, match="slice"):
                block[key] = value
        for index in (1024, -1025, 2**70):
            with pytest.raises(IndexError):
                block[index] = 0
        for index, number in [(0, 256), (0, -1)]:
            with pytest.raises(ValueError, match="is not a byte"):
                block[index] = number
        for wrong, what in [(0, b"a"), (slice(0, 1), 5), ("a", 5), (0, 1.5)]:
            with pytest.raises(TypeError):
                block[wrong] = what  # type: ignore[index,assignment]  # that is what is tested
        assert block.read() == mirror


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


# Pipelines.


def test_a_pipeline_and_its_promises_say_how_far_they_are(any_client: Client, block: Block) -> None:
    pipeline = any_client.pipeline()
    read, lost = pipeline.read(block.handle, 5), pipeline.info(0)
    assert repr(pipeline).endswith("Pipeline of 2 requests>")
    assert repr(read) == f"<Pending READ #0 handle={block.handle} size=5, not executed yet>"
    pipeline.execute()
    assert repr(read).endswith(", answered>")
    assert repr(lost).endswith(", NotFound>")


def test_a_pipeline_answers_each_request_with_its_own(any_client: Client, block: Block) -> None:
    pipeline = any_client.pipeline()
    word = (1).to_bytes(8, "big")
    pendings: list[Pending[Any]] = [
        pipeline.ping(b"echo"),
        pipeline.write(block.handle, b"hello", 3),
        pipeline.read(block.handle, 5, 3),
        pipeline.read(2**63, 5),
        pipeline.fill(block.handle, 7, 0, 3),
        pipeline.read(block.handle, 4),
        pipeline.copy(block.handle, 3, block.handle, 100, 5),
        pipeline.write(block.handle, b"hello", 1020),
        pipeline.read(block.handle, 5, 100),
        pipeline.write(block.handle, bytes(8), 200),
        pipeline.compare_swap(block.handle, 200, bytes(8), word),
        pipeline.fetch_add(block.handle, 200, 4),
        pipeline.info(block.handle),
        pipeline.realloc(block.handle, 2000),
        pipeline.free(2**63),
        pipeline.list(2**63),
    ]
    assert len(pipeline) == len(pendings)
    assert not any(pending.answered for pending in pendings)
    with pytest.raises(LocalProtocolError, match="not been executed"):
        pendings[0].result()

    outcomes = pipeline.execute()

    assert len(pipeline) == 0
    assert [pending.outcome() for pending in pendings] == outcomes
    errors = {number: type(error) for number, error in enumerate(outcomes) if _is_error(error)}
    assert errors == {3: NotFound, 7: OutOfRange, 14: NotFound}
    assert outcomes[:3] == [b"echo", 5, b"hello"]
    assert outcomes[4:7] == [3, b"\7\7\7h", 5]
    assert outcomes[8:12] == [b"hello", 8, bytes(8), 1]
    assert getattr(outcomes[12], "size", None) == 1024
    assert outcomes[13] == 2000
    assert str(outcomes[3]).startswith(f"READ handle {2**63} [0:5]: ")
    assert str(outcomes[7]).startswith(f"WRITE handle {block.handle} [1020:1025]: ")
    with pytest.raises(NotFound):
        pendings[3].result()


def _is_error(outcome: object) -> bool:
    return isinstance(outcome, Exception)


def test_a_pipeline_allocates_frees_and_greets(any_client: Client) -> None:
    with any_client.pipeline() as pipeline:
        handle = pipeline.alloc(64, session=True)
        hello, stats = pipeline.hello("me"), pipeline.stats()
    assert hello.result().name == "etherd"
    assert stats.result()
    with any_client.pipeline() as pipeline:
        freed = pipeline.free(handle.result())
    assert freed.result() is None
    assert freed.answered
    assert freed.error is None


def test_a_pipeline_may_be_used_again_and_may_be_empty(any_client: Client) -> None:
    pipeline = any_client.pipeline()
    assert pipeline.execute() == []
    for _ in range(2):
        pipeline.ping(b"echo")
        assert pipeline.execute() == [b"echo"]
    try:
        with pipeline:
            pipeline.ping()
            raise ZeroDivisionError
    except ZeroDivisionError:
        assert len(pipeline) == 1, "nothing is sent where the block of code failed"


def test_a_pipelines_requests_are_of_one_message(any_client: Client, block: Block) -> None:
    pipeline = any_client.pipeline()
    for record in (
        lambda: pipeline.write(block.handle, bytes(MAX_PAYLOAD_BYTES + 1)),
        lambda: pipeline.read(block.handle, MAX_PAYLOAD_BYTES + 1),
        lambda: pipeline.readinto(block.handle, bytearray(MAX_PAYLOAD_BYTES + 1)),
        lambda: pipeline.fill(block.handle, 0, 0, MAX_PAYLOAD_BYTES + 1),
    ):
        with pytest.raises(LocalProtocolError, match="at most 16777216 bytes"):
            record()
    assert len(pipeline) == 0


def test_the_end_of_a_pipelines_with_raises_its_first_error(
    any_client: Client, block: Block
) -> None:
    pipeline = any_client.pipeline()
    written = pipeline.write(block.handle, b"hello")
    past_the_end = pipeline.read(block.handle, 5, 5000)
    unknown = pipeline.free(2**63)
    read = pipeline.read(block.handle, 5)

    with pytest.raises(OutOfRange, match=r"READ handle \d+ \[5000:5005\]"), pipeline:
        pass

    assert (written.result(), read.result()) == (5, b"hello")
    assert type(past_the_end.error) is OutOfRange
    assert type(unknown.error) is NotFound


def test_a_pipeline_of_a_hundred_thousand(any_client: Client) -> None:
    count = 100_000
    with any_client.alloc(count) as block:
        with any_client.pipeline() as pipeline:
            for number in range(count // 2):
                pipeline.write(block.handle, b"%c" % (number % 251), number)
                pipeline.read(block.handle, 1, number)
            outcomes = pipeline.execute()
        assert outcomes[0::2] == [1] * (count // 2)
        assert outcomes[1::2] == [b"%c" % (number % 251) for number in range(count // 2)]


def test_a_pipeline_of_long_replies_and_long_requests(any_client: Client) -> None:
    size = 4 * MIB
    data = TEXT * (size // KIB)
    target = bytearray(size)
    with any_client.alloc(size) as block:
        with any_client.pipeline() as pipeline:
            pipeline.write(block.handle, data)
            for _ in range(16):
                pipeline.read(block.handle, size)
                pipeline.write(block.handle, data)
            pipeline.readinto(block.handle, target)
            outcomes = pipeline.execute()
        assert outcomes[0::2] == [size] * 17
        assert all(outcome == data for outcome in outcomes[1:-1:2])
        assert outcomes[-1] == size
        assert target == data


# What a trace hook is told.


def test_a_trace_hook_is_told_of_every_message(each: Either, shared_etherd: Etherd) -> None:
    told: list[Traced] = []
    with each.connect(shared_etherd.address, trace=told.append) as client:
        assert [(entry.sent, entry.summary.split()[0]) for entry in told] == [
            (True, "HELLO"),
            (False, "OK"),
        ]
        told.clear()
        with client.alloc(64) as block:
            block.write(b"hello", 3)
            block.read(5, 3)
            pipeline = client.pipeline()
            pipeline.read(block.handle, 5, 3)
            pipeline.read(2**63, 5)
            pipeline.execute()
    assert [(entry.sent, entry.summary.split()[0]) for entry in told if entry.sent] == [
        (True, name) for name in ("ALLOC", "WRITE", "READ", "READ", "READ", "FREE")
    ]
    replies = [entry for entry in told if not entry.sent]
    assert [entry.summary.split()[0] for entry in replies] == ["OK"] * 4 + ["ERROR", "OK"]
    assert all(entry.elapsed is None for entry in told if entry.sent)
    assert all(entry.elapsed is not None and entry.elapsed >= 0 for entry in replies)
    names = {field.name: field for field in told[2].fields}
    assert names["handle"].value == block.handle
    assert str(told[0]).startswith("> ALLOC #2 size=64")
    assert str(told[1]).startswith("< OK #2 ")
    assert str(told[1]).endswith(" ms)")


def test_a_trace_begins_and_ends_at_any_time(any_client: Client) -> None:
    told: list[Traced] = []
    any_client.ping()
    any_client.trace(told.append)
    any_client.ping(b"one")
    any_client.trace(None)
    any_client.ping()
    assert [entry.summary.partition(" #")[0] for entry in told] == ["PING", "PONG"]


def test_a_trace_never_shows_a_token(each: Either, shared_etherd: Etherd) -> None:
    told: list[Traced] = []
    with each.connect(shared_etherd.address, trace=told.append) as client:
        with pytest.raises(ServerError) as caught:
            client.call(Message(Command.AUTH, payload=b"hunter2-secret"))
    assert any(entry.summary.startswith("AUTH") for entry in told)
    for shown in (repr(told), "".join(map(str, told)), repr(caught.value)):
        assert "hunter2" not in shown
        assert "secret" not in shown
        assert b"hunter2".hex() not in shown.lower().replace(" ", "")


@pytest.mark.parametrize("error", [ZeroDivisionError, StopIteration, OSError, NotFound])
@pytest.mark.parametrize("sent", [True, False], ids=["sent", "received"])
def test_what_a_trace_hook_raises_reaches_the_caller(
    each: Either, shared_etherd: Etherd, error: type[Exception], sent: bool
) -> None:
    armed = False

    def hook(entry: Traced) -> None:
        if armed and entry.sent is sent:
            raise error("of the hook")

    with each.connect(shared_etherd.address, trace=hook) as client:
        block = client.alloc(64)
        armed = True
        for act in (lambda: block.write(b"hello"), lambda: block.read(5), lambda: client.ping()):
            with pytest.raises((error, RuntimeError), match="of the hook"):
                act()
        pipeline = client.pipeline()
        pipeline.ping(b"one")
        pipeline.ping(b"two")
        with pytest.raises((error, RuntimeError), match="of the hook"):
            pipeline.execute()
        armed = False
        assert client.ping(b"in step") == b"in step"
        block.free()


# One face.

OF_ONE_KIND_ONLY = {
    (Client, AsyncClient): {"__enter__", "__exit__", "__aenter__", "__aexit__", "__init__"},
    (Block, AsyncBlock): {
        *("__enter__", "__exit__", "__aenter__", "__aexit__", "__init__"),
        *("__len__", "__setitem__", "__bool__", "size"),
        *("__bytes__", "__iter__", "__contains__"),
    },
    (Pipeline, AsyncPipeline): {"__enter__", "__exit__", "__aenter__", "__aexit__", "__init__"},
}


@pytest.mark.parametrize("twins", OF_ONE_KIND_ONLY, ids=lambda twins: twins[0].__name__)
def test_both_clients_have_one_face(twins: tuple[type, type]) -> None:
    faces = [_face(kind) for kind in twins]
    for name in OF_ONE_KIND_ONLY[twins]:
        for face in faces:
            face.pop(name, None)
    assert faces[0] == faces[1]


def _face(kind: type) -> dict[str, str]:
    """The public methods of `kind` with their parameters, results awaited."""
    face = {}
    for name, member in inspect.getmembers(kind):
        if (name.startswith("_") and name not in vars(kind)) or name.startswith("__slot"):
            continue
        if inspect.isfunction(member) and (not name.startswith("_") or name.startswith("__")):
            parameters = inspect.signature(member).parameters.values()
            face[name] = ", ".join(str(p).replace("Async", "") for p in parameters)
        elif isinstance(member, property):
            face[name] = "property"
    return face


def test_both_connect_alike() -> None:
    one, other = inspect.signature(connect), inspect.signature(connect_async)
    assert str(one).rpartition("->")[0] == str(other).rpartition("->")[0]


def test_a_refused_connection_is_told_in_the_same_words(each: Either) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        refused = f"127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(ConnectionLost, match=f"^can't connect to {refused}: Connection refused$"):
        each.connect(refused)


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
@pytest.mark.parametrize("name", ["timeout", "connect_timeout"])
def test_a_time_that_is_none_is_a_value_error(each: Either, name: str, seconds: float) -> None:
    with pytest.raises(ValueError, match=f"^{name} is a number of seconds above 0, not {seconds}$"):
        each.connect("localhost", **{name: seconds})

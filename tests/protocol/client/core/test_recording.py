"""Pipelines, with every client."""

from __future__ import annotations

from typing import Any

import pytest

from ether_protocol import (
    MAX_PAYLOAD_BYTES,
    Block,
    Client,
    ConnectionLost,
    LocalProtocolError,
    NotFound,
    OutOfRange,
    Pending,
    Traced,
)
from protocol.client.chaos import Fault, Proxy
from protocol.client.either import Either
from protocol.client.text import TEXT

KIB = 1024
MIB = 1024 * KIB


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


def test_what_is_recorded_during_an_execution_is_for_the_next_one(
    each: Either, proxy: Proxy
) -> None:
    told: list[Traced] = []
    with each.connect(proxy.address, trace=told.append) as client:
        told.clear()
        pipeline = client.pipeline()
        first = pipeline.ping(b"first")
        proxy.now(Fault(delay=0.1))
        executed = each.begin(pipeline, "execute")
        each.until(lambda: told, "the first request in flight")
        later = pipeline.ping(b"later")
        assert not first.answered
        assert executed() == [b"first"]
        assert not later.answered
        assert len(pipeline) == 1
        assert pipeline.execute() == [b"later"]


def test_what_was_not_begun_stays_recorded(any_client: Client) -> None:
    pipeline = any_client.pipeline()
    pendings = [pipeline.ping(b"one"), pipeline.ping(b"two")]
    any_client.close()
    for _ in range(2):
        with pytest.raises(ConnectionLost):
            pipeline.execute()
        assert len(pipeline) == 2
    assert not any(pending.answered for pending in pendings)

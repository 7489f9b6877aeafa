"""The vectors that other servers are tested with, answered both ways alike."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from itertools import accumulate

import pytest

from daemon.both_ways import everything_about
from daemon.connection import FakeClient, replies, serving
from ether_protocol import Command, ErrorCode, Message
from ether_protocol.wire.bodies import decode_error
from ether_protocol.wire.codec import encode
from protocol.vectors import Vector, data, each, number, vectors

MAX_MEMORY_BYTES = 1 << 28
BYTEWISE_BYTES = 2_000
NOT_ALIKE = ("STATS",)
"""What these answer differs from one moment to the next."""


@pytest.fixture(autouse=True)
def _one_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block is made at the same time."""
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)


def alike(files: Sequence[str]) -> list[bytes]:
    return [
        data(vector["hex"])
        for vector in vectors(*files)
        if vector["fields"]["command"] not in NOT_ALIKE
    ]


@each("requests-v1.json", "requests-v2.json")
def test_a_request_is_answered_alike_both_ways(vector: Vector) -> None:
    if vector["fields"]["command"] in NOT_ALIKE:
        return
    stream = data(vector["hex"]) * 2
    slow = everything_about(stream, [], fast=False)
    assert everything_about(stream, [], fast=True) == slow
    assert everything_about(stream, [1, 24, 39, 40, 41, 100], fast=True) == slow
    assert slow[0], "it was answered"


@pytest.mark.parametrize("shift", [0, 1, 23, 39])
def test_all_requests_in_one_stream_are_answered_alike_both_ways(shift: int) -> None:
    requests = alike(["requests-v2.json", "requests-v1.json", "requests-v2.json"])
    requests = [request for request in requests if len(request) < 100_000]
    cuts = [place + shift for place in accumulate(map(len, requests))]
    stream = b"".join(requests)
    slow = everything_about(stream, [], fast=False)
    assert everything_about(stream, [], fast=True) == slow
    assert everything_about(stream, cuts, fast=True) == slow


@each("bad-input.json")
def test_bad_input_is_refused_alike_both_ways(vector: Vector) -> None:
    stream = data(vector["before"]) + data(vector["send"]) + encode(Message(Command.PING))
    slow = everything_about(stream, [], fast=False)
    assert everything_about(stream, [], fast=True) == slow
    assert everything_about(stream, [1, 24, 39, 40, 41, 100], fast=True) == slow


# What is said


def check_error(reply: Message, expected: Vector) -> None:
    assert reply.command == Command.ERROR
    assert (decode_error(reply).code, reply.version, reply.handle, reply.request_id) == (
        ErrorCode[expected["code"]],
        expected["version"],
        number(expected["handle"]),
        expected["request_id"],
    )


WAYS = pytest.mark.parametrize("fast", [True, False], ids=["fast path", "slow path"])


def cuts(wire: bytes) -> Iterator[list[int]]:
    yield []
    if len(wire) <= BYTEWISE_BYTES:
        yield list(range(len(wire)))


@WAYS
@each("bad-input.json")
def test_bad_input_gets_its_error(vector: Vector, fast: bool) -> None:
    async def scenario(places: list[int]) -> None:
        async with serving(fast_path=fast, max_memory_bytes=MAX_MEMORY_BYTES) as parts:
            client = FakeClient(parts)
            await client.send(data(vector["before"]))
            assert len(replies(client.received())) == bool(vector["before"])
            await client.send(data(vector["send"]), places)
            (reply,) = replies(client.received())
            check_error(reply, vector["reply"])
            await client.send(encode(Message(Command.PING)))
            lives = bool(client.received())
            assert (lives, client.transport.eof) == (
                vector["then"] == "open",
                vector["then"] == "closed",
            )
            client.lose()

    for places in cuts(data(vector["send"])):
        asyncio.run(scenario(places))


@WAYS
@each("conversations.json", "filler.json")
def test_a_conversation(vector: Vector, fast: bool) -> None:
    async def scenario(bytewise: bool) -> None:
        async with serving(fast_path=fast, max_memory_bytes=MAX_MEMORY_BYTES) as parts:
            client = FakeClient(parts)
            heard = b""
            for step in vector["steps"]:
                if "send" in step:
                    assert heard == b""
                    wire = data(step["send"])
                    short = bytewise and len(wire) <= BYTEWISE_BYTES
                    await client.send(wire, range(len(wire)) if short else ())
                    heard = client.received()
                elif "receive" in step:
                    expected = data(step["receive"])
                    assert heard[: len(expected)] == expected
                    heard = heard[len(expected) :]
                elif "receive_error" in step:
                    first = replies(heard)[0]
                    check_error(first, step["receive_error"])
                    heard = heard[len(encode(first)) :]
                else:
                    assert step == {"closed": True}
                    assert client.transport.eof
            assert heard == b""
            client.lose()

    asyncio.run(scenario(bytewise=False))
    asyncio.run(scenario(bytewise=True))

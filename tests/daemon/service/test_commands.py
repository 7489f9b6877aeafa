from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import cast

import pytest

from ether_daemon.app.composition import EtherService
from ether_daemon.app.deferred_work import Chores
from ether_daemon.service.blocks import Handles
from ether_daemon.service.commands import HANDLERS, Caller, Streamed, perform
from ether_daemon.service.quota import Ledger, Limits
from ether_daemon.settings import Settings
from ether_daemon.stores.contract import Chore, Reading
from ether_daemon.stores.future import Later
from ether_daemon.stores.memory.store import MemoryStore
from ether_protocol import Command, ErrorCode, Message, NoMemory
from ether_protocol.wire import bodies
from ether_protocol.wire.bodies import decode_error
from ether_protocol.wire.constants import MAX_LIST_ENTRIES, MAX_PAYLOAD_BYTES, REPLIES, V1_COMMANDS

U64 = (1 << 64) - 1


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[EtherService]:
    # There is no event loop here: chores are done when the service is closed.
    monkeypatch.setattr(Chores, "add", lambda self, chore: self._queue.append(chore))
    service = EtherService(Settings(max_memory_bytes=1 << 24, max_handles=5000))
    yield service
    service.close()


@pytest.fixture
def caller(service: EtherService) -> Caller:
    return service.caller()


def forget(chore: Chore) -> None:
    """Leave undone what nobody looks at."""


def ask(caller: Caller, command: int, handle: int = 0, **fields: object) -> Message:
    """The reply to a request, which must come at once and carry the request's id."""
    request = Message(command, handle, request_id=77, **fields)  # type: ignore[arg-type]
    reply = perform(caller, request)
    assert isinstance(reply, Message)
    assert (reply.request_id, reply.version) == (77, 2)
    return reply


def refused(reply: Message) -> str:
    assert reply.command == Command.ERROR
    error = decode_error(reply)
    return f"{ErrorCode(error.code).name}: {error}"


def test_every_request_has_a_handler_and_no_reply_has() -> None:
    assert set(HANDLERS) == set(Command) - REPLIES
    assert set(HANDLERS) >= V1_COMMANDS


@pytest.mark.parametrize("payload", [b"", b"hello", bytes(4096)])
def test_ping(caller: Caller, payload: bytes) -> None:
    reply = ask(caller, Command.PING, 5, size=6, payload=memoryview(payload))
    assert reply == Message(Command.PONG, payload=payload, request_id=77)


def test_hello(caller: Caller, service: EtherService) -> None:
    reply = ask(caller, Command.HELLO, payload="Zoë".encode())
    assert reply.command == Command.OK
    assert bodies.decode_hello(reply.payload) == service.hello()
    assert caller.name == "Zoë"
    assert ask(caller, Command.HELLO).command == Command.OK
    assert caller.name == ""


def test_stats(caller: Caller) -> None:
    ask(caller, Command.ALLOC, size=10)
    stats = bodies.decode_stats(ask(caller, Command.STATS).payload)
    assert (stats["blocks"], stats["used_bytes"]) == (1, 10)


def test_the_life_of_a_block(caller: Caller) -> None:
    diary = [
        ask(caller, Command.ALLOC, size=16),
        ask(caller, Command.WRITE, 1, offset=4, payload=b"hello"),
        ask(caller, Command.READ, 1, offset=3, size=100),
        ask(caller, Command.FILL, 1, offset=0, size=2, payload=b"!"),
        ask(caller, Command.COPY, 1, offset=0, size=9, payload=bytes(7) + b"\1" + bytes(7) + b"\4"),
        ask(caller, Command.COMPARE_SWAP, 1, offset=0, payload=b"hello\0\0\0" + b"goodbye!"),
        ask(caller, Command.FETCH_ADD, 1, offset=8, payload=b"\xff" * 8),
        ask(caller, Command.READ, 1, size=100),
        ask(caller, Command.REALLOC, 1, size=4),
        ask(caller, Command.READ, 1, size=100),
        ask(caller, Command.LIST, size=10),
        ask(caller, Command.FREE, 1),
        ask(caller, Command.LIST, size=10),
    ]
    assert [f"{reply} {bytes(reply.payload)!r}" for reply in diary] == [
        "OK #77 handle=1 size=16 b''",
        "OK #77 handle=1 size=5 b''",
        r"OK #77 handle=1 size=13 [13 bytes] b'\x00hello\x00\x00\x00\x00\x00\x00\x00'",
        "OK #77 handle=1 size=2 b''",
        "OK #77 handle=1 size=9 b''",
        r"OK #77 handle=1 [8 bytes] b'hello\x00\x00\x00'",
        r"OK #77 handle=1 [8 bytes] b'\x00\x00\x00\x00\x00\x00\x00\x00'",
        "OK #77 handle=1 size=16 [16 bytes] " + repr(b"goodbye!" + b"\xff" * 8),
        "OK #77 handle=1 size=4 b''",
        "OK #77 handle=1 size=4 [4 bytes] b'good'",
        "OK #77 size=1 [16 bytes] " + repr(bytes(7) + b"\1" + bytes(7) + b"\4"),
        "OK #77 handle=1 b''",
        "OK #77 b''",
    ]


def test_info(caller: Caller) -> None:
    ask(caller, Command.ALLOC, size=16)
    ask(caller, Command.ALLOC, size=17, flags=1)
    assert caller.session_blocks == {2}
    infos = [bodies.decode_info(ask(caller, Command.INFO, h).payload) for h in (1, 2)]
    assert [(info.size, info.flags) for info in infos] == [(16, 0), (17, 1)]
    assert infos[0].created_ms <= infos[1].created_ms


def test_list_in_pages(caller: Caller) -> None:
    count = MAX_LIST_ENTRIES + 10
    for _ in range(count):
        ask(caller, Command.ALLOC, size=1)
    for wanted in (U64, MAX_LIST_ENTRIES + 1, MAX_LIST_ENTRIES):
        reply = ask(caller, Command.LIST, size=wanted)
        assert reply.size == count
        assert len(bodies.decode_list(reply.payload)) == MAX_LIST_ENTRIES
    rest = ask(caller, Command.LIST, MAX_LIST_ENTRIES, size=U64)
    assert bodies.decode_list(rest.payload) == [
        (handle, 1) for handle in range(MAX_LIST_ENTRIES + 1, count + 1)
    ]
    for last in (count, count + 1, U64):
        reply = ask(caller, Command.LIST, last, size=5)
        assert (reply.size, reply.payload) == (count, b"")
    assert ask(caller, Command.LIST, size=0).payload == b""


FROM_1 = bytes(7) + b"\1" + bytes(8)
"""The body of a COPY from the start of block 1."""

REFUSALS: list[tuple[int, dict[str, object], str]] = [
    (Command.AUTH, {"payload": b"token"}, "UNSUPPORTED: no authentication is configured here"),
    (0x30, {}, "UNSUPPORTED: command 0x30 is no request"),
    (Command.OK, {}, "UNSUPPORTED: command OK is no request"),
    (Command.HELLO, {"payload": b"\xff"}, "INVALID: "),
    (Command.ALLOC, {"size": 0}, "INVALID: a block has at least 1 byte"),
    (Command.ALLOC, {"size": 1 << 24}, "NO_MEMORY: 16777216 bytes do not fit: 100 of 16777216"),
    (Command.ALLOC, {"size": U64}, "NO_MEMORY: "),
    (Command.FREE, {"handle": 9}, "NOT_FOUND: no block has handle 9"),
    (Command.FREE, {"handle": 0}, "NOT_FOUND: no block has handle 0"),
    (Command.REALLOC, {"handle": 9, "size": 1}, "NOT_FOUND: "),
    (Command.REALLOC, {"handle": 1, "size": 0}, "INVALID: a block has at least 1 byte"),
    (Command.REALLOC, {"handle": 1, "size": U64}, "NO_MEMORY: "),
    (Command.INFO, {"handle": 9}, "NOT_FOUND: "),
    (Command.WRITE, {"handle": 9}, "NOT_FOUND: "),
    (
        Command.WRITE,
        {"handle": 1, "payload": bytes(101)},
        "OVERFLOW: 101 bytes at offset 0 are not inside 100 bytes",
    ),
    (Command.WRITE, {"handle": 1, "offset": U64, "payload": b"x"}, "OVERFLOW: "),
    (Command.READ, {"handle": 9, "size": 1}, "NOT_FOUND: "),
    (Command.READ, {"handle": 1, "offset": 101}, "OVERFLOW: offset 101 is past the end of 100"),
    (
        Command.READ,
        {"handle": 1, "size": MAX_PAYLOAD_BYTES + 1},
        "TOO_LARGE: 16777217 bytes are more than 16777216",
    ),
    (Command.READ, {"handle": 9, "size": U64}, "TOO_LARGE: "),
    (Command.FILL, {"handle": 1, "size": 101, "payload": b"x"}, "OVERFLOW: "),
    (Command.FILL, {"handle": 1, "size": 1}, "INVALID: the body has 0 bytes, not 1"),
    (Command.FILL, {"handle": 1, "size": MAX_PAYLOAD_BYTES + 1, "payload": b"x"}, "TOO_LARGE: "),
    (Command.FILL, {"handle": 9, "size": 1, "payload": b"x"}, "NOT_FOUND: "),
    (Command.COPY, {"handle": 1, "size": 1, "payload": bytes(16)}, "NOT_FOUND: no block has"),
    (Command.COPY, {"handle": 9, "size": 1, "payload": FROM_1}, "NOT_FOUND: no block has handle 9"),
    (Command.COPY, {"handle": 1, "size": 1, "payload": FROM_1[:15]}, "INVALID: the body has 15"),
    (Command.COPY, {"handle": 1, "size": 101, "payload": FROM_1}, "OVERFLOW: "),
    (Command.COPY, {"handle": 1, "size": MAX_PAYLOAD_BYTES + 1, "payload": FROM_1}, "TOO_LARGE: "),
    (Command.COMPARE_SWAP, {"handle": 1, "offset": 93, "payload": bytes(16)}, "OVERFLOW: "),
    (Command.COMPARE_SWAP, {"handle": 1, "payload": bytes(8)}, "INVALID: the body has 8 bytes"),
    (Command.COMPARE_SWAP, {"handle": 9, "payload": bytes(16)}, "NOT_FOUND: "),
    (Command.FETCH_ADD, {"handle": 1, "offset": U64, "payload": bytes(8)}, "OVERFLOW: "),
    (Command.FETCH_ADD, {"handle": 1, "payload": bytes(7)}, "INVALID: the body has 7 bytes, not 8"),
    (Command.FETCH_ADD, {"handle": 9, "payload": bytes(8)}, "NOT_FOUND: "),
]


@pytest.mark.parametrize(("command", "fields", "said"), REFUSALS)
def test_a_refusal_names_the_reason_and_changes_nothing(
    caller: Caller, service: EtherService, command: int, fields: dict[str, object], said: str
) -> None:
    ask(caller, Command.ALLOC, size=100)
    before = service.stats()
    values = dict(fields)
    handle = cast(int, values.pop("handle", 0))

    reply = ask(caller, command, handle, **values)
    assert refused(reply).startswith(said)
    assert reply.handle == handle
    assert service.stats() == before
    assert ask(caller, Command.READ, 1, size=100).payload == bytes(100)


def test_the_limit_of_handles(service: EtherService) -> None:
    caller = Caller(Handles(MemoryStore(1 << 20, forget), Ledger(Limits(1 << 20, 1))), service)
    ask(caller, Command.ALLOC, size=1)
    assert refused(ask(caller, Command.ALLOC, size=1)) == (
        "NO_MEMORY: there are 1 blocks, and no more may be"
    )


def test_version_1_is_answered_in_version_1(caller: Caller) -> None:
    def ask_v1(command: int, handle: int, size: int = 0, payload: bytes = b"") -> Message:
        reply = perform(caller, Message(command, handle, size, payload=payload, version=1))
        assert isinstance(reply, Message)
        assert reply.version == 1
        return reply

    assert str(ask_v1(Command.ALLOC, 0, 10)) == "OK v1 handle=1 size=10"
    assert str(ask_v1(Command.WRITE, 1, 3, b"abc")) == "OK v1 handle=1 size=3"
    assert ask_v1(Command.READ, 1, 99).payload == b"abc" + bytes(7)
    refused = ask_v1(Command.WRITE, 1, 11, bytes(11))
    assert (refused.command, refused.code, refused.payload) == (Command.ERROR, 4, b"")
    assert ask_v1(Command.FREE, 9).code == 7
    assert ask_v1(Command.ALLOC, 0, 0).code == 2


def test_a_long_read_is_streamed(caller: Caller) -> None:
    ask(caller, Command.ALLOC, size=1_000_000)
    reply = perform(caller, Message(Command.READ, 1, 500_000, 600_000, request_id=3))
    assert isinstance(reply, Streamed)
    assert str(reply.message) == "OK #3 handle=1 size=400000"
    assert len(reply.reading) == 400_000
    reply.reading.cancel()


def test_running_out_of_memory_is_a_refusal(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(caller.handles, "list", exhausted)
    assert refused(ask(caller, Command.LIST)) == "NO_MEMORY: the machine has no room for this"


# A store that answers later


class LateStore:
    """One block, and every answer is a Later that the test settles."""

    def __init__(self) -> None:
        self.answers: list[Later[object]] = []

    def __getattr__(self, name: str) -> object:
        def answer(*_: object) -> Later[object]:
            self.answers.append(Later())
            return self.answers[-1]

        return answer

    def size(self, ref: int) -> int:
        return 100


@pytest.fixture
def late() -> LateStore:
    return LateStore()


@pytest.fixture
def patient(service: EtherService, late: LateStore) -> Caller:
    handles = Handles(late, Ledger(Limits(1 << 20)))  # type: ignore[arg-type]
    handles.table.add(5, 0)
    return Caller(handles, service)


LATE: list[tuple[int, dict[str, object], object, str]] = [
    (Command.ALLOC, {"size": 9}, 6, "OK #0 handle=2 size=9"),
    (Command.FREE, {"handle": 1}, None, "OK #0 handle=1"),
    (Command.REALLOC, {"handle": 1, "size": 9}, 6, "OK #0 handle=1 size=9"),
    (Command.WRITE, {"handle": 1, "payload": b"abc"}, None, "OK #0 handle=1 size=3"),
    (Command.READ, {"handle": 1, "size": 9}, b"abc", "OK #0 handle=1 size=3 [3 bytes]"),
    (Command.FILL, {"handle": 1, "size": 9, "payload": b"x"}, None, "OK #0 handle=1 size=9"),
    (Command.COPY, {"handle": 1, "size": 9, "payload": bytes(7) + b"\1" + bytes(8)}, None,
     "OK #0 handle=1 size=9"),
    (Command.COMPARE_SWAP, {"handle": 1, "payload": bytes(16)}, b"12345678",
     "OK #0 handle=1 [8 bytes]"),
    (Command.FETCH_ADD, {"handle": 1, "payload": bytes(8)}, 7, "OK #0 handle=1 [8 bytes]"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "fields", "value", "line"), LATE)
def test_a_reply_comes_when_the_store_has_answered(
    patient: Caller,
    late: LateStore,
    command: int,
    fields: dict[str, object],
    value: object,
    line: str,
) -> None:
    reply = perform(patient, Message(command, **fields))  # type: ignore[arg-type]
    assert isinstance(reply, Later)
    assert not reply.settled
    late.answers[0].resolve(value)
    assert str(reply.result()) == line


@pytest.mark.parametrize(("command", "fields", "value", "line"), LATE)
def test_a_refusal_may_come_later_too(
    patient: Caller,
    late: LateStore,
    command: int,
    fields: dict[str, object],
    value: object,
    line: str,
) -> None:
    reply = perform(patient, Message(command, **fields))  # type: ignore[arg-type]
    assert isinstance(reply, Later)
    late.answers[0].fail(NoMemory("the disk is full"))
    message = reply.result()
    assert isinstance(message, Message)
    assert refused(message) == "NO_MEMORY: the disk is full"


def test_a_late_read_may_be_streamed(patient: Caller, late: LateStore) -> None:
    reading = MemoryStore(1 << 20, forget)
    long = reading.read(reading.allocate(1_000_000), 0, 1_000_000)
    reply = perform(patient, Message(Command.READ, 1, 1_000_000))
    assert isinstance(reply, Later)
    late.answers[0].resolve(cast(Reading, long))
    streamed = reply.result()
    assert isinstance(streamed, Streamed)
    assert streamed.message.size == 1_000_000


def test_an_accident_in_the_store_is_not_taken_for_a_refusal(
    patient: Caller, late: LateStore
) -> None:
    reply = perform(patient, Message(Command.FREE, 1))
    assert isinstance(reply, Later)
    late.answers[0].fail(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        reply.result()


def test_handlers_need_no_loop() -> None:
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()

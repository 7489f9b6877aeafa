from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from daemon.deferred_list import DeferredList, at_once
from daemon.late_store import LateStore
from ether_daemon.service.commands import HANDLERS, Caller, Streamed, perform
from ether_daemon.service.principal import ANONYMOUS, Principal
from ether_daemon.service.quota import NO_LIMITS, Limits, Quota
from ether_daemon.stores.future import Answer, Future
from ether_daemon.stores.memory.store import MemoryStore
from ether_protocol import Command, ErrorCode, Message
from ether_protocol.wire import bodies
from ether_protocol.wire.bodies import Hello, decode_error
from ether_protocol.wire.constants import MAX_LIST_ENTRIES, MAX_PAYLOAD_BYTES, REPLIES, V1_COMMANDS

U64 = (1 << 64) - 1
LIMIT = 1 << 24


class FixedFacts:
    """A server that is always the same, and tells a principal its own numbers."""

    def hello(self) -> Hello:
        return Hello(
            name="etherd",
            version="1.2.3",
            max_payload_bytes=MAX_PAYLOAD_BYTES,
            max_memory_bytes=LIMIT,
            max_handles=5000,
            features=("one", "two"),
            instance=99,
        )

    def stats(self, principal: Principal) -> dict[str, int]:
        quota = principal.quota
        return {"blocks": quota.blocks, "used_bytes": quota.used_bytes}


def connected(principal: Principal) -> Caller:
    """Another connection of `principal`."""
    return Caller(principal, FixedFacts())


@pytest.fixture
def principal() -> Principal:
    # Deferred work is left undone: nobody looks at what it wipes.
    store = MemoryStore(LIMIT, DeferredList().append)
    whole = Quota(Limits(LIMIT, max_handles=5000))
    return Principal(ANONYMOUS, store, Quota(NO_LIMITS, whole), at_once)


@pytest.fixture
def caller(principal: Principal) -> Caller:
    return connected(principal)


def ask(caller: Caller, command: int, handle: int = 0, **fields: object) -> Message:
    """The reply to a request, which must come at once and carry the request's id."""
    request = Message(command, handle, request_id=77, **fields)  # type: ignore[arg-type]
    reply = perform(caller, request)
    assert isinstance(reply, Message)
    assert (reply.request_id, reply.version) == (77, 2)
    return reply.with_payload(bytes(reply.payload))  # which may only be lent


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


def test_hello(caller: Caller) -> None:
    reply = ask(caller, Command.HELLO, payload="Zoë".encode())
    assert reply.command == Command.OK
    assert bodies.decode_hello(reply.payload) == FixedFacts().hello()
    assert ask(caller, Command.HELLO).command == Command.OK


def test_stats(caller: Caller) -> None:
    ask(caller, Command.ALLOC, size=10)
    stats = bodies.decode_stats(ask(caller, Command.STATS).payload)
    assert (stats["blocks"], stats["used_bytes"]) == (1, 10)


def test_stats_are_the_principals_own(caller: Caller, principal: Principal) -> None:
    store = MemoryStore(1 << 20, DeferredList().append)
    other = connected(Principal("other", store, Quota(NO_LIMITS, principal.quota.whole), at_once))
    ask(other, Command.ALLOC, size=7)
    stats = bodies.decode_stats(ask(caller, Command.STATS).payload)
    assert (stats["blocks"], stats["used_bytes"]) == (0, 0)


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
    assert caller.session_blocks.handles == {2}
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


def everything_counted(principal: Principal) -> list[list[int]]:
    assert principal.quota.whole is not None
    names = [name for name in Quota.__slots__ if name not in ("limits", "whole")]
    quotas = (principal.quota, principal.quota.whole)
    return [[getattr(quota, name) for name in names] for quota in quotas]


@pytest.mark.parametrize(("command", "fields", "said"), REFUSALS)
def test_a_refusal_names_the_reason_and_changes_nothing(
    caller: Caller, principal: Principal, command: int, fields: dict[str, object], said: str
) -> None:
    ask(caller, Command.ALLOC, size=100)
    before = everything_counted(principal)
    values = dict(fields)
    handle = cast(int, values.pop("handle", 0))

    reply = ask(caller, command, handle, **values)
    assert refused(reply).startswith(said)
    assert reply.handle == handle
    assert everything_counted(principal) == before
    assert ask(caller, Command.READ, 1, size=100).payload == bytes(100)


def test_the_limit_of_handles(caller: Caller, principal: Principal) -> None:
    assert principal.quota.whole is not None
    principal.quota.whole.limits = Limits(1 << 20, 1)
    ask(caller, Command.ALLOC, size=1)
    assert refused(ask(caller, Command.ALLOC, size=1)) == (
        "NO_MEMORY: there are 1 blocks, and no more may be"
    )


def test_a_principals_own_limit_is_its_quota(caller: Caller, principal: Principal) -> None:
    principal.quota.limits = Limits(1000, 1)
    assert refused(ask(caller, Command.ALLOC, size=1000)) == (
        "QUOTA: 1000 bytes do not fit: 0 of 1000 bytes are in use"
    )
    ask(caller, Command.ALLOC, size=1)
    assert refused(ask(caller, Command.REALLOC, 1, size=1000)).startswith("QUOTA: 1000 bytes do")
    assert refused(ask(caller, Command.ALLOC, size=1)).startswith("QUOTA: there are 1 blocks")


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
    assert len(reply.read) == 400_000
    reply.read.cancel()


def test_running_out_of_memory_is_a_refusal(
    caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(caller.principal.blocks, "list", exhausted)
    assert refused(ask(caller, Command.LIST)) == "NO_MEMORY: the machine has no room for this"


# A store that answers later


@pytest.fixture
def late() -> LateStore:
    return LateStore()


@pytest.fixture
def patient(late: LateStore) -> Caller:
    """A connection whose requests are answered when the test says so; block 1 has 100 bytes."""
    caller = connected(
        Principal(ANONYMOUS, late, Quota(NO_LIMITS, Quota(Limits(1 << 20))), at_once)
    )
    for request in (
        Message(Command.ALLOC, size=100),
        Message(Command.WRITE, 1, payload=b"abc123456"),
    ):
        perform(caller, request)
        late.go()
    return caller


def there(answer: Answer[Any]) -> Message:
    """The reply, which has come by now."""
    assert isinstance(answer, Future)
    message = answer.result()
    assert isinstance(message, Message)
    return message


LATE: list[tuple[int, dict[str, object], str, bytes]] = [
    (Command.ALLOC, {"size": 9}, "OK #0 handle=2 size=9", b""),
    (Command.FREE, {"handle": 1}, "OK #0 handle=1", b""),
    (Command.REALLOC, {"handle": 1, "size": 9}, "OK #0 handle=1 size=9", b""),
    (Command.WRITE, {"handle": 1, "payload": b"abc"}, "OK #0 handle=1 size=3", b""),
    (Command.READ, {"handle": 1, "size": 3}, "OK #0 handle=1 size=3 [3 bytes]", b"abc"),
    (Command.FILL, {"handle": 1, "size": 9, "payload": b"x"}, "OK #0 handle=1 size=9", b""),
    (Command.COPY, {"handle": 1, "size": 9, "payload": FROM_1}, "OK #0 handle=1 size=9", b""),
    (
        Command.COMPARE_SWAP,
        {"handle": 1, "payload": bytes(16)},
        "OK #0 handle=1 [8 bytes]",
        b"abc12345",
    ),
    (
        Command.FETCH_ADD,
        {"handle": 1, "payload": bytes(8)},
        "OK #0 handle=1 [8 bytes]",
        b"abc12345",
    ),
]


@pytest.mark.parametrize(("command", "fields", "line", "payload"), LATE)
def test_a_reply_comes_when_the_store_has_answered(
    patient: Caller,
    late: LateStore,
    command: int,
    fields: dict[str, object],
    line: str,
    payload: bytes,
) -> None:
    reply = perform(patient, Message(command, **fields))  # type: ignore[arg-type]  # any fields
    assert isinstance(reply, Future)
    assert not reply.done()
    late.go()
    assert (str(there(reply)), there(reply).payload) == (line, payload)


@pytest.mark.parametrize(("command", "fields", "line", "payload"), LATE)
def test_a_refusal_may_come_later_too(
    patient: Caller,
    late: LateStore,
    command: int,
    fields: dict[str, object],
    line: str,
    payload: bytes,
) -> None:
    reply = perform(patient, Message(command, **fields))  # type: ignore[arg-type]  # any fields
    late.go(fails=True)
    assert refused(there(reply)) == "NO_MEMORY: the store failed at request 2"
    again = perform(patient, Message(Command.READ, 1, 9))
    late.go()
    assert there(again).payload == b"abc123456"


def test_an_info_behind_a_realloc_waits_for_it(patient: Caller, late: LateStore) -> None:
    perform(patient, Message(Command.REALLOC, 1, 50))
    reply = perform(patient, Message(Command.INFO, 1, request_id=5))
    assert isinstance(reply, Future)
    late.go()
    assert bodies.decode_info(there(reply).payload).size == 50
    assert str(there(reply)) == "OK #5 handle=1 [18 bytes]"


def test_a_request_whose_turn_has_come_too_late_is_refused(
    patient: Caller, late: LateStore
) -> None:
    requests = (
        Message(Command.FREE, 1, request_id=1),
        Message(Command.WRITE, 1, payload=b"x", request_id=2),
        Message(Command.READ, 1, 5, request_id=3),
    )
    replies = [perform(patient, request) for request in requests]
    late.go()
    assert [str(there(reply)).split()[1] for reply in replies] == ["#1", "#2", "#3"]
    assert [refused(there(reply)) for reply in replies[1:]] == [
        "NOT_FOUND: no block has handle 1"
    ] * 2


def test_running_out_of_memory_later_is_a_refusal(
    patient: Caller, late: LateStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = perform(patient, Message(Command.READ, 1, 9))
    late.unanswered[0].future.set_exception(cast(Exception, MemoryError()))
    assert refused(there(reply)) == "NO_MEMORY: the machine has no room for this"


def test_a_late_read_may_be_streamed(patient: Caller, late: LateStore) -> None:
    for request in (
        Message(Command.REALLOC, 1, 900_000),
        Message(Command.FILL, 1, 900_000, payload=b"x"),
    ):
        perform(patient, request)
        late.go()
    reply = perform(patient, Message(Command.READ, 1, 1_000_000))
    assert isinstance(reply, Future)
    late.go()
    streamed = reply.result()
    assert isinstance(streamed, Streamed)
    assert streamed.message.size == len(streamed.read) == 900_000
    assert patient.principal.blocks.table.attended(1)
    assert streamed.read.take(900_000) == b"x" * 900_000
    assert not patient.principal.blocks.table.attended(1)


def test_an_accident_in_the_store_is_not_taken_for_a_refusal(
    patient: Caller, late: LateStore
) -> None:
    reply = perform(patient, Message(Command.FREE, 1))
    assert isinstance(reply, Future)
    late.unanswered[0].future.set_exception(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        reply.result()


def test_a_session_block_belongs_to_the_connection_that_asked(
    patient: Caller, late: LateStore
) -> None:
    other = connected(patient.principal)
    perform(patient, Message(Command.ALLOC, size=5, flags=1))
    perform(other, Message(Command.ALLOC, size=6, flags=1))
    perform(other, Message(Command.ALLOC, size=7))
    late.go_on()
    assert (patient.session_blocks.handles, other.session_blocks.handles) == ({2}, {3})


def test_handlers_need_no_loop() -> None:
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()

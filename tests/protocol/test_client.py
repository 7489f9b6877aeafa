from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest

from ether_protocol import (
    Address,
    BlockInfo,
    Client,
    ClientConnection,
    Command,
    ConnectionLost,
    ErrorCode,
    EtherError,
    Hello,
    LocalProtocolError,
    Message,
    NoMemory,
    NotFound,
    OutcomeUnknown,
    OutOfRange,
    RemoteProtocolError,
    ServerBusy,
    ServerError,
    TooLarge,
    Unsupported,
    connect,
)
from ether_protocol.codec import encode
from protocol.samples import HELLO_BODY, INFO_BODY, LIST_BODY, STATS_BODY
from protocol.scripted import (
    End,
    bytes_of,
    cut_off,
    hang_up,
    last,
    ok,
    pong,
    raw,
    refused,
    renumbered,
    serving,
    silence,
    wrote,
)

MIB = 1024 * 1024

# One method a command: what is sent, and what comes back.


@pytest.mark.parametrize(
    ("act", "request_", "step", "result"),
    [
        (lambda c: c.ping(), "PING #1", pong, b""),
        (lambda c: c.ping(b"echo"), "PING #1 [4 bytes]", pong, b"echo"),
        (
            lambda c: c.hello("me"),
            "HELLO #1 [2 bytes]",
            ok(payload=HELLO_BODY),
            Hello("ether", "0.1.0", 16 * MIB, 1024 * MIB, 1000, True, ("fill",)),
        ),
        (lambda c: c.stats(), "STATS #1", ok(payload=STATS_BODY), {"blocks": 3}),
        (lambda c: c.alloc(64).handle, "ALLOC #1 size=64", ok(7, 64), 7),
        (lambda c: c.alloc(64, session=True).handle, "ALLOC #1 size=64 flags=1", ok(7, 64), 7),
        (lambda c: c.free(7), "FREE #1 handle=7", ok(), None),
        (lambda c: c.realloc(7, 128), "REALLOC #1 handle=7 size=128", ok(size=128), 128),
        (
            lambda c: c.info(7),
            "INFO #1 handle=7",
            ok(payload=INFO_BODY),
            BlockInfo(4096, 1, 0x19ABBCCDDEE),
        ),
        (
            lambda c: c.list(7, 2),
            "LIST #1 handle=7 size=2",
            ok(0, 5, LIST_BODY),
            (5, [(8, 64), (9, 2**40)]),
        ),
        (lambda c: c.write(7, b"hello", 3), "WRITE #1 handle=7 offset=3 [5 bytes]", wrote, 5),
        (lambda c: c.write(7, b""), "WRITE #1 handle=7", wrote, 0),
        (
            lambda c: c.read(7, 5, 3),
            "READ #1 handle=7 size=5 offset=3",
            bytes_of(b"012345"),
            b"345",
        ),
        (lambda c: c.read(7, 0), "READ #1 handle=7", bytes_of(b""), b""),
        (
            lambda c: c.fill(7, 0xAA, 3, 256),
            "FILL #1 handle=7 size=256 offset=3 [1 bytes]",
            ok(size=256),
            256,
        ),
        (
            lambda c: c.copy(8, 9, 7, 3, 256),
            "COPY #1 handle=7 size=256 offset=3 [16 bytes]",
            ok(size=256),
            256,
        ),
        (
            lambda c: c.compare_swap(7, 8, b"expected", b"desired."),
            "COMPARE_SWAP #1 handle=7 offset=8 [16 bytes]",
            ok(payload=b"whatever"),
            b"whatever",
        ),
        (
            lambda c: c.fetch_add(7, 8, -1),
            "FETCH_ADD #1 handle=7 offset=8 [8 bytes]",
            ok(payload=b"\xff" * 8),
            2**64 - 1,
        ),
        (
            lambda c: c.call(Message(Command.READ, 7, 5, version=1)).payload,
            "READ v1 handle=7 size=5",
            bytes_of(b"hello"),
            b"hello",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_method_is_one_request_and_one_reply(
    act: Callable[[Client], Any], request_: str, step: Any, result: Any
) -> None:
    with serving(step) as server, connect(server.address) as client:
        assert act(client) == result
    assert server.seen == [request_]


def test_read_without_a_size_asks_how_much_there_is() -> None:
    with serving(ok(payload=INFO_BODY), bytes_of(bytes(4096))) as server:
        with connect(server.address) as client:
            assert len(client.read(7, offset=96)) == 4000
    assert server.seen == ["INFO #1 handle=7", "READ #2 handle=7 size=4000 offset=96"]


def test_blocks_are_listed_page_by_page() -> None:
    with serving(ok(0, 2, LIST_BODY), ok(0, 2)) as server, connect(server.address) as client:
        assert list(client.blocks()) == [(8, 64), (9, 2**40)]
    assert server.seen == ["LIST #1 size=4096", "LIST #2 handle=9 size=4096"]


def test_a_list_that_does_not_advance_is_not_asked_for_ever() -> None:
    with serving(ok(0, 2, LIST_BODY)) as server, connect(server.address) as client:
        with pytest.raises(RemoteProtocolError, match="LIST after 9 went back to 9"):
            list(client.blocks())
        assert client.closed


def test_a_block_is_freed_at_the_end() -> None:
    with serving(ok(7), wrote, bytes_of(b"hello"), ok()) as server:
        with connect(server.address) as client:
            with client.alloc(64) as block:
                assert repr(block) == f"<Block 7 at {server.address}>"
                assert block.write(b"hello", 3) == 5
                assert block.read(5) == b"hello"
    assert server.seen == [
        "ALLOC #1 size=64",
        "WRITE #2 handle=7 offset=3 [5 bytes]",
        "READ #3 handle=7 size=5",
        "FREE #4 handle=7",
    ]


def test_a_block_that_is_gone_already_is_no_fault() -> None:
    with serving(ok(7), ok(), refused(ErrorCode.NOT_FOUND)) as server:
        with connect(server.address) as client, client.alloc(64) as block:
            block.free()
    assert server.seen == ["ALLOC #1 size=64", "FREE #2 handle=7", "FREE #3 handle=7"]


def test_a_block_at_a_lost_connection_does_not_hide_why_it_was_lost() -> None:
    with serving(ok(7), hang_up) as server:
        with pytest.raises(OutcomeUnknown, match="WRITE handle 7"):
            with connect(server.address) as client, client.alloc(64) as block:
                block.write(b"hello")
    assert server.seen == ["ALLOC #1 size=64", "WRITE #2 handle=7 [5 bytes]"]


def test_a_block_knows_its_length() -> None:
    with serving(ok(payload=INFO_BODY), ok(size=10)) as server, connect(server.address) as client:
        block = client.block(7)
        assert len(block) == 4096
        block.resize(10)
    assert server.seen == ["INFO #1 handle=7", "REALLOC #2 handle=7 size=10"]


# What the server refuses, and that the connection goes on.


def test_a_refusal_names_the_command_the_handle_and_the_range() -> None:
    with serving(refused(ErrorCode.OVERFLOW, "the block has 4 bytes"), pong) as server:
        with connect(server.address) as client:
            with pytest.raises(OutOfRange) as caught:
                client.write(7, b"hello", 3)
            assert str(caught.value) == "WRITE handle 7 [3:8]: the block has 4 bytes"
            assert client.ping() == b""


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (ErrorCode.NO_MEMORY, NoMemory),
        (ErrorCode.NOT_FOUND, NotFound),
        (ErrorCode.UNSUPPORTED, Unsupported),
        (ErrorCode.BUSY, ServerBusy),
    ],
)
def test_a_code_becomes_its_exception(code: ErrorCode, kind: type[ServerError]) -> None:
    with serving(refused(code, "why")) as server, connect(server.address) as client:
        with pytest.raises(kind, match=r"^ALLOC: why$"):
            client.alloc(64)
        assert not client.closed


# The connection ends, or stays silent.

SAFE: list[tuple[Callable[[Client], Any], str]] = [
    (lambda c: c.ping(), "PING"),
    (lambda c: c.hello(), "HELLO"),
    (lambda c: c.stats(), "STATS"),
    (lambda c: c.info(7), "INFO"),
    (lambda c: c.list(), "LIST"),
    (lambda c: c.read(7, 5), "READ"),
]
CHANGING: list[tuple[Callable[[Client], Any], str]] = [
    (lambda c: c.alloc(64), "ALLOC"),
    (lambda c: c.free(7), "FREE handle 7"),
    (lambda c: c.realloc(7, 64), "REALLOC handle 7"),
    (lambda c: c.write(7, b"hello", 3), r"WRITE handle 7 \[3:8\]"),
    (lambda c: c.fill(7, 0, 3, 5), r"FILL handle 7 \[3:8\]"),
    (lambda c: c.copy(8, 9, 7, 3, 5), r"COPY handle 7 \[3:8\]"),
    (lambda c: c.compare_swap(7, 0, bytes(8), bytes(8)), "COMPARE_SWAP handle 7"),
    (lambda c: c.fetch_add(7, 0, 1), "FETCH_ADD handle 7"),
]
safe = pytest.mark.parametrize("act", [act for act, _ in SAFE], ids=[name for _, name in SAFE])
changing = pytest.mark.parametrize(("act", "name"), CHANGING, ids=[name for _, name in CHANGING])


@safe
def test_what_changes_nothing_is_only_lost(act: Callable[[Client], Any]) -> None:
    with serving(hang_up) as server, connect(server.address) as client:
        with pytest.raises(ConnectionLost, match="the server closed the connection"):
            act(client)
        assert client.closed


@changing
def test_what_changes_something_has_an_unknown_outcome(
    act: Callable[[Client], Any], name: str
) -> None:
    with serving(hang_up) as server, connect(server.address) as client:
        with pytest.raises(OutcomeUnknown, match=f"^{name}: outcome unknown, .* closed"):
            act(client)
        assert client.closed


@pytest.mark.parametrize("count", [0, 1, 23, 39, 40, 44])
def test_a_reply_cut_off_anywhere_is_a_lost_connection(count: int) -> None:
    with serving(cut_off(bytes_of(b"hello"), count)) as server, connect(server.address) as client:
        with pytest.raises(ConnectionLost, match="the server closed the connection"):
            client.read(7, 5)
        assert client.closed


def test_a_reply_to_a_change_cut_off_anywhere_is_an_unknown_outcome() -> None:
    with serving(cut_off(ok(7), 39)) as server, connect(server.address) as client:
        with pytest.raises(OutcomeUnknown, match="ALLOC"):
            client.alloc(64)


def test_silence_ends_a_request_that_changes_nothing() -> None:
    with serving(silence) as server, connect(server.address, timeout=0.05) as client:
        with pytest.raises(ConnectionLost, match="no answer in time"):
            client.ping()
        assert client.closed


def test_silence_leaves_the_outcome_of_a_change_unknown() -> None:
    with serving(silence) as server, connect(server.address, timeout=0.05) as client:
        with pytest.raises(OutcomeUnknown, match=r"FREE handle 7: .* no answer in time"):
            client.free(7)


def test_a_closed_client_says_so() -> None:
    with serving(pong) as server:
        client = connect(server.address)
        client.close()
        client.close()
        with pytest.raises(ConnectionLost, match=f"not connected to {server.address}"):
            client.alloc(64)
    assert server.seen == []


def test_a_server_gone_before_the_request_leaves_nothing_unknown() -> None:
    with serving(last(pong)) as server, connect(server.address) as client:
        client.ping()
        server.gone.wait()
        with pytest.raises(ConnectionLost, match="not connected"):
            client.alloc(64)
        assert client.closed
    assert server.seen == ["PING #1"]


def test_a_reset_is_a_lost_connection() -> None:
    with serving(lambda request: End(reset=True)) as server, connect(server.address) as client:
        with pytest.raises(ConnectionLost, match="reset"):
            client.ping()
        assert client.closed


def test_what_the_server_says_before_it_closes_is_heard() -> None:
    with serving(last(refused(ErrorCode.BUSY, "64 clients are enough"))) as server:
        with connect(server.address) as client:
            with pytest.raises(ServerBusy, match="64 clients are enough"):
                client.alloc(64)
            server.gone.wait()
            with pytest.raises(ConnectionLost):
                client.alloc(64)


def test_nobody_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ConnectionLost, match=f"can't connect to 127.0.0.1:{port}: .*refused"):
        connect(f"127.0.0.1:{port}")


def test_no_address() -> None:
    with pytest.raises(ValueError, match="the scheme is ether://"):
        connect("http://127.0.0.1")


# The server makes no sense.


@pytest.mark.parametrize(
    "step",
    [
        raw(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        raw(b"\0"),
        raw(b"\xe7\xe7\xe7\xe7\x03" + bytes(40)),
        raw(encode(Message(Command.PING, request_id=1))),
        renumbered(ok(7)),
        pong,
        raw(encode(Message(Command.ERROR, request_id=1))),
        raw(encode(Message(Command.ERROR, payload=b"\0\7\xff", request_id=1))),
    ],
    ids=[
        "HTTP",
        "a byte",
        "version 3",
        "a request",
        "another's reply",
        "PONG",
        "an ERROR without a code",
        "an ERROR that is no UTF-8",
    ],
)
def test_a_garbage_reply_closes_the_client(step: Any) -> None:
    with serving(step) as server, connect(server.address) as client:
        with pytest.raises(RemoteProtocolError):
            client.alloc(64)
        assert client.closed


@pytest.mark.parametrize(
    "act",
    [
        lambda c: c.hello(),
        lambda c: c.stats(),
        lambda c: c.info(7),
        lambda c: c.list(),
        lambda c: c.compare_swap(7, 0, bytes(8), bytes(8)),
        lambda c: c.fetch_add(7, 0, 1),
    ],
    ids=["hello", "stats", "info", "list", "compare_swap", "fetch_add"],
)
def test_a_garbage_body_closes_the_client(act: Callable[[Client], Any]) -> None:
    with serving(ok(payload=b"\xff" * 3)) as server, connect(server.address) as client:
        with pytest.raises(RemoteProtocolError):
            act(client)
        assert client.closed


def test_more_than_was_asked_for_is_garbage() -> None:
    target = bytearray(4)
    with serving(ok(payload=b"hello")) as server, connect(server.address) as client:
        with pytest.raises(RemoteProtocolError, match="5 bytes for 4 asked"):
            client.readinto(7, target)
        assert client.closed
    assert target == bytes(4)


# What has no form on the wire is said before anything is sent.


@pytest.mark.parametrize(
    "act",
    [
        lambda c: c.alloc(-1),
        lambda c: c.alloc(2**64),
        lambda c: c.free(-1),
        lambda c: c.read(7, -1),
        lambda c: c.read(7, 5, -1),
        lambda c: c.write(7, b"hello", -1),
        lambda c: c.fill(7, 256, 0, 5),
        lambda c: c.fill(7, 0, 0, -1),
        lambda c: c.copy(-1, 0, 7, 0, 5),
        lambda c: c.compare_swap(7, 0, b"short", bytes(8)),
        lambda c: c.compare_swap(7, 0, bytes(8), b"much too long"),
        lambda c: c.fetch_add(7, 0, 2**63),
        lambda c: c.call(Message(Command.OK)),
        lambda c: c.call(Message(Command.WRITE, payload=bytes(16 * MIB + 1))),
        lambda c: c.call(Message(Command.PING, version=3)),
    ],
)
def test_an_argument_without_a_form_is_refused_here(act: Callable[[Client], Any]) -> None:
    with serving(pong) as server, connect(server.address) as client:
        with pytest.raises(LocalProtocolError):
            act(client)
        assert client.ping(b"still here") == b"still here"
    assert server.seen in (["PING #1 [10 bytes]"], ["PING #2 [10 bytes]"])


# Ranges above 16 MiB are a pipeline.

BLOCK = b"".join(bytes([number]) * MIB for number in range(40))
PART = 16 * MIB


def test_a_long_write_goes_in_parts() -> None:
    with serving(wrote) as server, connect(server.address) as client:
        assert client.write(7, BLOCK, 5) == 40 * MIB
    assert server.seen == [
        f"WRITE #1 handle=7 offset=5 [{PART} bytes]",
        f"WRITE #2 handle=7 offset={PART + 5} [{PART} bytes]",
        f"WRITE #3 handle=7 offset={2 * PART + 5} [{8 * MIB} bytes]",
    ]


def test_a_long_read_comes_in_parts() -> None:
    with serving(bytes_of(BLOCK)) as server, connect(server.address) as client:
        assert client.read(7, 40 * MIB) == BLOCK
    assert server.seen == [
        f"READ #1 handle=7 size={PART}",
        f"READ #2 handle=7 size={PART} offset={PART}",
        f"READ #3 handle=7 size={8 * MIB} offset={2 * PART}",
    ]


def test_readinto_puts_every_part_in_its_place() -> None:
    target = bytearray(40 * MIB + 3)
    with serving(bytes_of(BLOCK)) as server, connect(server.address) as client:
        assert client.readinto(7, target, 5) == 40 * MIB - 5
    assert target[: 40 * MIB - 5] == BLOCK[5:]
    assert target[40 * MIB - 5 :] == bytes(8)


def test_readinto_takes_words_and_a_part_of_a_buffer() -> None:
    target = bytearray(16)
    words = memoryview(target).cast("I")[1:3]
    with serving(bytes_of(b"hello")) as server, connect(server.address) as client:
        assert client.readinto(7, words) == 5
    assert target == b"\0\0\0\0hello" + bytes(7)
    assert server.seen == ["READ #1 handle=7 size=8"]


@pytest.mark.parametrize(
    "buffer", [b"constant", memoryview(bytearray(8))[::2]], ids=["read-only", "in pieces"]
)
def test_readinto_needs_a_buffer_it_can_fill(buffer: Any) -> None:
    with serving(pong) as server, connect(server.address) as client:
        with pytest.raises(TypeError):
            client.readinto(7, buffer)
        client.ping()
    assert server.seen == ["PING #1"]


def test_write_takes_bytes_in_pieces() -> None:
    with serving(wrote) as server, connect(server.address) as client:
        assert client.write(7, memoryview(b"abcdef")[::2]) == 3
        assert client.write(7, memoryview(bytes(8)).cast("I")) == 8
    assert server.seen == ["WRITE #1 handle=7 [3 bytes]", "WRITE #2 handle=7 [8 bytes]"]


@pytest.mark.parametrize("have", [0, 5, PART, PART + 5, 2 * PART])
def test_a_long_read_is_short_where_the_block_ends(have: int) -> None:
    block = BLOCK[:have]
    with serving(bytes_of(block)) as server, connect(server.address) as client:
        assert client.read(7, 80 * MIB) == block
        target = bytearray(80 * MIB)
        assert client.readinto(7, target) == have
        assert target[:have] == block
        assert client.read(7, 5) == block[:5]


def test_nothing_is_asked_for_behind_the_blocks_end() -> None:
    with serving(bytes_of(b"hello")) as server, connect(server.address) as client:
        assert client.readinto(7, bytearray(8 * PART)) == 5
    assert len(server.seen) == 4


def test_a_long_read_that_begins_past_the_end_is_refused() -> None:
    with serving(bytes_of(b"hello")) as server, connect(server.address) as client:
        with pytest.raises(OutOfRange, match=r"READ handle 7 \[6:16777222\]: past the end"):
            client.read(7, 40 * MIB, 6)
        assert client.read(7, 5) == b"hello"


def test_a_long_fill_goes_in_parts() -> None:
    with serving(ok(size=PART), ok(size=5)) as server, connect(server.address) as client:
        assert client.fill(7, 0xAA, 3, PART + 5) == PART + 5
    assert server.seen == [
        f"FILL #1 handle=7 size={PART} offset=3 [1 bytes]",
        f"FILL #2 handle=7 size=5 offset={PART + 3} [1 bytes]",
    ]


def test_a_refusal_in_a_pipeline_is_raised_when_all_answers_are_in() -> None:
    script = (ok(size=PART), refused(ErrorCode.OVERFLOW, "the end"), ok(size=PART), pong)
    with serving(*script, pong) as server, connect(server.address) as client:
        with pytest.raises(OutOfRange, match=r"FILL handle 7 \[16777216:33554432\]: the end"):
            client.fill(7, 0, 0, 3 * PART)
        assert client.ping(b"in step") == b"in step"
    assert server.seen[-1] == "PING #4 [7 bytes]"


def test_the_first_of_two_refusals_is_raised() -> None:
    script = (refused(ErrorCode.NOT_FOUND, "first"), refused(ErrorCode.TOO_LARGE, "second"), pong)
    with serving(*script) as server, connect(server.address) as client:
        with pytest.raises(NotFound, match="first"):
            client.fill(7, 0, 0, 2 * PART)
        client.ping()


def test_nothing_is_sent_behind_a_refusal() -> None:
    with serving(refused(ErrorCode.NOT_FOUND, "gone")) as server, connect(server.address) as client:
        with pytest.raises(NotFound):
            client.fill(7, 0, 0, 100 * PART)
    assert len(server.seen) == 4


def test_a_refused_read_in_a_pipeline_is_raised() -> None:
    script = (ok(payload=BLOCK[:PART]), refused(ErrorCode.NOT_FOUND, "freed"), pong)
    with serving(*script) as server, connect(server.address) as client:
        with pytest.raises(NotFound, match="freed"):
            client.readinto(7, bytearray(2 * PART))
        assert client.ping() == b""


def test_a_part_without_a_form_is_refused_when_all_answers_are_in() -> None:
    with serving(ok(size=PART), pong) as server, connect(server.address) as client:
        with pytest.raises(LocalProtocolError, match="does not fit its field"):
            client.fill(7, 0, 2**64 - PART, 2 * PART)
        assert client.ping(b"in step") == b"in step"
    assert server.seen == [
        f"FILL #1 handle=7 size={PART} offset={2**64 - PART} [1 bytes]",
        "PING #3 [7 bytes]",
    ]


def test_the_servers_refusal_comes_before_a_part_without_a_form() -> None:
    with serving(refused(ErrorCode.OVERFLOW, "the end")) as server:
        with connect(server.address) as client, pytest.raises(OutOfRange, match="the end"):
            client.fill(7, 0, 2**64 - PART, 2 * PART)


def test_a_connection_that_ends_in_a_pipeline_names_what_was_not_answered() -> None:
    with serving(ok(size=PART), hang_up) as server, connect(server.address) as client:
        with pytest.raises(OutcomeUnknown, match=r"FILL handle 7 \[16777216:33554432\]"):
            client.fill(7, 0, 0, 2 * PART)
        assert client.closed


def test_a_garbage_error_in_a_pipeline_closes_the_client() -> None:
    garbage = encode(Message(Command.ERROR, payload=b"\0", request_id=1))
    with serving(raw(garbage), ok(size=PART)) as server, connect(server.address) as client:
        with pytest.raises(RemoteProtocolError, match="does not parse"):
            client.fill(7, 0, 0, 3 * PART)
        assert client.closed


# A socket that a test holds in its hand, for what no real one does on demand.


class HeldSocket:
    """Gives `incoming`, one entry a receive, and raises the entries that are exceptions."""

    def __init__(
        self,
        incoming: list[bytes | BaseException],
        outgoing: list[int | BaseException] | None = None,
    ) -> None:
        self.incoming = incoming
        self.outgoing = [] if outgoing is None else outgoing
        self.sent = b""
        self.closed = False

    def gettimeout(self) -> float:
        return 30.0

    def settimeout(self, value: float) -> None:
        pass

    def recv(self, count: int, flags: int) -> bytes:
        raise BlockingIOError

    def recv_into(self, buffer: memoryview) -> int:
        entry = self.incoming.pop(0)
        if isinstance(entry, BaseException):
            raise entry
        buffer[: len(entry)] = entry
        return len(entry)

    def send(self, data: memoryview) -> int:
        entry = self.outgoing.pop(0) if self.outgoing else len(data)
        if isinstance(entry, BaseException):
            raise entry
        self.sent += bytes(data[:entry])
        return entry

    def close(self) -> None:
        self.closed = True


def _holding(held: HeldSocket) -> Client:
    return Client(held, Address("held"))  # type: ignore[arg-type]  # as much of a socket as it needs


PONG_1 = encode(Message(Command.PONG, request_id=1))


def test_an_interrupted_receive_leaves_no_reply_for_the_next_caller() -> None:
    held = HeldSocket([PONG_1[:20], KeyboardInterrupt()])
    client = _holding(held)

    with pytest.raises(KeyboardInterrupt):
        client.ping()

    assert held.closed
    with pytest.raises(ConnectionLost):
        client.ping()


def test_an_interrupted_send_leaves_no_half_message() -> None:
    held = HeldSocket([], [10, KeyboardInterrupt()])
    client = _holding(held)

    with pytest.raises(KeyboardInterrupt):
        client.write(7, b"hello")

    assert len(held.sent) == 10
    assert held.closed


def test_an_interrupt_in_a_pipeline_closes_even_between_two_receives() -> None:
    held = HeldSocket([encode(Message(Command.OK, request_id=1, size=PART)), KeyboardInterrupt()])
    client = _holding(held)

    with pytest.raises(KeyboardInterrupt):
        client.fill(7, 0, 0, 2 * PART)

    assert held.closed


def test_a_message_is_sent_whole_in_as_many_pieces_as_it_takes() -> None:
    payload = bytes(range(256)) * 100
    held = HeldSocket([encode(Message(Command.OK, request_id=1))], [1, 39, 7, 10_000])
    client = _holding(held)

    client.write(7, payload)

    assert held.sent == encode(Message(Command.WRITE, 7, payload=payload, request_id=1))


@pytest.mark.parametrize("version", [1, 2])
def test_an_error_that_came_before_the_sending_broke_is_what_is_raised(version: int) -> None:
    error = Message(Command.ERROR, version=version)
    if version == 1:
        error.code = ErrorCode.TOO_LARGE
    else:
        error.payload = b"\0\x0btoo much"
    held = HeldSocket([encode(error)], [40, BrokenPipeError(32, "Broken pipe")])
    client = _holding(held)

    with pytest.raises(TooLarge, match=r"^WRITE handle 7 \[0:20000\]: "):
        client.write(7, bytes(20_000))

    assert client.closed


def test_answers_in_front_of_that_error_are_taken_first() -> None:
    first = encode(Message(Command.OK, request_id=1, size=PART))
    second = encode(Message(Command.ERROR, payload=b"\0\x03rubbish", request_id=2))
    broken = BrokenPipeError(32, "Broken pipe")
    held = HeldSocket([first, second], [41, 41, broken])
    client = _holding(held)

    with pytest.raises(ServerError, match=r"^FILL handle 7 \[16777216:33554432\]: rubbish"):
        client.fill(7, 0, 0, 3 * PART)


def test_a_broken_sending_without_a_word_is_an_unknown_outcome() -> None:
    held = HeldSocket([b""], [10, BrokenPipeError(32, "Broken pipe")])
    client = _holding(held)

    with pytest.raises(OutcomeUnknown, match=r"WRITE handle 7 .* Broken pipe"):
        client.write(7, b"hello")

    assert held.closed


def test_a_sending_that_nobody_takes_is_not_waited_for_twice() -> None:
    held = HeldSocket([], [10, TimeoutError("timed out")])
    client = _holding(held)

    with pytest.raises(OutcomeUnknown, match="no answer in time"):
        client.write(7, b"hello")


def test_every_way_to_fail_is_an_ether_error() -> None:
    for incoming in (OSError(5, "Input/output error"), ConnectionResetError(), TimeoutError()):
        client = _holding(HeldSocket([incoming]))
        with pytest.raises(EtherError):
            client.ping()
        assert client.closed


def test_the_client_hears_a_transcript_of_several_replies_at_once() -> None:
    replies = b"".join(
        encode(Message(Command.OK, request_id=number, size=PART)) for number in (1, 2, 3)
    )
    client = _holding(HeldSocket([replies]))

    assert client.fill(7, 0, 0, 3 * PART) == 3 * PART


def test_requests_wait_for_nobody_up_to_the_window() -> None:
    seen: list[int] = []

    class Watched(HeldSocket):
        def recv_into(self, buffer: memoryview) -> int:
            seen.append(len(self.sent) // 41)
            return super().recv_into(buffer)

    replies: list[bytes | BaseException] = [
        encode(Message(Command.OK, request_id=number, size=PART)) for number in range(1, 7)
    ]
    client = _holding(Watched(replies))

    assert client.fill(7, 0, 0, 6 * PART) == 6 * PART
    assert seen == [4, 5, 6, 6, 6, 6]


def test_the_connection_of_a_client_is_the_sans_io_one() -> None:
    assert isinstance(_holding(HeldSocket([]))._connection, ClientConnection)

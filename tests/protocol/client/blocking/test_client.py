from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from mmap import mmap
from typing import Any

import pytest

from ether_protocol import (
    BlockInfo,
    Client,
    Command,
    ConnectionLost,
    ErrorCode,
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
    Unsupported,
    connect,
)
from ether_protocol.wire.codec import encode
from protocol.samples import HELLO_BODY, INFO_BODY, LIST_BODY, STATS_BODY
from protocol.scripted import (
    CloseAfter,
    bytes_of,
    connect_once,
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
            Hello(
                "ether", "0.1.0", 16 * MIB, 1024 * MIB, 1000, True, ("fill",), 0x0123456789ABCDEF
            ),
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
    with serving(step) as server, connect_once(server) as client:
        assert act(client) == result
    assert server.seen == [request_]


def test_read_without_a_size_asks_how_much_there_is() -> None:
    with serving(ok(payload=INFO_BODY), bytes_of(bytes(4096))) as server:
        with connect_once(server) as client:
            assert len(client.read(7, offset=96)) == 4000
    assert server.seen == ["INFO #1 handle=7", "READ #2 handle=7 size=4000 offset=96"]


def test_blocks_are_listed_page_by_page() -> None:
    with (
        serving(ok(0, 2, LIST_BODY), ok(0, 2)) as server,
        connect_once(server) as client,
    ):
        assert list(client.blocks()) == [(8, 64), (9, 2**40)]
    assert server.seen == ["LIST #1 size=4096", "LIST #2 handle=9 size=4096"]


def test_a_list_that_does_not_advance_is_not_asked_for_ever() -> None:
    with serving(ok(0, 2, LIST_BODY)) as server, connect_once(server) as client:
        with pytest.raises(RemoteProtocolError, match="LIST after 9 went back to 9"):
            list(client.blocks())
        assert client.closed


def test_a_block_is_freed_at_the_end() -> None:
    with serving(ok(7), wrote, bytes_of(b"hello"), ok()) as server:
        with connect_once(server) as client:
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
        with connect_once(server) as client, client.alloc(64) as block:
            block.free()
    assert server.seen == ["ALLOC #1 size=64", "FREE #2 handle=7", "FREE #3 handle=7"]


def test_a_block_at_a_lost_connection_does_not_hide_why_it_was_lost() -> None:
    with serving(ok(7), hang_up) as server:
        with pytest.raises(OutcomeUnknown, match="WRITE handle 7"):
            with connect_once(server) as client, client.alloc(64) as block:
                block.write(b"hello")
    assert server.seen == ["ALLOC #1 size=64", "WRITE #2 handle=7 [5 bytes]"]


def test_a_block_knows_its_length() -> None:
    with (
        serving(ok(payload=INFO_BODY), ok(size=10)) as server,
        connect_once(server) as client,
    ):
        block = client.block(7)
        assert len(block) == 4096
        block.resize(10)
    assert server.seen == ["INFO #1 handle=7", "REALLOC #2 handle=7 size=10"]


# What the server refuses, and that the connection goes on.


def test_a_refusal_names_the_command_the_handle_and_the_range() -> None:
    with serving(refused(ErrorCode.OVERFLOW, "the block has 4 bytes"), pong) as server:
        with connect_once(server) as client:
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
    with serving(refused(code, "why")) as server, connect_once(server) as client:
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
    with serving(hang_up) as server, connect_once(server) as client:
        with pytest.raises(ConnectionLost, match="the server closed the connection"):
            act(client)
        assert client.closed


@changing
def test_what_changes_something_has_an_unknown_outcome(
    act: Callable[[Client], Any], name: str
) -> None:
    with serving(hang_up) as server, connect_once(server) as client:
        with pytest.raises(OutcomeUnknown, match=f"^{name}: outcome unknown, .* closed"):
            act(client)
        assert client.closed


@pytest.mark.parametrize("count", [0, 1, 23, 39, 40, 44])
def test_a_reply_cut_off_anywhere_is_a_lost_connection(count: int) -> None:
    with (
        serving(cut_off(bytes_of(b"hello"), count)) as server,
        connect_once(server) as client,
    ):
        with pytest.raises(ConnectionLost, match="the server closed the connection"):
            client.read(7, 5)
        assert client.closed


def test_a_reply_to_a_change_cut_off_anywhere_is_an_unknown_outcome() -> None:
    with serving(cut_off(ok(7), 39)) as server, connect_once(server) as client:
        with pytest.raises(OutcomeUnknown, match="ALLOC"):
            client.alloc(64)


def test_silence_ends_a_request_that_changes_nothing() -> None:
    with serving(silence) as server, connect_once(server, timeout=0.05) as client:
        with pytest.raises(ConnectionLost, match="no answer in time"):
            client.ping()
        assert client.closed


def test_silence_leaves_the_outcome_of_a_change_unknown() -> None:
    with serving(silence) as server, connect_once(server, timeout=0.05) as client:
        with pytest.raises(OutcomeUnknown, match=r"FREE handle 7: .* no answer in time"):
            client.free(7)


def test_a_closed_client_says_so() -> None:
    with serving(pong) as server:
        client = connect_once(server)
        client.close()
        client.close()
        with pytest.raises(ConnectionLost, match=f"not connected to {server.address}"):
            client.alloc(64)
    assert server.seen == []


def test_a_server_gone_before_the_request_leaves_nothing_unknown() -> None:
    with serving(last(pong)) as server, connect_once(server) as client:
        client.ping()
        server.gone.wait()
        with pytest.raises(ConnectionLost, match="not connected"):
            client.alloc(64)
        assert client.closed
    assert server.seen == ["PING #1"]


def test_a_reset_is_a_lost_connection() -> None:
    with (
        serving(lambda request: CloseAfter(reset=True)) as server,
        connect_once(server) as client,
    ):
        with pytest.raises(ConnectionLost, match="reset"):
            client.ping()
        assert client.closed


def test_what_the_server_says_before_it_closes_is_heard() -> None:
    with serving(last(refused(ErrorCode.BUSY, "64 clients are enough"))) as server:
        with connect_once(server) as client:
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
    with pytest.raises(ValueError, match="begins no address: write ether://HOST:PORT"):
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
    with serving(step) as server, connect_once(server) as client:
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
    with serving(ok(payload=b"\xff" * 3)) as server, connect_once(server) as client:
        with pytest.raises(RemoteProtocolError):
            act(client)
        assert client.closed


def test_more_than_was_asked_for_is_garbage() -> None:
    target = bytearray(4)
    with serving(ok(payload=b"hello")) as server, connect_once(server) as client:
        with pytest.raises(RemoteProtocolError, match="5 bytes for 4 asked"):
            client.readinto(7, target)
        assert client.closed
    assert target == bytes(4)


# A buffer of the caller is the caller's own again once its bytes are there.


@pytest.mark.parametrize("size", [5, 64 * 1024, MIB])
def test_a_buffer_that_was_read_into_can_be_resized(size: int) -> None:
    target = bytearray(size)
    with serving(bytes_of(b"x" * size)) as server, connect_once(server) as client:
        assert client.readinto(7, target) == size
        target.append(1)  # a BufferError while the client holds a view of it
    assert target == b"x" * size + b"\1"


def test_a_mapping_that_was_read_into_can_be_closed() -> None:
    with serving(bytes_of(b"x" * MIB)) as server, connect_once(server) as client:
        mapping = mmap(-1, MIB)
        assert client.readinto(7, mapping) == MIB
        assert mapping[:5] == b"xxxxx"
        mapping.close()  # a BufferError while the client holds a view of it


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
    with serving(pong) as server, connect_once(server) as client:
        with pytest.raises(LocalProtocolError):
            act(client)
        assert client.ping(b"still here") == b"still here"
    assert server.seen in (["PING #1 [10 bytes]"], ["PING #2 [10 bytes]"])


def test_two_threads_in_one_client_are_told_apart() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        with connect(f"127.0.0.1:{listener.getsockname()[1]}", retry=None) as client:
            server, _ = listener.accept()
            said: list[bytes] = []
            thread = threading.Thread(target=lambda: said.append(client.ping(b"first")))
            thread.start()
            request = server.recv(100)
            assert request[40:] == b"first"

            with pytest.raises(LocalProtocolError, match="in use by another thread"):
                client.ping(b"second")

            server.sendall(encode(Message(Command.PONG, payload=b"first", request_id=1)))
            thread.join()
            assert said == [b"first"]
            server.close()

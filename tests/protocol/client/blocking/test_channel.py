"""A blocking channel over a socket that does what a test tells it, which no real one does."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import pytest

from ether_protocol import (
    Address,
    Client,
    Command,
    ConnectionLost,
    ErrorCode,
    EtherError,
    Message,
    OutcomeUnknown,
    ServerError,
    TimedOut,
    TooLarge,
    connect,
)
from ether_protocol.client.transports.base import OpeningOptions, TransportKind
from ether_protocol.client.transports.selection import TRANSPORTS
from ether_protocol.client.transports.stream_socket import SocketTransport
from ether_protocol.client.transports.tcp import TCP
from ether_protocol.wire.codec import encode

MIB = 1024 * 1024
PART = 16 * MIB


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

    def setsockopt(self, *option: Any) -> None:
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


@dataclass(frozen=True, slots=True)
class HeldAddress(Address):
    """An address that leads to a HeldSocket."""


Holding = Callable[[HeldSocket], Client]


@pytest.fixture
def holding(monkeypatch: pytest.MonkeyPatch) -> Holding:
    """Makes a client of a HeldSocket."""

    def client_of(held: HeldSocket) -> Client:
        def opened(address: Address, options: OpeningOptions) -> SocketTransport:
            sock = cast(socket.socket, held)  # as much of a socket as it needs
            return SocketTransport(sock, busy_poll=False)

        kind = TransportKind(opened, TCP.open_async)
        monkeypatch.setitem(TRANSPORTS, HeldAddress, kind)
        return connect(HeldAddress("held"), retry=None)

    return client_of


IT_FITS = encode(Message(Command.OK, request_id=1))
PONG_1 = encode(Message(Command.PONG, request_id=1))


def test_an_interrupted_receive_leaves_no_reply_for_the_next_caller(holding: Holding) -> None:
    held = HeldSocket([PONG_1[:20], KeyboardInterrupt()])
    client = holding(held)

    with pytest.raises(KeyboardInterrupt):
        client.ping()

    assert held.closed
    with pytest.raises(ConnectionLost):
        client.ping()


def test_an_interrupted_send_leaves_no_half_message(holding: Holding) -> None:
    held = HeldSocket([], [10, KeyboardInterrupt()])
    client = holding(held)

    with pytest.raises(KeyboardInterrupt):
        client.write(7, b"hello")

    assert len(held.sent) == 10
    assert held.closed


def test_an_interrupt_in_a_pipeline_closes_even_between_two_receives(holding: Holding) -> None:
    first = encode(Message(Command.OK, request_id=2, size=PART))
    held = HeldSocket([IT_FITS, first, KeyboardInterrupt()])
    client = holding(held)

    with pytest.raises(KeyboardInterrupt):
        client.fill(7, 0, 0, 2 * PART)

    assert held.closed


def test_a_message_is_sent_whole_in_as_many_pieces_as_it_takes(holding: Holding) -> None:
    payload = bytes(range(256)) * 100
    held = HeldSocket([encode(Message(Command.OK, request_id=1))], [1, 39, 7, 10_000])
    client = holding(held)

    client.write(7, payload)

    assert held.sent == encode(Message(Command.WRITE, 7, payload=payload, request_id=1))


@pytest.mark.parametrize("version", [1, 2])
def test_an_error_that_came_before_the_sending_broke_is_what_is_raised(
    version: int, holding: Holding
) -> None:
    error = Message(Command.ERROR, version=version)
    if version == 1:
        error.code = ErrorCode.TOO_LARGE
    else:
        error.payload = b"\0\x0btoo much"
    held = HeldSocket([encode(error)], [40, BrokenPipeError(32, "Broken pipe")])
    client = holding(held)

    with pytest.raises(TooLarge, match=r"^WRITE handle 7 \[0:20000\]: "):
        client.write(7, bytes(20_000))

    assert client.closed


def test_answers_in_front_of_that_error_are_taken_first(holding: Holding) -> None:
    first = encode(Message(Command.OK, request_id=2, size=PART))
    second = encode(Message(Command.ERROR, payload=b"\0\x03rubbish", request_id=3))
    broken = BrokenPipeError(32, "Broken pipe")
    held = HeldSocket([IT_FITS, first, second], [41, 41, 41, broken])
    client = holding(held)

    with pytest.raises(ServerError, match=r"^FILL handle 7 \[16777216:33554432\]: rubbish"):
        client.fill(7, 0, 0, 3 * PART)


def test_what_was_not_sent_whole_was_not_carried_out(holding: Holding) -> None:
    held = HeldSocket([b""], [10, BrokenPipeError(32, "Broken pipe")])
    client = holding(held)

    with pytest.raises(ConnectionLost, match="Broken pipe"):
        client.write(7, b"hello")

    assert held.closed


def test_what_was_sent_whole_before_that_has_an_unknown_outcome(holding: Holding) -> None:
    held = HeldSocket([IT_FITS, b""], [41, 41, 10, BrokenPipeError(32, "Broken pipe")])
    client = holding(held)

    with pytest.raises(OutcomeUnknown, match=r"FILL handle 7 \[0:16777216\].* Broken pipe"):
        client.fill(7, 0, 0, 2 * PART)


def test_a_sending_that_nobody_takes_is_not_waited_for_twice(holding: Holding) -> None:
    held = HeldSocket([], [10, TimeoutError("timed out")])
    client = holding(held)

    with pytest.raises(TimedOut, match="no answer in time"):
        client.write(7, b"hello")


def test_every_way_to_fail_is_an_ether_error(holding: Holding) -> None:
    for incoming in (OSError(5, "Input/output error"), ConnectionResetError(), TimeoutError()):
        client = holding(HeldSocket([incoming]))
        with pytest.raises(EtherError):
            client.ping()
        assert client.closed


def test_the_client_hears_a_transcript_of_several_replies_at_once(holding: Holding) -> None:
    replies = b"".join(
        encode(Message(Command.OK, request_id=number, size=PART)) for number in (2, 3, 4)
    )
    client = holding(HeldSocket([IT_FITS, replies]))

    assert client.fill(7, 0, 0, 3 * PART) == 3 * PART


def test_requests_wait_for_nobody_up_to_the_window(holding: Holding) -> None:
    seen: list[int] = []

    class WatchedSocket(HeldSocket):
        def recv_into(self, buffer: memoryview) -> int:
            seen.append(len(self.sent) // 41)
            return super().recv_into(buffer)

    replies: list[bytes | BaseException] = [
        encode(Message(Command.OK, request_id=number, size=PART)) for number in range(2, 8)
    ]
    client = holding(WatchedSocket([IT_FITS, *replies]))

    assert client.fill(7, 0, 0, 6 * PART) == 6 * PART
    assert seen == [1, 5, 6, 7, 7, 7, 7]

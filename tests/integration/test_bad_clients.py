"""Clients that die, lie, flood or do not listen: the others notice nothing."""

from __future__ import annotations

import os
import socket
import ssl
import struct

import pytest

from ether_protocol import Client, connect
from harness import PLAIN_TRANSPORTS, TRANSPORTS, Etherd, receive_all, until
from wire import (
    ALLOC,
    CORRUPT,
    ERROR,
    INFO,
    OK,
    PING,
    PONG,
    READ,
    TOO_LARGE,
    UNSUPPORTED,
    V1,
    WRITE,
    ask_v1,
    ask_v2,
    receive_v1,
    receive_v2,
    v1,
    v2,
)

MIB = 1024 * 1024


@pytest.mark.parametrize("size", [100, 8 * 1024, 200 * 1024, 4 * MIB])
@pytest.mark.parametrize("version", [1, 2])
def test_a_write_whose_client_dies_half_way_leaves_the_old_bytes(
    etherd: Etherd, client: Client, size: int, version: int
) -> None:
    block = client.alloc(size)
    old = os.urandom(size)
    block.write(old)
    dying = etherd.socket()
    header = v1(WRITE, 1, size) if version == 1 else v2(WRITE, 1, payload=bytes(size))[:40]
    dying.sendall(header + b"x" * (size // 2))
    until(lambda: client.stats()["received_bytes"] > size + size // 2, "half of it is there")
    dying.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    dying.close()
    until(lambda: client.stats()["clients"] == 1, "its end is noticed")
    assert block.read() == old


GARBAGE = {
    "HTTP": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "SSH": b"SSH-2.0-OpenSSH_9.2\r\n",
    "zeros": bytes(1000),
    "one wrong byte": b"\xe7\xe7\xe7\xe6",
    "random": b"\x00" + os.urandom(100_000),
    "a request, then noise": v1(PING) + b"noise",
}


@pytest.mark.parametrize("etherd", PLAIN_TRANSPORTS, indirect=True)
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_gets_one_readable_error_and_a_close(etherd: Etherd, garbage: bytes) -> None:
    with etherd.socket() as sock:
        sock.sendall(garbage)
        said = receive_all(sock)
        *_, command, _, _, _, code = V1.unpack(said[-24:])
        assert (command, code) == (ERROR, CORRUPT)
    with etherd.socket() as sock:
        assert ask_v1(sock, PING).command == PONG


def test_tls_on_the_port_ends_in_a_close(etherd: Etherd) -> None:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with etherd.socket() as sock, pytest.raises((ssl.SSLError, ConnectionError)):
        context.wrap_socket(sock)
    with etherd.socket() as sock:
        assert ask_v1(sock, PING).command == PONG


@pytest.mark.parametrize("etherd", TRANSPORTS, indirect=True)
@pytest.mark.parametrize(
    ("header", "receive"),
    [(v1(WRITE, 1, 16 * MIB + 1), receive_v1), (v2(WRITE, 1)[:36] + b"\xff" * 4, receive_v2)],
    ids=["version 1", "version 2"],
)
def test_a_length_above_the_limit_is_refused_before_it_is_believed(
    etherd: Etherd, header: bytes, receive: object
) -> None:
    with etherd.socket() as sock:
        before = etherd.resident_bytes
        sock.sendall(header + b"x" * 1000)
        reply = (receive_v1 if receive is receive_v1 else receive_v2)(sock)
        assert (reply.command, reply.code) == (ERROR, TOO_LARGE)
        assert receive_all(sock) == b""
        assert etherd.resident_bytes - before < MIB


@pytest.mark.parametrize("etherd", TRANSPORTS, indirect=True)
def test_what_can_still_be_cut_gets_an_error_and_the_connection_lives(etherd: Etherd) -> None:
    with etherd.socket() as sock:
        assert ask_v1(sock, 0x77).code == UNSUPPORTED
        assert ask_v1(sock, INFO).code == UNSUPPORTED
        assert ask_v2(sock, 0x77, payload=b"skipped").code == UNSUPPORTED
        assert ask_v2(sock, OK).code == UNSUPPORTED
        assert ask_v2(sock, PING, payload=bytes(5000)).code == TOO_LARGE
        assert ask_v1(sock, READ, 1, 17 * MIB).code == TOO_LARGE
        assert ask_v2(sock, READ, 1, 17 * MIB).code == TOO_LARGE
        sock.sendall(V1.pack(0xE7E7E7E7, 9, PING, 0, 0, 0, 0))
        assert receive_v2(sock).code == UNSUPPORTED
        assert ask_v2(sock, PING, payload=b"alive").payload == b"alive"


@pytest.mark.parametrize("etherd", TRANSPORTS, indirect=True)
def test_noise_after_a_version_2_message_is_no_filler_of_an_earlier_one(etherd: Etherd) -> None:
    with etherd.socket() as sock:
        assert ask_v1(sock, ALLOC, 0, 256).handle == 1
        assert ask_v2(sock, PING).command == PONG
        sock.sendall(b"noise")
        assert receive_v2(sock).code == CORRUPT
        assert receive_all(sock) == b""


@pytest.mark.parametrize("etherd", TRANSPORTS, indirect=True)
def test_noise_is_answered_in_the_version_last_seen(etherd: Etherd) -> None:
    with etherd.socket() as sock:
        for _ in range(3):
            assert ask_v2(sock, PING).command == PONG
        sock.sendall(b"noise")
        assert receive_v2(sock).code == CORRUPT
        assert receive_all(sock) == b""


def test_fifty_clients_that_ask_and_do_not_take_cost_little(etherd: Etherd) -> None:
    with connect(etherd.address) as maker:
        block = maker.alloc(16 * MIB)
        block.write(b"\xaa" * 16 * MIB)
        before = etherd.resident_bytes
        greedy = [etherd.socket() for _ in range(50)]
        for sock in greedy:
            sock.sendall(v2(READ, block.handle, 16 * MIB) * 8)
        until(lambda: maker.stats().get("requests_read", 0) >= 50, "all were asked for")
        # The others are served as ever, and the block may change under the readers.
        assert maker.ping(b"still there") == b"still there"
        block.write(b"\xbb" * 16 * MIB)
        assert etherd.resident_bytes - before < 256 * MIB
        first = greedy[0]
        reply = receive_v2(first)
        assert reply.size == 16 * MIB
        assert reply.payload == b"\xaa" * 16 * MIB, "a READ is never torn by a later WRITE"
        for sock in greedy:
            sock.close()
        until(lambda: maker.stats()["clients"] == 1, "they are gone")
        assert block.read(4) == b"\xbb" * 4


def test_a_flood_of_requests_whose_replies_nobody_takes_stops_being_read(etherd: Etherd) -> None:
    with etherd.socket() as sock, connect(etherd.address) as other:
        before = etherd.resident_bytes
        sock.settimeout(0.5)
        with pytest.raises(TimeoutError):
            sock.sendall(v1(PING) * (512 * MIB // 24))
        assert etherd.resident_bytes - before < 32 * MIB
        assert other.ping() == b""


def test_a_freed_block_is_never_seen_in_a_reply_on_its_way(etherd: Etherd, client: Client) -> None:
    secret = client.alloc(8 * MIB)
    secret.write(b"S" * 8 * MIB)
    with etherd.socket() as slow:
        slow.sendall(v2(READ, secret.handle, 8 * MIB) * 2)
        until(lambda: client.stats().get("requests_read", 0) >= 1, "it was asked for")
        secret.free()
        other = client.alloc(8 * MIB)
        other.write(b"X" * 8 * MIB)
        assert receive_v2(slow).payload == b"S" * 8 * MIB
        second = receive_v2(slow)
        assert second.command in (OK, ERROR)
        assert b"X" not in second.payload.split(b"no block has handle")[0]


def test_half_a_close_still_gets_every_reply(etherd: Etherd) -> None:
    with etherd.socket() as sock:
        sock.sendall(v1(ALLOC, 0, 4 * MIB) + v2(READ, 1, 4 * MIB) * 3 + v2(PING)[:20])
        sock.shutdown(socket.SHUT_WR)
        assert receive_v1(sock).handle == 1
        for _ in range(3):
            assert receive_v2(sock).payload == bytes(4 * MIB)
        assert receive_all(sock) == b""

"""How a real `etherd` begins and ends, as far as tests/integration does not show it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ether_protocol import ClientConnection, Command, Message
from ether_protocol.wire.codec import encode
from harness import DEADLINE_SECONDS, Etherd, command, receive_all, receive_exactly, until

MIB = 1024 * 1024
PING = encode(Message(Command.PING))


def encoded(command: int, handle: int = 0, **fields: int | bytes) -> bytes:
    return encode(Message(command, handle, **fields))  # type: ignore[arg-type]


def asked(sock: socket.socket, request: bytes, length: int = 40) -> bytes:
    sock.sendall(request)
    return receive_exactly(sock, length)


@pytest.fixture
def sock(etherd: Etherd) -> Iterator[socket.socket]:
    with etherd.socket() as sock:
        yield sock


def sender(sock: socket.socket, data: bytes) -> threading.Thread:
    """Send `data` over and over until the server is gone."""

    def send() -> None:
        try:
            while True:
                sock.sendall(data)
        except OSError:
            pass

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def test_a_name_with_two_addresses_is_listened_on_at_both(tmp_path: Path) -> None:
    known = {info[4][0] for info in socket.getaddrinfo("localhost", 0, type=socket.SOCK_STREAM)}
    process = subprocess.Popen(
        [command("etherd"), "--host", "localhost", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    banner = [process.stdout.readline() for _ in range(4 + len(known))]
    addresses = [line.split()[-1].rpartition(":") for line in banner[4:]]
    for host, _, port in addresses:
        socket.create_connection((host.strip("[]"), int(port)), DEADLINE_SECONDS).close()
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0
    assert {host.strip("[]") for host, _, _ in addresses} == known


def test_a_pipeline_of_reads_ends_behind_a_whole_reply(etherd: Etherd, sock: socket.socket) -> None:
    # A client that asks on while it takes replies must not be reset in the middle of one.
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    asked(sock, encoded(Command.ALLOC, size=MIB))
    request, reply_bytes = encoded(Command.READ, 1, size=MIB), 40 + MIB
    sock.sendall(request * 4)
    got = replies = 0
    while chunk := sock.recv(65536):
        got += len(chunk)
        while got >= (replies + 1) * reply_bytes:
            replies += 1
            if replies == 4:
                etherd.signal(signal.SIGTERM)
            with suppress(OSError):
                sock.sendall(request)
    assert got == replies * reply_bytes
    assert replies >= 4
    status, output = etherd.wait()
    assert status == 0
    assert "Goodbye" in output


@pytest.mark.parametrize(
    ("request_bytes", "reply_bytes"),
    [
        (PING, 40),
        (encoded(Command.PING, payload=b"odd"), 43),
        (encoded(Command.WRITE, 1, payload=bytes(100_003)), 40),
    ],
    ids=["pings", "odd pings", "writes"],
)
def test_a_client_that_never_stops_asking_does_not_hold_it_up(
    etherd: Etherd, sock: socket.socket, request_bytes: bytes, reply_bytes: int
) -> None:
    asked(sock, encoded(Command.ALLOC, size=MIB))
    received = bytearray()

    def receive() -> None:
        while chunk := sock.recv(65536):
            received.extend(chunk)

    receiving = threading.Thread(target=receive)
    receiving.start()
    sending = sender(sock, request_bytes * max(1, 20_000 // len(request_bytes)))
    until(lambda: len(received) > 100 * reply_bytes, "replies")
    etherd.signal(signal.SIGTERM)
    status, output = etherd.wait()
    sending.join(DEADLINE_SECONDS)
    receiving.join(DEADLINE_SECONDS)

    assert status == 0
    assert "Current usage:   0 bytes" in output
    assert len(received) % reply_bytes == 0, "a reply was cut off"


def test_a_request_that_is_being_received_is_finished_and_no_other(
    etherd: Etherd, sock: socket.socket
) -> None:
    client = ClientConnection()
    write = b"".join(client.send(Message(Command.WRITE, 1, payload=b"whole")))
    asked(sock, encoded(Command.ALLOC, size=5))
    sock.sendall(write[:43])
    with etherd.socket() as other:
        asked(other, PING)  # so that what was sent before has arrived
        etherd.signal(signal.SIGTERM)
        until(lambda: "Shutting down" in etherd.log, "the shutdown")
        sock.sendall(write[43:] + encoded(Command.READ, 1, size=5) * 10)

        assert [str(reply) for reply in client.receive_data(receive_all(sock))] == [
            "OK #1 handle=1 size=5"
        ]
        assert receive_all(other) == b""
    assert etherd.wait()[0] == 0


def test_one_that_never_finishes_is_cut_off_by_a_second_signal(
    etherd: Etherd, sock: socket.socket
) -> None:
    asked(sock, encoded(Command.ALLOC, size=5))
    sock.sendall(encoded(Command.WRITE, 1, payload=b"never")[:43])
    with etherd.socket() as other:
        asked(other, PING)
    etherd.signal(signal.SIGINT)
    until(lambda: "Shutting down" in etherd.log, "the shutdown")
    etherd.signal(signal.SIGINT)
    status, output = etherd.wait()
    assert status == 1
    assert output.endswith("[etherd] Goodbye!\n")
    assert receive_all(sock) == b""


def test_a_reader_of_the_banner_that_goes_away_is_no_reason_to_stop(tmp_path: Path) -> None:
    pid_file = tmp_path / "etherd.pid"
    flags = ["--host", "127.0.0.1", "--port", "0", "--pid-file", str(pid_file)]
    process = subprocess.Popen(
        [command("etherd"), *flags], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    port = 0
    for line in process.stdout:
        if line.startswith("Listening"):
            port = int(line.rpartition(":")[2])
        if line.startswith("Press"):
            break
    process.stdout.close()
    with socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS) as sock:
        assert len(asked(sock, PING)) == 40
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(DEADLINE_SECONDS) == 0
    assert not pid_file.exists()

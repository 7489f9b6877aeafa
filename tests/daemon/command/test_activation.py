"""Sockets from systemd, in a process of its own: their numbers are fixed."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ether_daemon.command.activation import passed_sockets
from ether_protocol import Command, Message
from ether_protocol.wire.codec import encode
from harness import DEADLINE_SECONDS, receive_exactly

# What systemd does: the sockets become 3, 4, …, and the process keeps its number.
START = """
import os, sys
count, names, *command = sys.argv[1:]
sources = [int(each) for each in os.environ.pop("SOCKETS").split(",")]
held = [os.dup2(each, 100 + number) for number, each in enumerate(sources)]
for number, each in enumerate(held):
    os.dup2(each, 3 + number)
    os.close(each)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=count, LISTEN_FDNAMES=names)
os.execv(command[0], command)
"""
ETHERD = str(Path(sys.executable).parent / "etherd")


def activated(sockets: list[socket.socket], *flags: str, names: str = "") -> subprocess.Popen[str]:
    numbers = [sock.fileno() for sock in sockets]
    return subprocess.Popen(
        [sys.executable, "-c", START, str(len(sockets)), names, ETHERD, *flags],
        pass_fds=numbers,
        env={**os.environ, "SOCKETS": ",".join(map(str, numbers))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def port() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


def test_it_listens_on_what_it_was_given_and_on_nothing_else(
    port: socket.socket, tmp_path: Path
) -> None:
    path = tmp_path / "ether.sock"
    with socket.socket(socket.AF_UNIX) as local:
        local.bind(str(path))
        local.listen()
        process = activated([port, local], names="tcp:unix")
        for sock in (port, local):
            with socket.socket(sock.family) as client:
                client.settimeout(DEADLINE_SECONDS)
                client.connect(sock.getsockname())
                client.sendall(encode(Message(Command.PING)))
                assert len(receive_exactly(client, 40)) == 40
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        assert b"LISTEN_PID" in environment, "as it was started"
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=DEADLINE_SECONDS)
    assert process.returncode == 0
    assert [line for line in output.splitlines() if line.startswith("Listening")] == [
        f"Listening on 127.0.0.1:{port.getsockname()[1]}",
        f"Listening on {path}",
    ]
    assert path.exists(), "it is systemd's"


def test_what_does_not_listen_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as silent, (tmp_path / "file").open("w") as file:
        process = activated([silent], names="web")
        _, said = process.communicate(timeout=DEADLINE_SECONDS)
        assert (process.returncode, said) == (
            1,
            "etherd: descriptor 3 (web) from systemd is no stream socket that listens: "
            "say Accept=no\n",
        )
        process = activated([file])  # type: ignore[list-item]  # that is the point
        _, said = process.communicate(timeout=DEADLINE_SECONDS)
        assert (process.returncode, said) == (
            1,
            "etherd: descriptor 3 from systemd is no socket: Socket operation on non-socket\n",
        )


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"LISTEN_PID": "5", "LISTEN_FDS": "1"},
        {"LISTEN_PID": "7", "LISTEN_FDS": "-1"},
        {"LISTEN_PID": "7", "LISTEN_FDS": "x"},
        {"LISTEN_PID": "7"},
        {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "a"},
    ],
)
def test_what_is_not_meant_for_it_is_left_and_not_passed_on(environment: dict[str, str]) -> None:
    environment["PATH"] = "/bin"
    assert passed_sockets(environment, 7) == []
    assert environment == {"PATH": "/bin"}

"""Losing a connection, and finding another."""

from __future__ import annotations

import socket
import threading

import pytest

from conftest import StartEtherd
from ether_protocol import Client
from ether_shell.statusline import prompt_text, status_line
from harness import Etherd
from shell.conftest import Talk
from shell.conversation import Conversation


@pytest.fixture
def person(etherd: Etherd, talk: Talk) -> Conversation:
    """A shell that looks after its connection."""
    shell = talk(etherd.address, interactive=True)
    shell.session.greet()
    return shell


def test_blocks_are_known_at_the_start_and_after_own_changes(
    talk: Talk, etherd: Etherd, client: Client
) -> None:
    client.alloc(100)
    shell = talk(etherd.address, interactive=True)
    shell.session.greet()
    assert shell.session.blocks.sizes == {1: 100}
    shell.run("alloc 28")
    assert shell.session.blocks.sizes == {1: 100, 2: 28}
    assert "2 blocks, 128 B" in status_line(shell.session)
    shell.run("free 1")
    assert shell.session.blocks.sizes == {2: 28}
    assert "1 block, 28 B" in status_line(shell.session)


def test_the_toolbar_names_the_server_and_the_last_round_trip(person: Conversation) -> None:
    server, blocks, trip = status_line(person.session).split(" · ")
    assert server.startswith("etherd ")
    assert blocks == "0 blocks, 0 B"
    assert trip.endswith(" ms")


def test_more_blocks_than_are_cached_are_counted(
    talk: Talk, etherd: Etherd, client: Client
) -> None:
    for _ in range(4097):
        client.alloc(1)
    shell = talk(etherd.address, interactive=True)
    shell.session.greet()
    assert " · 4,097 blocks · " in status_line(shell.session)


def test_after_a_restart_the_next_command_connects_again_and_says_so(
    talk: Talk,
    start_etherd: StartEtherd,
) -> None:
    first = start_etherd()
    shell = talk(first.address, interactive=True)
    shell.session.greet()
    shell.run("alloc 64")
    first.stop()
    said = shell.run("list")
    assert said.status == 3
    assert said.err == f"can't connect to {first.address}: Connection refused\n"
    assert prompt_text(shell.session) == f"{first.address} (disconnected)> "
    assert status_line(shell.session).startswith(f"disconnected from {first.address}")

    start_etherd("--port", str(first.port))
    said = shell.run("alloc 8")
    assert (said.status, said.out) == (0, "1\n")
    assert said.err == f"connected to {first.address} again; $_ is forgotten\n"
    assert prompt_text(shell.session) == f"{first.address}> "
    assert shell.session.blocks.sizes == {1: 8}


def test_the_last_handle_never_means_a_block_of_another_server(
    talk: Talk, start_etherd: StartEtherd
) -> None:
    first = start_etherd()
    shell = talk(first.address, interactive=True)
    shell.session.greet()
    shell.run("alloc 64")
    first.stop()
    second = start_etherd("--port", str(first.port))
    someone = talk(second.address)
    someone.run("alloc 5")
    said = shell.run("free $_")
    assert said.status == 2
    assert "there is no last handle yet" in said.err
    assert someone.run("list").out == "1 5\n"


class _Vanishing:
    """A server that takes one request and closes without an answer."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with self._listener, self._listener.accept()[0] as peer:
            peer.recv(65536)

    def join(self) -> None:
        self._thread.join()


@pytest.mark.parametrize(
    ("line", "status", "says"),
    [
        ("alloc 64", 4, "outcome unknown"),
        ("free 7", 4, "outcome unknown"),
        ("read 7 5", 3, "lost the connection"),
        ("list", 3, "lost the connection"),
    ],
)
def test_a_connection_that_ends_before_the_answer(
    talk: Talk, line: str, status: int, says: str
) -> None:
    server = _Vanishing()
    shell = talk(server.address)
    said = shell.run(line)
    assert said.status == status
    assert says in said.err
    assert said.err.count("\n") == 1
    server.join()

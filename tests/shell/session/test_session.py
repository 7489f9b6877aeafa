"""Losing a connection, and finding another."""

from __future__ import annotations

import signal
import socket
import threading

import pytest

from ether_protocol import Client, Command, ErrorCode, Message, ServerConnection
from ether_shell.terminal.statusline import prompt_text, status_line
from harness import Etherd, StartEtherd
from shell.conftest import Talk
from shell.conversation import Conversation
from shell.fake_server import Behaviour, after_hello, banner, closing, fake_server, silent


@pytest.fixture
def person(etherd: Etherd, talk: Talk) -> Conversation:
    """A shell that looks after its connection."""
    shell = talk(etherd.address, interactive=True)
    shell.session.start()
    return shell


def test_blocks_are_known_at_the_start_and_after_own_changes(
    talk: Talk, etherd: Etherd, client: Client
) -> None:
    client.alloc(100)
    shell = talk(etherd.address, interactive=True)
    shell.session.start()
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
    shell.session.start()
    assert " · 4,097 blocks · " in status_line(shell.session)


def test_after_a_restart_the_next_command_connects_again_and_says_so(
    talk: Talk,
    start_etherd: StartEtherd,
) -> None:
    first = start_etherd()
    shell = talk(first.address, interactive=True)
    shell.session.start()
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
    shell.session.start()
    shell.run("alloc 64")
    first.stop()
    second = start_etherd("--port", str(first.port))
    someone = talk(second.address)
    someone.run("alloc 5")
    said = shell.run("free $_")
    assert said.status == 2
    assert "there is no last handle yet" in said.err
    assert someone.run("list").out == "1 5\n"


def test_an_empty_line_never_goes_on_in_a_block_of_another_server(
    talk: Talk, start_etherd: StartEtherd
) -> None:
    first = start_etherd()
    shell = talk(first.address, interactive=True)
    shell.session.start()
    shell.run("alloc 64")
    shell.run("x/8xb $_")
    first.stop()
    second = start_etherd("--port", str(first.port))
    talk(second.address).run("alloc 64")
    said = shell.run("")
    assert (said.status, said.out) == (0, "")
    assert said.err == f"connected to {first.address} again; $_ is forgotten\n"
    assert shell.run("").err == ""


def test_the_same_blocks_keep_their_handles(talk: Talk, etherd: Etherd) -> None:
    shell = talk(etherd.address, interactive=True)
    shell.session.start()
    shell.run("alloc 64")
    assert shell.session.reconnect()
    assert shell.err.take().decode() == f"connected to {etherd.address} again\n"
    assert shell.run("read $_ 1 --as base64").out == "AA==\n"
    assert shell.run("mine").out == "1 64\n"


def test_after_an_interrupt_a_silent_server_is_not_waited_for(talk: Talk, etherd: Etherd) -> None:
    shell = talk(etherd.address, interactive=True, reconnect_seconds=0.1)
    shell.session.start()
    etherd.signal(signal.SIGSTOP)
    try:
        assert not shell.session.reconnect()
    finally:
        etherd.signal(signal.SIGCONT)
    assert prompt_text(shell.session) == f"{etherd.address} (disconnected)> "


@pytest.mark.parametrize("line", ["read 7 5", "list", "ping"])
def test_what_may_be_repeated_is_repeated_once(talk: Talk, line: str) -> None:
    requests = []

    def behaviour(peer: socket.socket) -> None:
        requests.append(peer.recv(65536))

    with fake_server(after_hello(behaviour)) as address:
        assert talk(address).run(line).status == 3
    assert len(requests) == 2


@pytest.mark.parametrize("line", ["alloc 64", "free 7", "write 7 x"])
def test_what_may_not_be_repeated_is_not(talk: Talk, line: str) -> None:
    requests = []

    def behaviour(peer: socket.socket) -> None:
        requests.append(peer.recv(65536))

    with fake_server(after_hello(behaviour)) as address:
        assert talk(address).run(line).status == 4
    assert len(requests) == 1


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
    with fake_server(after_hello(vanishing)) as address:
        said = talk(address).run(line)
    assert said.status == status
    assert says in said.err
    assert said.err.count("\n") == 1


def vanishing(peer: socket.socket) -> None:
    """Take one request and close without an answer."""
    peer.recv(65536)


@pytest.mark.parametrize("line", ["ping", "alloc 64", "free 7"])
@pytest.mark.parametrize(
    ("behaviour", "says"),
    [
        (silent, "accepted the connection but does not answer: is it an etherd? (no answer in"),
        (closing, "accepted the connection but does not answer: is it an etherd? ("),
        (banner, "does not answer as an etherd does: is it one? ("),
    ],
)
def test_nothing_can_have_been_done_by_a_server_that_is_no_etherd(
    talk: Talk, line: str, behaviour: Behaviour, says: str
) -> None:
    with fake_server(behaviour) as address:
        said = talk(address, timeout=0.1).run(line)
    assert said.status == 3
    assert said.err.startswith(f"{address} {says}")
    assert said.err.count("\n") == 1


def test_hello_has_less_time_than_what_follows(talk: Talk, etherd: Etherd) -> None:
    with fake_server(silent) as address:
        assert "is it an etherd?" in talk(address, connect_seconds=0.1).run("ping").err
    shell = talk(etherd.address, connect_seconds=0.1)
    shell.run("ping")
    etherd.signal(signal.SIGSTOP)
    resume = threading.Timer(0.3, etherd.signal, (signal.SIGCONT,))
    resume.start()
    try:
        assert shell.run("ping").status == 0
    finally:
        resume.join()


def test_what_a_server_refuses_at_hello_is_what_one_hears(talk: Talk) -> None:
    with fake_server(refusing) as address:
        said = talk(address).run("alloc 5")
    assert (said.status, said.err) == (1, "HELLO: go away (FORBIDDEN)\n")


def refusing(peer: socket.socket) -> None:
    """Answer the first request with FORBIDDEN, and close."""
    connection = ServerConnection()
    (request,) = connection.receive_data(peer.recv(65536))
    assert isinstance(request, Message)
    payload = ErrorCode.FORBIDDEN.to_bytes(2, "big") + b"go away"
    peer.sendall(connection.send(request.reply(Command.ERROR, payload=payload)))

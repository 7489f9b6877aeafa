"""Servers that are not etherd, or that fail at the right moment.

Rule: one connection at a time, with the behaviour that the test chooses; the thread ends with
the test.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ether_protocol import Command, Message, ServerConnection
from ether_protocol.wire.bodies import Hello, encode_hello

Behaviour = Callable[[socket.socket], None]

HELLO = Hello("fake", "0", 1 << 24, 0, 0, False, ())


def silent(peer: socket.socket) -> None:
    """Receive and never answer, until the peer closes."""
    while peer.recv(65536):
        pass


def banner(peer: socket.socket) -> None:
    """Send a banner of another protocol first, as an SSH server does."""
    peer.sendall(b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n")
    silent(peer)


def closing(peer: socket.socket) -> None:
    """Close at once."""


def after_hello(then: Behaviour) -> Behaviour:
    """Answer HELLO as etherd does, and go on with the behaviour `then`."""

    def behaviour(peer: socket.socket) -> None:
        connection = ServerConnection()
        while not (requests := connection.receive_data(peer.recv(65536))):
            pass
        (request,) = requests
        assert isinstance(request, Message)
        assert request.command == Command.HELLO
        peer.sendall(connection.send(request.reply(payload=encode_hello(HELLO))))
        then(peer)

    return behaviour


@contextmanager
def fake_server(behaviour: Behaviour) -> Iterator[str]:
    """The address of a server that treats each connection alike."""

    def serve() -> None:
        with suppress(OSError):  # the test is over, and with it the listener
            while True:
                with listener.accept()[0] as peer, suppress(ConnectionError):
                    behaviour(peer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()

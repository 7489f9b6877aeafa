"""A TCP proxy that records what a real client and a real server send, chunk by chunk.

Rule: bytes are passed on unchanged and in order; nothing here knows the protocol.
"""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from harness import Etherd


class Chunk(NamedTuple):
    """Bytes that one side sent."""

    to_server: bool
    data: bytes


class RecordingProxy:
    """A port that leads to `etherd`, for one connection; `chunks` is what went through it."""

    def __init__(self, etherd: Etherd) -> None:
        self.chunks: list[Chunk] = []
        self._etherd = etherd
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.peer: tuple[str, int] = self.listener.getsockname()
        self.address = f"127.0.0.1:{self.peer[1]}"
        self.thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        near, _ = self.listener.accept()
        with near, self._etherd.socket() as far, selectors.DefaultSelector() as selector:
            selector.register(near, selectors.EVENT_READ, (far, True))
            selector.register(far, selectors.EVENT_READ, (near, False))
            while selector.get_map():
                for key, _ in selector.select():
                    self._pass_on(selector, key)

    def _pass_on(self, selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
        sock, (peer, to_server) = key.fileobj, key.data
        assert isinstance(sock, socket.socket)
        data = sock.recv(1 << 16)
        if data:
            self.chunks.append(Chunk(to_server, data))
            peer.sendall(data)
        else:
            selector.unregister(sock)
            peer.shutdown(socket.SHUT_WR)


@contextmanager
def recording(etherd: Etherd) -> Iterator[RecordingProxy]:
    """Record one connection, which must be made, and closed, inside the block."""
    recorded = RecordingProxy(etherd)
    with recorded.listener:
        recorded.thread.start()
        yield recorded
        recorded.thread.join()

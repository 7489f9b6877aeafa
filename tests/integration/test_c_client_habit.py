"""The original C client sends filler behind ALLOC and READ: it is served, and so are others."""

from __future__ import annotations

import socket

import pytest

from harness import Etherd
from wire import ALLOC, OK, PING, PONG, READ, WRITE, ask_v1, receive_v1, v1

FILLER = bytes(range(0x10, 0x90)) * 2
DATA = b"hello from 1989!"


class OldClient:
    """What the C client in the world does: filler behind each ALLOC and READ."""

    filler = FILLER

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock

    def conversation(self, handle: int) -> bytes:
        """ALLOC 256, WRITE, READ, as bytes; `handle` is the one the ALLOC will give."""
        return (
            v1(ALLOC, 0, 256, self.filler[:256])
            + v1(WRITE, handle, len(DATA), DATA)
            + v1(READ, handle, 64, self.filler[:64])
        )

    def expect_conversation(self, handle: int) -> None:
        assert receive_v1(self.sock)[:2] == (OK, handle)
        assert receive_v1(self.sock)[:2] == (OK, handle)
        assert receive_v1(self.sock).payload == DATA.ljust(64, b"\0")


class NewClient(OldClient):
    """A client that keeps to the protocol."""

    filler = b""


@pytest.mark.parametrize("kind", [OldClient, NewClient])
def test_step_by_step(etherd: Etherd, kind: type[OldClient]) -> None:
    with etherd.socket() as sock:
        client = kind(sock)
        block = ask_v1(sock, ALLOC, 0, 256, payload=client.filler[:256])
        assert block[:4] == (OK, 1, 0, b"")
        assert ask_v1(sock, WRITE, 1, len(DATA), payload=DATA)[:4] == (OK, 1, 0, b"")
        read = ask_v1(sock, READ, 1, 16, payload=client.filler[:16])
        assert read == (OK, 1, 16, DATA, 0, 0)
        assert ask_v1(sock, PING).command == PONG


@pytest.mark.parametrize("kind", [OldClient, NewClient])
def test_all_at_once(etherd: Etherd, kind: type[OldClient]) -> None:
    with etherd.socket() as sock:
        client = kind(sock)
        sock.sendall(client.conversation(1))
        client.expect_conversation(1)


def test_both_at_once_byte_by_byte(etherd: Etherd) -> None:
    with etherd.socket() as old_sock, etherd.socket() as new_sock:
        old, new = OldClient(old_sock), NewClient(new_sock)
        # The old one's ALLOC is complete before the new one's begins.
        handles = {}
        for client, handle in ((old, 1), (new, 2)):
            for byte in v1(ALLOC, 0, 256, client.filler[:256]):
                client.sock.sendall(bytes([byte]))
            handles[client] = receive_v1(client.sock).handle
            assert handles[client] == handle
        rest = {
            client: client.conversation(handles[client])[24 + len(client.filler[:256]) :]
            for client in (old, new)
        }
        for position in range(max(map(len, rest.values()))):
            for client in (old, new):
                client.sock.sendall(rest[client][position : position + 1])
        for client in (old, new):
            assert receive_v1(client.sock)[:2] == (OK, handles[client])
            assert receive_v1(client.sock).payload == DATA.ljust(64, b"\0")


@pytest.mark.parametrize("kind", [OldClient, NewClient])
def test_a_thousand_pipelined(etherd: Etherd, kind: type[OldClient]) -> None:
    with etherd.socket() as sock:
        client = kind(sock)
        sock.sendall(b"".join(client.conversation(handle) for handle in range(1, 1001)))
        for handle in range(1, 1001):
            client.expect_conversation(handle)


def test_filler_longer_than_any_buffer_is_skipped_and_not_stored(etherd: Etherd) -> None:
    size = 16 * 1024 * 1024
    with etherd.socket() as sock:
        before = etherd.resident_bytes
        for handle in (1, 2, 3, 4):
            sock.sendall(v1(ALLOC, 0, size))
            assert receive_v1(sock).handle == handle
            sock.sendall(bytes(size))
        assert ask_v1(sock, PING).command == PONG
        assert etherd.resident_bytes - before < size

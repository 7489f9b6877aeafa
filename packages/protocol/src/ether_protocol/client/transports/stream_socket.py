"""A blocking stream socket of the kernel, which TCP and Unix connections share.

Rule: Python's own timeouts are not used; the kernel ends a call that waits too
long, and an answer is polled for busily before the thread sleeps.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress

from ether_protocol.wire.messages import Buffer

from .base import TransportError

_BUSY_POLL_SECONDS = 100e-6
"""How long an answer is polled for before the thread sleeps until it arrives.

On loopback and on fast networks, waking a thread takes longer than the rest of
a round trip (docs/performance.md).
"""

_SLEEPS_AFTER_MISS = 64
"""After a busy poll without an answer, so many receives sleep at once."""

_RECENT_SECONDS = 10e-6
"""A connection that delivered bytes so recently is not asked whether it has ended.

A request takes as long to arrive, so the answer would say nothing.
"""

_CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class SocketTransport:
    """One connected socket, as a BlockingTransport."""

    def __init__(self, sock: socket.socket, *, busy_poll: bool = _CPUS > 1) -> None:
        self._sock = sock
        self._timeout: float | None = None
        self._busy_poll = busy_poll
        self._sleeps_left = 0
        self._received_at = 0.0

    def close(self) -> None:
        """See BlockingTransport."""
        self._sock.close()

    def interrupt(self) -> None:
        """See BlockingTransport; closing alone wakes no thread."""
        with suppress(OSError):  # ended already
            self._sock.shutdown(socket.SHUT_RDWR)

    def limit_silence(self, seconds: float | None) -> None:
        """See BlockingTransport.

        The kernel keeps the time: with its own timeouts, Python asks the kernel
        before each call whether it would wait.
        """
        self._timeout = seconds
        self._sock.settimeout(None)
        whole, part = divmod(0.0 if seconds is None else max(seconds, 1e-6), 1)
        limit = struct.pack("@ll", int(whole), int(part * 1e6))
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self._sock.setsockopt(socket.SOL_SOCKET, option, limit)

    def has_ended(self) -> bool:
        """See BlockingTransport."""
        if time.perf_counter() < self._received_at + _RECENT_SECONDS:
            return False
        try:
            return not self._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def send(self, data: Buffer) -> int:
        """See BlockingTransport."""
        return self._sock.send(data)

    def send_all(self, data: Buffer) -> None:
        """See BlockingTransport; `socket.sendall` has one limit for the whole."""
        rest = memoryview(data)
        while len(rest):
            rest = rest[self.send(rest) :]

    def send_while_receiving(self, data: Buffer, receive: Callable[[], object]) -> None:
        """See BlockingTransport."""
        rest = memoryview(data)
        while len(rest):
            try:
                rest = rest[self._sock.send(rest, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                if self._readable_before_writable():
                    receive()
            except OSError as error:
                raise TransportError(error) from None

    def _readable_before_writable(self) -> bool:
        poll = select.poll()
        try:
            poll.register(self._sock, select.POLLIN | select.POLLOUT)
        except ValueError:  # another thread has closed it, and it has no number any more
            raise TransportError(OSError(errno.EBADF, os.strerror(errno.EBADF))) from None
        ready = poll.poll(None if self._timeout is None else self._timeout * 1000)
        if not ready:
            raise TransportError(TimeoutError())
        return bool(ready[0][1] & ~select.POLLOUT)

    def receive_into(self, room: memoryview) -> int:
        """See BlockingTransport; polls busily before it sleeps."""
        if self._sleeps_left:
            self._sleeps_left -= 1
        elif self._busy_poll:
            receive = self._sock.recv_into
            until = time.perf_counter() + _BUSY_POLL_SECONDS
            while (now := time.perf_counter()) < until:
                try:
                    count = receive(room, 0, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    continue
                self._received_at = now
                return count
            self._sleeps_left = _SLEEPS_AFTER_MISS
        return self._sock.recv_into(room)

    def receive_whole(self, size: int) -> bytes:
        """See BlockingTransport."""
        return self._sock.recv(size, socket.MSG_WAITALL)

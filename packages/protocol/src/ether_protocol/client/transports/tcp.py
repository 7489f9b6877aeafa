"""A blocking socket: opened, waited for awake, and silent for no longer than is allowed.

Rule: bytes only; nothing here knows a message.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ether_protocol.sockets import do_not_pace
from ether_protocol.wire.address import Address
from ether_protocol.wire.errors import ConnectionLost
from ether_protocol.wire.messages import Buffer

_SPIN_SECONDS = 100e-6
"""How long an answer is looked for before the kernel is asked to wake this thread for it.

On loopback and on fast networks the waking costs more than the rest of a
round trip (docs/performance.md, "Staying awake").
"""

_SPIN_PAUSE = 64
"""After an answer that was slower than that, so many are waited for at once."""

_FRESH_SECONDS = 10e-6
"""A connection heard from this moment is not asked whether it has ended: it takes as long
for a request to get there, and what the answer was worth by then nobody could tell."""

_CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_transport(address: Address, connect_timeout: float, timeout: float | None) -> Transport:
    """Connect; raises ConnectionLost where nobody answers within `connect_timeout` seconds."""
    with connecting(address):
        sock = socket.create_connection((address.host, address.port), connect_timeout)
        transport = Transport(sock, spin=_CPUS > 1)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            do_not_pace(sock)
            transport.limit_silence(timeout)
        except OSError:  # reset already
            transport.close()
            raise
    return transport


@contextmanager
def connecting(address: Address) -> Iterator[None]:
    """Have what goes wrong with opening a connection to `address` be a ConnectionLost."""
    try:
        yield
    except OSError as error:  # TimeoutError is one
        raise ConnectionLost(f"can't connect to {address}: {reason_of(error)}") from None
    except UnicodeError:  # the codec of host names
        raise ConnectionLost(f"can't connect to {address}: no host has such a name") from None


class Broken(Exception):
    """The socket failed, for `reason`; a type of its own, since hooks may raise OSError too."""

    def __init__(self, error: OSError) -> None:
        self.reason: str = reason_of(error)
        self.in_time: bool = not timed_out(error)


class Transport:
    """One socket; methods raise OSError unless they say otherwise."""

    def __init__(self, sock: socket.socket, *, spin: bool = False) -> None:
        self._sock = sock
        self._timeout: float | None = None
        self._spin = spin
        self._spin_in = 0
        self._heard_at = 0.0

    def close(self) -> None:
        """Close the socket.  May be called twice."""
        self._sock.close()

    def limit_silence(self, seconds: float | None) -> None:
        """Have the kernel end a call after so long a silence, or never.

        Python's own timeouts ask the kernel before each call whether it may be made.
        """
        self._timeout = seconds
        self._sock.settimeout(None)
        whole, part = divmod(0.0 if seconds is None else max(seconds, 1e-6), 1)
        limit = struct.pack("@ll", int(whole), int(part * 1e6))
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
            self._sock.setsockopt(socket.SOL_SOCKET, option, limit)

    def has_ended(self) -> bool:
        """Whether the server has closed already, so that a request never sent is not "unknown"."""
        if time.perf_counter() < self._heard_at + _FRESH_SECONDS:
            return False
        try:
            return not self._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def send(self, data: Buffer) -> int:
        """Send some of `data`, waiting if need be; returns how many bytes."""
        return self._sock.send(data)

    def send_all(self, data: Buffer) -> None:
        """Send all of `data`.

        One `sendall` would take the timeout for the whole of it, not for a silence.
        """
        rest = memoryview(data)
        while len(rest):
            rest = rest[self.send(rest) :]

    def push(self, data: Buffer, meanwhile: Callable[[], object]) -> None:
        """Send `data`, and have `meanwhile` take what comes while the server takes nothing.

        A server reads no further while nobody takes its replies, so whoever
        sends much before it reads must do both at once.  Raises Broken.
        """
        rest = memoryview(data)
        while len(rest):
            try:
                rest = rest[self._sock.send(rest, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                if self._readable_before_writable():
                    meanwhile()
            except OSError as error:
                raise Broken(error) from None

    def _readable_before_writable(self) -> bool:
        poll = select.poll()
        poll.register(self._sock, select.POLLIN | select.POLLOUT)
        ready = poll.poll(None if self._timeout is None else self._timeout * 1000)
        if not ready:
            raise Broken(TimeoutError())
        return bool(ready[0][1] & ~select.POLLOUT)

    def receive_into(self, room: memoryview) -> int:
        """Receive once, waiting if need be; returns how many bytes, 0 at the end.

        A thread that sleeps is woken late, so an answer is looked for awake first.
        """
        if self._spin_in:
            self._spin_in -= 1
        elif self._spin:
            receive = self._sock.recv_into
            until = time.perf_counter() + _SPIN_SECONDS
            while (now := time.perf_counter()) < until:
                try:
                    count = receive(room, 0, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    continue
                self._heard_at = now
                return count
            self._spin_in = _SPIN_PAUSE
        return self._sock.recv_into(room)

    def receive_whole(self, size: int) -> bytes:
        """Receive `size` bytes, fewer where a silence or the end comes first."""
        return self._sock.recv(size, socket.MSG_WAITALL)


def reason_of(error: OSError) -> str:
    """What went wrong, in words."""
    if timed_out(error):
        return "no answer in time"
    if error.errno is not None and error.errno > 0:  # asyncio has words of its own, with a tuple
        return os.strerror(error.errno)
    return error.strerror or str(error) or type(error).__name__


def timed_out(error: OSError) -> bool:
    """A call that the kernel ended for `limit_silence` says that it would block."""
    return isinstance(error, TimeoutError | BlockingIOError)

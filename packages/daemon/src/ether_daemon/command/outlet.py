"""Where text leaves the process: a file that may be moved away, a pipe that nobody may read.

Rule: nothing here waits for a reader and nothing raises once it is open; what
was not taken is told by the answer of `write`.
"""

from __future__ import annotations

import errno
import os
import select
import socket
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

STDOUT, STDERR = 1, 2

_ATOMIC_BYTES = 512
"""What a pipe or a terminal that is ready takes without waiting."""


class Outlet:
    """A descriptor that may be shared with others, such as stderr."""

    def __init__(self, descriptor: int) -> None:
        """`descriptor` stays the caller's.  Raises OSError where it is closed."""
        self.trouble: OSError | None = None
        """Why the last text was not written, or not where it belongs; None where it was."""
        self._rest = b""  # of a text that was written in part
        self._opened: int | None = None
        self._socket: socket.socket | None = None
        self._send = self._way_to(descriptor)

    def write(self, text: bytes) -> bool:
        """Write `text`; what of it is not taken now is written first next time.

        Returns whether it was taken; where it was not, it is to be given again
        or to be forgotten.
        """
        try:
            if self._rest:
                self._rest = self._rest[self._send(self._rest) :]
            if self._rest:
                raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
            self._rest = text[self._send(text) :]
        except OSError as error:
            self.trouble = error
            return False
        self.trouble = None
        return True

    def finish(self, seconds: float) -> None:
        """Write what is left of the last text, if somebody takes it in that time."""
        until = time.monotonic() + seconds
        while self._rest and time.monotonic() < until:
            if not self.write(b"") and not isinstance(self.trouble, BlockingIOError):
                return
            select.select([], [], [], 0.01)

    def close(self) -> None:
        """Close what was opened here."""
        if self._opened is not None:
            with suppress(OSError):
                os.close(self._opened)
            self._opened = None
        if self._socket is not None:
            self._socket.close()

    def _way_to(self, descriptor: int) -> Callable[[bytes], int]:
        """How bytes are written there without waiting.

        O_NONBLOCK belongs to all processes that share what is open, the
        person's shell among them.  So it is set on an opening of our own.
        """
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISSOCK(kind):
            self._socket = sock = socket.socket(fileno=os.dup(descriptor))
            return lambda text: sock.send(text, socket.MSG_DONTWAIT)
        if stat.S_ISFIFO(kind) or stat.S_ISCHR(kind):
            flags = os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
            with suppress(OSError):  # another user's terminal
                self._opened = descriptor = os.open(f"/proc/self/fd/{descriptor}", flags)
                return lambda text: os.write(descriptor, text)
            return lambda text: _write_if_ready(descriptor, text)
        return lambda text: os.write(descriptor, text)


class LogFile:
    """A file that is begun anew when it is moved away, as logrotate does.

    Where the new one can't be opened, what was moved away is written to; where
    that is removed, nothing is written.  Both end when it can be opened.
    """

    def __init__(self, path: Path) -> None:
        """Raises OSError if it can't be opened."""
        self.trouble: OSError | None = None
        """Why the last line was not written, or not where it belongs; None where it was."""
        self._path = path
        self._descriptor = -1
        self._outlet: Outlet
        self._open()

    def write(self, text: bytes) -> bool:
        """Write `text` and return whether it was taken."""
        misplaced = self._follow_path()
        if misplaced is not None and self._is_removed():
            self.trouble = misplaced
            return False
        taken = self._outlet.write(text)
        self.trouble = self._outlet.trouble or misplaced
        return taken

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            self._outlet.close()
            os.close(self._descriptor)
            self._descriptor = -1

    def _follow_path(self) -> OSError | None:
        """Open the file again where another, or none, has its name; returns why that failed."""
        try:
            try:
                if os.path.samestat(os.stat(self._path), os.fstat(self._descriptor)):
                    return None
            except FileNotFoundError:
                pass
            self._open()
        except OSError as error:
            return error
        return None

    def _open(self) -> None:
        # Without O_NONBLOCK the opening of a FIFO waits until somebody reads it.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o666)
        try:
            outlet = Outlet(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        self.close()
        self._descriptor, self._outlet = descriptor, outlet

    def _is_removed(self) -> bool:
        try:
            return os.fstat(self._descriptor).st_nlink == 0
        except OSError:
            return True


def _write_if_ready(descriptor: int, text: bytes) -> int:
    poll = select.poll()
    poll.register(descriptor, select.POLLOUT)
    if not poll.poll(0):
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
    return os.write(descriptor, text[:_ATOMIC_BYTES])

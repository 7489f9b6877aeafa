"""The file of a Unix socket: made, replaced where nobody listens there any more, and removed.

Rule: a file on which somebody listens is never touched, and at the end only the
file that was made here is removed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOCK_SECONDS = 1.0
_LOCK_POLL_SECONDS = 0.01


class UnixSocketFile:
    """A socket that listens at a path."""

    def __init__(self, path: Path, mode: int, backlog: int) -> None:
        """Raises OSError where it can't be made, or where somebody listens already."""
        self.path = path
        with _alone_in(path.parent):
            _clear(path)
            self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                # Nobody else may connect before the mode is what it is to be.
                before = os.umask(0o177)
                try:
                    self.sock.bind(str(path))
                finally:
                    os.umask(before)
                self._made = _identity(path)
                self.sock.listen(backlog)
                os.chmod(path, mode)
            except BaseException:
                self.sock.close()
                raise

    def remove(self) -> None:
        """Remove the file, while the socket is still open, unless another one took its place."""
        with suppress(OSError):
            if _identity(self.path) == self._made:
                self.path.unlink()


def _clear(path: Path) -> None:
    """Remove what a server that has died has left there."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(errno.EEXIST, "there is a file that is no socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass  # a server that has no room for another client just now
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


def _identity(path: Path) -> tuple[int, int]:
    # The file's number is not used again while its socket is open.
    status = path.lstat()
    return status.st_dev, status.st_ino


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other servers that start now from looking at the same file in between."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        deadline = time.monotonic() + _LOCK_SECONDS
        # Whoever may read the folder can hold the lock: it must not keep us from starting.
        while time.monotonic() < deadline:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            time.sleep(_LOCK_POLL_SECONDS)
        yield
    finally:
        os.close(descriptor)

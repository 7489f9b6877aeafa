"""The file that `--pid-file` names: written while the daemon serves, and only by one at a time.

Rule: who holds the lock on the file has written it; what the file says proves nothing.
"""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path

_MODE = 0o644  # others may read it, and so may not lock it


class PidFileTaken(Exception):
    """The file is not to be written; the message says which and why."""


class PidFile:
    """A file with this process's id in it, locked until it is released or the process ends."""

    def __init__(self, path: Path) -> None:
        """Write this process's id to `path`; raises PidFileTaken or OSError."""
        self._path = path
        self._descriptor = _locked(path)
        text = b"%d\n" % os.getpid()
        try:
            # Never empty for one who reads it meanwhile, and cut to its length last.
            os.pwrite(self._descriptor, text, 0)
            os.ftruncate(self._descriptor, len(text))
        except OSError as error:
            self.release()
            raise OSError(error.errno, error.strerror, str(path)) from None

    def release(self) -> None:
        """Remove the file, if it is still the one that was written."""
        if self._descriptor < 0:
            return
        try:
            if _is_at(self._path, self._descriptor):
                self._path.unlink(missing_ok=True)
        except OSError:
            pass  # the folder is not ours any more
        os.close(self._descriptor)
        self._descriptor = -1


def _locked(path: Path) -> int:
    """The file at `path`, opened and locked; made where there is none."""
    while True:
        # A symbolic link would have another file written that somebody chose.
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        if path.is_symlink():
            raise PidFileTaken(f"{path} is a symbolic link: name the file itself")
        descriptor = os.open(path, flags, _MODE)
        try:
            _check_kind(path, descriptor)
            try:
                fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError):
                raise PidFileTaken(
                    f"{path} belongs to the running process {_said(descriptor)}"
                ) from None
            if _is_at(path, descriptor):
                return descriptor
        except OSError as error:
            os.close(descriptor)
            raise OSError(error.errno, error.strerror, str(path)) from None
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)  # another has just removed it: begin anew


def _check_kind(path: Path, descriptor: int) -> None:
    kind = os.fstat(descriptor)
    if not stat.S_ISREG(kind.st_mode):
        raise PidFileTaken(f"{path} is no plain file")
    if kind.st_nlink > 1:
        raise PidFileTaken(f"{path} is the same file as another: remove it")


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.lstat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _said(descriptor: int) -> str:
    """What the owner of the file has written, if it is a number."""
    text = os.pread(descriptor, 20, 0).strip()
    return text.decode() if text.isdigit() else "that has locked it"

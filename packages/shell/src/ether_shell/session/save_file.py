"""Files that commands write: complete under their own name, or unfinished under another.

Rule: every file that a command writes is created here. An existing file is replaced in one
step, when all of the new one has been written.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ether_shell.language.values import FromFile
from ether_shell.problems import UsageError

_UNFINISHED: Final = ".part"
"""The name of a file ends in this until the file is complete."""


class SaveFile:
    """A file being written, as a context manager: complete at the end, or kept as `.part`.

    Anything but a regular file, such as a pipe or a device, is written in place. Raises
    UsageError, with the place in the line, where the file can't be written.
    """

    def __init__(self, name: FromFile) -> None:
        self._name = name
        named = Path(os.path.expanduser(name.path))
        self._in_place = _is_special(named)
        # /dev/stdout and /dev/fd/63 lead to a pipe, which has no path of its own.
        try:
            self.path = named if self._in_place else Path(os.path.realpath(named))
        except ValueError as error:  # there is a zero byte in the name
            raise self._usage_error(error) from None
        self.size = 0
        self._descriptor = -1

    @property
    def replaces(self) -> bool:
        """Whether there is a file of that name already."""
        return self.path.is_file()

    @property
    def kept(self) -> Path | None:
        """The path of the unfinished file, None where there is none."""
        if self._in_place or not self.size:
            return None
        return self._part

    @property
    def _part(self) -> Path:
        return self.path.with_name(self.path.name + _UNFINISHED)

    def __enter__(self) -> Self:
        try:
            how = os.O_WRONLY | os.O_CLOEXEC
            if self._in_place:
                self._descriptor = os.open(self.path, how)
            else:
                how |= os.O_NOFOLLOW | os.O_CREAT | os.O_TRUNC
                self._descriptor = os.open(self._part, how, 0o666)
        except (OSError, ValueError) as error:
            raise self._usage_error(error) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._in_place:
            # An interrupt may have come between a write and the line that counts it.
            self.size = os.fstat(self._descriptor).st_size
        os.close(self._descriptor)
        if self._in_place:
            return
        if kind is not None:
            if not self.size:
                self._part.unlink(missing_ok=True)
            return
        try:
            os.replace(self._part, self.path)
        except OSError as problem:
            raise self._usage_error(problem) from None

    def write(self, data: bytes) -> None:
        """Append `data`. Raises UsageError where that fails, as on a full disk."""
        rest = memoryview(data)
        try:
            while len(rest):
                written = os.write(self._descriptor, rest)
                rest = rest[written:]
                self.size += written
        except OSError as error:
            raise self._usage_error(error) from None

    def _usage_error(self, error: OSError | ValueError) -> UsageError:
        reason = getattr(error, "strerror", None) or str(error)
        return UsageError(f"can't write {self._name.path}: {reason}", self._name.at)


def _is_special(path: Path) -> bool:
    """Whether `path` exists and is not a regular file."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False

"""Where the bytes of a `dump` go: a file that is there whole, or under another name.

Rule: this is the only file that creates what a person names; a file of that
name is replaced in one step, when all of it has been written.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from ether_shell.language.values import FromFile

from .problems import Misuse

_UNFINISHED: Final = ".part"
"""What the name of a file ends in until it is whole."""


class SaveFile:
    """A file being written, as a context manager: whole at the end, or kept as `.part`.

    What is no regular file, such as a pipe or a device, is written as it
    stands.  Raises Misuse, with the spot in the line, where that can't be.
    """

    def __init__(self, name: FromFile) -> None:
        self._name = name
        named = Path(os.path.expanduser(name.path))
        self._in_place = _is_no_file(named)
        # /dev/stdout and /dev/fd/63 lead to a pipe, which has no path of its own.
        self.path = named if self._in_place else Path(os.path.realpath(named))
        self.size = 0
        self._descriptor = -1

    @property
    def replaces(self) -> bool:
        """Whether a file of that name is there already."""
        return self.path.is_file()

    @property
    def kept(self) -> Path | None:
        """Where the bytes of a file lie that was not finished, None where there are none."""
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
            raise self._misuse(error) from None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if not self._in_place:
            # An interrupt may have come between a write and its being counted.
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
            raise self._misuse(problem) from None

    def write(self, data: bytes) -> None:
        """Append `data`; raises Misuse where there is no room for it."""
        rest = memoryview(data)
        try:
            while len(rest):
                written = os.write(self._descriptor, rest)
                rest = rest[written:]
                self.size += written
        except OSError as error:
            raise self._misuse(error) from None

    def _misuse(self, error: OSError | ValueError) -> Misuse:
        reason = getattr(error, "strerror", None) or str(error)
        return Misuse(f"can't write {self._name.path}: {reason}", self._name.at)


def _is_no_file(path: Path) -> bool:
    """Whether something is there that is not replaced but written as it stands."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):
        return False

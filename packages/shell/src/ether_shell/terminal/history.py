"""The history: lines that were typed, kept between sessions.

Rule: only the user can read the file, from its first byte on. Secrets and lines that begin
with a space are not kept. A history that can't be written is no error.
"""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from ether_shell.language.grammar import is_hex, scan

LONGEST_LITERAL_BYTES = 256
"""A line with a longer literal was pasted, and is not worth keeping."""

_SECRET_COMMANDS = frozenset({"auth"})
"""Lines with one of these words may hold a secret: `watch 1 auth …` does, too."""

_PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700


def open_history(path: Path) -> History:
    """The history in the file `path`, or one in memory where that is not possible."""
    try:
        path.parent.mkdir(_PRIVATE_FOLDER, parents=True, exist_ok=True)
        descriptor = _open(path, os.O_RDWR)
        try:
            os.fchmod(descriptor, _PRIVATE_FILE)
        finally:
            os.close(descriptor)
    except OSError:
        return MemoryHistory()
    return PrivateHistory(path)


def worth_keeping(text: str) -> bool:
    """Whether a line, or several pasted lines, are kept."""
    return not text.startswith(" ") and all(map(_may_be_kept, text.splitlines()))


def _may_be_kept(line: str) -> bool:
    if not _SECRET_COMMANDS.isdisjoint(line.lower().split()):
        return False
    result = scan(line)
    length, growing = 0, False
    for token in result.tokens:
        growing = token.growing or (growing and is_hex(token))
        joins = growing and not token.growing
        length = length + len(token.text) // 2 if joins else len(token.data)
        if length > LONGEST_LITERAL_BYTES:
            return False
    end = result.tokens[-1].end if result.tokens else 0
    return result.problem is None or len(line) - end <= LONGEST_LITERAL_BYTES


class MemoryHistory(InMemoryHistory):
    """The history of one session, in memory."""

    def append_string(self, string: str) -> None:
        """Add `string`, if it is worth keeping."""
        if worth_keeping(string):
            super().append_string(string)


def _open(path: Path, how: int) -> int:
    return os.open(path, how | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _PRIVATE_FILE)


class PrivateHistory(FileHistory):
    """A history file that only its owner can read; prompt_toolkit would make it public."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._path = path

    def append_string(self, string: str) -> None:
        """Add `string`, if it is worth keeping."""
        if worth_keeping(string):
            super().append_string(string)

    def store_string(self, string: str) -> None:
        """Append `string` in prompt_toolkit's format; where that fails it is not kept."""
        lines = "".join([f"+{line}\n" for line in string.split("\n")])
        entry = f"\n# {datetime.now()}\n{lines}".encode("utf-8", "replace")
        with suppress(OSError):
            descriptor = _open(self._path, os.O_WRONLY)
            try:
                os.write(descriptor, entry)
            finally:
                os.close(descriptor)

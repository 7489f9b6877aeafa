"""The lines that were typed, kept between sessions.

Rule: nobody but the user can read the file, from its first byte on; secrets
and what began with a space are not kept; and a history that can't be kept
never keeps anybody from working.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from ether_shell.language.grammar import is_hex, scan

LONGEST_LITERAL_BYTES = 256
"""A literal above this was pasted, and nobody wants to leaf through it."""

_SECRET_COMMANDS = ("auth",)
"""What is typed behind these is nobody's business, whatever the shell makes of it."""

_PRIVATE_FILE = 0o600
_PRIVATE_FOLDER = 0o700


def history_path(environment: Mapping[str, str]) -> Path:
    """`$XDG_STATE_HOME/ether/history`; a state folder that is no absolute path counts for none."""
    state = Path(environment.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():
        state = Path(environment.get("HOME") or Path.home()) / ".local" / "state"
    return state / "ether" / "history"


def open_history(path: Path) -> History:
    """The history in `path`, or one in memory where that can't be had."""
    try:
        path.parent.mkdir(_PRIVATE_FOLDER, parents=True, exist_ok=True)
        descriptor = _open(path, os.O_RDWR)
        try:
            os.fchmod(descriptor, _PRIVATE_FILE)
        finally:
            os.close(descriptor)
    except OSError:
        return BriefHistory()
    return PrivateHistory(path)


def worth_keeping(text: str) -> bool:
    """Whether what was typed is kept: one line, or several that were pasted."""
    return not text.startswith(" ") and all(map(_is_harmless, text.splitlines()))


def _is_harmless(line: str) -> bool:
    if line.split(maxsplit=1)[:1] and line.split(maxsplit=1)[0].lower() in _SECRET_COMMANDS:
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


class BriefHistory(InMemoryHistory):
    """The history of one session."""

    def append_string(self, string: str) -> None:
        """Keep `string`, if it is worth it."""
        if worth_keeping(string):
            super().append_string(string)


def _open(path: Path, how: int) -> int:
    return os.open(path, how | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _PRIVATE_FILE)


class PrivateHistory(FileHistory):
    """prompt_toolkit's history file, which creates its file for all to read, made private."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._path = path

    def append_string(self, string: str) -> None:
        """Keep `string`, if it is worth it."""
        if worth_keeping(string):
            super().append_string(string)

    def store_string(self, string: str) -> None:
        """Append `string`, in prompt_toolkit's format; on a full disk it is simply not kept."""
        lines = "".join([f"+{line}\n" for line in string.split("\n")])
        entry = f"\n# {datetime.now()}\n{lines}".encode("utf-8", "replace")
        with suppress(OSError):
            descriptor = _open(self._path, os.O_WRONLY)
            try:
                os.write(descriptor, entry)
            finally:
                os.close(descriptor)

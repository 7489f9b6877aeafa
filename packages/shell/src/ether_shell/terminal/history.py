"""The lines that were typed, kept between sessions.

Rule: nobody but the user can read the file, from its first byte on; and a
history that can't be kept never keeps anybody from working.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from prompt_toolkit.history import FileHistory, History, InMemoryHistory

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
        return InMemoryHistory()
    return PrivateHistory(path)


def _open(path: Path, how: int) -> int:
    return os.open(path, how | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, _PRIVATE_FILE)


class PrivateHistory(FileHistory):
    """prompt_toolkit's history file, which creates its file for all to read, made private."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._path = path

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

"""The file that `--pid-file` names: written while the daemon serves, and only by one at a time.

Rule: a file that a living `etherd` wrote is never touched by another.
"""

from __future__ import annotations

import os
from pathlib import Path


class PidFileTaken(Exception):
    """Another daemon that still runs has written the file; the message says which."""


def claim(path: Path) -> None:
    """Write this process's id to `path`; raises PidFileTaken or OSError."""
    owner = _owner(path)
    if owner and owner != os.getpid() and _is_etherd(owner):
        raise PidFileTaken(f"{path} belongs to the running process {owner}")
    path.write_text(f"{os.getpid()}\n")


def release(path: Path) -> None:
    """Remove `path` if it is this process's."""
    if _owner(path) == os.getpid():
        path.unlink(missing_ok=True)


def _owner(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def _is_etherd(process: int) -> bool:
    """Whether `process` runs and, as far as the system tells, is a daemon of this kind."""
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    try:
        return b"etherd" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return True

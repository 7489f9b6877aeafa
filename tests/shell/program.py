"""The installed `ether-shell`, run without a terminal."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from harness import DEADLINE_SECONDS, command


def ether_shell(
    *args: str, home: Path, stdin: bytes | None = b"", env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run it to its end."""
    return subprocess.run(
        [command("ether-shell"), *args],
        input=stdin,
        capture_output=True,
        timeout=DEADLINE_SECONDS,
        env=environment(home) | (env or {}),
        check=False,
    )


def environment(home: Path) -> dict[str, str]:
    """The environment of a user who has set nothing."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("XDG_")}
    return kept | {"HOME": str(home), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}

"""`python -m ether_shell`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from harness import DEADLINE_SECONDS
from shell.program import environment


def test_the_module_is_the_program(home: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ether_shell", "-c", "help"],
        capture_output=True,
        check=True,
        env=environment(home),
        timeout=DEADLINE_SECONDS,
    )
    assert b"alloc SIZE" in done.stdout

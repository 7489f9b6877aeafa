"""The first line that runs, of the command and of the module."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness import DEADLINE_SECONDS, command
from shell.program import environment


@pytest.mark.parametrize("program", [["ether-shell"], ["python", "-m", "ether_shell"]])
def test_an_interrupt_while_it_still_loads_is_quiet(
    home: Path, tmp_path: Path, program: list[str]
) -> None:
    # Some Pythons look for signals in loops only.
    interrupted = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nwhile True: pass\n"
    (tmp_path / "click.py").write_text(interrupted)
    done = subprocess.run(
        [command(program[0]), *program[1:], "-c", "help"],
        capture_output=True,
        env=environment(home) | {"PYTHONPATH": str(tmp_path)},
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")


def test_nothing_is_loaded_before_an_interrupt_is_handled(home: Path) -> None:
    code = (
        "import sys; before = set(sys.modules); import ether_shell.command.entry;"
        " print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        env=environment(home),
        timeout=DEADLINE_SECONDS,
    )
    loaded = "['__future__', 'ether_shell', 'ether_shell.command', 'ether_shell.command.entry']"
    assert done.stdout.decode().strip() == loaded

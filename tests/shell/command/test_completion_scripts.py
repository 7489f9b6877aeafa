"""Completion of the program itself: scripts that their shells accept, and what they offer."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from ether_shell.command.cli import ether_shell as program
from ether_shell.command.completion_scripts import SHELLS, flags_of, script
from ether_shell.commands.catalogue import COMMANDS
from shell.program import ether_shell


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_names_every_flag_and_every_command(shell: str, home: Path) -> None:
    printed = ether_shell("--completion", shell, home=home)
    assert (printed.returncode, printed.stderr) == (0, b"")
    text = printed.stdout.decode()
    assert text == script(shell, program, COMMANDS)
    for flag in flags_of(program):
        for name in flag.names:
            assert (name.lstrip("-") if shell == "fish" else name) in text
    for command in COMMANDS.commands:
        assert command.name in text


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_can_read_its_script(shell: str, tmp_path: Path) -> None:
    found = shutil.which(shell)
    if found is None:
        pytest.skip(f"there is no {shell} here")
    path = tmp_path / "script"
    path.write_text(script(shell, program, COMMANDS))
    read = subprocess.run([found, "-n", str(path)], capture_output=True, check=False)
    assert (read.returncode, read.stderr) == (0, b"")


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["ether-shell", "--j"], ["--json"]),
        (["ether-shell", "-c", "all"], ["alloc"]),
        (["ether-shell", "--completion", "z"], ["zsh"]),
        (["ether-shell", "--timeout", ""], []),
        (["ether-shell", "--token-f"], ["--token-file"]),
        (
            ["ether-shell", "--tls-ca", "/etc/hostnam"],
            ["/etc/hostname"],
        ),
        (["ether-shell", "--", "-"], None),
    ],
)
def test_what_bash_offers(words: list[str], offered: list[str] | None, tmp_path: Path) -> None:
    path = tmp_path / "script"
    path.write_text(script("bash", program, COMMANDS))
    asked = " ".join(f"'{word}'" for word in words)
    said = subprocess.run(
        [
            "bash",
            "-c",
            f'. "$0"; COMP_WORDS=({asked}); COMP_CWORD={len(words) - 1}; _ether_shell;'
            ' printf "%s\\n" "${COMPREPLY[@]}"',
            str(path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert said.stderr == ""
    if offered is not None:
        assert said.stdout.split() == offered

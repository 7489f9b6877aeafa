"""The demo leaves nothing behind: whatever ends it, its daemon ends with it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pexpect  # type: ignore[import-untyped]  # it comes without types
import pytest

from harness import DEADLINE_SECONDS, until

DEMO = Path(__file__).parents[2] / "scripts" / "demo.py"
STARTED = r"etherd is process (\d+), listening on 127\.0\.0\.1:\d+"


def _gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_without_a_terminal_it_plays_a_session_and_shows_it(home: Path) -> None:
    played = subprocess.run(
        [sys.executable, str(DEMO)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )

    assert played.stderr == ""
    assert played.returncode == 0
    started = re.match(STARTED, played.stdout)
    assert started is not None
    assert _gone(int(started[1]))
    shown = played.stdout
    for line in (
        "ether> ping",
        "pong",
        "ether> alloc 1KiB",
        "\n1\n",
        'ether> write 1 "hello, remote memory"',
        "|hello, remote me|",
        "\nhello, Remote memory\n",
        "ether> free 1",
        "Current usage:   0 bytes",
        "Goodbye!",
    ):
        _, found, shown = shown.partition(line)
        assert found, f"{line!r} is missing, or out of order, in:\n{played.stdout}"


@dataclass
class AtTerminal:
    """The demo at a terminal of its own."""

    child: pexpect.spawn[str]
    daemon_pid: int

    def end(self) -> int | None:
        """Wait for its end, and return its exit status."""
        self.child.expect(pexpect.EOF)
        self.child.close()
        status: int | None = self.child.exitstatus
        return status


@pytest.fixture
def terminal(home: Path) -> Iterator[AtTerminal]:
    """The demo at a terminal, once its prompt is there."""
    child = pexpect.spawn(
        sys.executable,
        [str(DEMO)],
        env={**os.environ, "TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1"},
        encoding="utf-8",
        timeout=DEADLINE_SECONDS,
        dimensions=(40, 120),
    )
    try:
        child.expect(STARTED)
        pid = int(child.match[1])
        child.expect(r"127\.0\.0\.1:\d+>")
        yield AtTerminal(child, pid)
    finally:
        child.close()  # hangs up on it, as a closed window does


def test_at_a_terminal_it_opens_the_shell(terminal: AtTerminal) -> None:
    child = terminal.child

    child.send("ping\r")
    child.expect("pong")
    child.send("quit\r")
    child.expect("Goodbye!")

    assert terminal.end() == 0
    assert _gone(terminal.daemon_pid)


def test_ctrl_c_at_the_prompt_belongs_to_the_shell(terminal: AtTerminal) -> None:
    child = terminal.child

    child.send("half a line")
    child.sendcontrol("c")
    child.send("ping\r")
    child.expect("pong")
    assert not _gone(terminal.daemon_pid)
    child.send("quit\r")

    assert terminal.end() == 0
    assert _gone(terminal.daemon_pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_daemon_too(terminal: AtTerminal, number: signal.Signals) -> None:
    terminal.child.kill(number)

    assert terminal.end() == 128 + number
    assert _gone(terminal.daemon_pid)


def test_ctrl_c_without_a_terminal_ends_the_daemon_too(home: Path) -> None:
    with subprocess.Popen(
        [sys.executable, str(DEMO)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as demo:
        assert demo.stdout is not None
        started = re.match(STARTED, demo.stdout.readline())
        assert started is not None

        demo.send_signal(signal.SIGINT)
        output, errors = demo.communicate(timeout=DEADLINE_SECONDS)

    until(lambda: _gone(int(started[1])), "the daemon to end")
    assert errors == ""
    assert "Goodbye!" in output
    assert demo.returncode == 130

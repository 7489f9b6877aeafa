"""Ether in one command: a daemon on a free port and a shell connected to it.

At a terminal it opens the shell's prompt; otherwise it plays the session below and shows it.

Rule: the daemon that is started here is stopped here, by its own process id, however this
program ends.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO

SESSION = (
    ("ping", "is it there?"),
    ("alloc 1KiB", "1,024 zeroed bytes under a handle"),
    ('write 1 "hello, remote memory"', "write any range of them"),
    ("read 1 32", ""),
    ("write 1 --at 7 R", "one byte is changed, and only one byte is sent"),
    ("read 1 20 --as text", "from another connection: a block outlives the one that made it"),
    ("list", ""),
    ("free 1", "wiped, and its handle is never used again"),
)

STOP_SECONDS = 15
"""Longer than the daemon itself waits for requests in flight."""


def program(name: str) -> str:
    """The command `name` of the environment that runs this file."""
    return str(Path(sys.executable).with_name(name))


@contextmanager
def running_etherd() -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A daemon on a free port of this machine only, and its address."""
    with tempfile.TemporaryFile("w+") as log:
        # In a process session of its own it does not get the terminal's Ctrl-C.
        daemon = subprocess.Popen(
            [program("etherd"), "--host", "127.0.0.1", "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            start_new_session=True,
        )
        try:
            yield daemon, _address(daemon, log)
        finally:
            _stop(daemon)


def _address(daemon: subprocess.Popen[str], log: IO[str]) -> str:
    """The address in the daemon's banner."""
    assert daemon.stdout is not None
    for line in daemon.stdout:
        if line.startswith("Listening on "):
            return line.removeprefix("Listening on ").strip()
    log.seek(0)
    raise SystemExit(f"etherd did not start:\n{log.read()}")


def _stop(daemon: subprocess.Popen[str]) -> None:
    """Stop the daemon and show its final statistics."""
    if daemon.poll() is None:
        daemon.terminate()
    try:
        output, _ = daemon.communicate(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        daemon.kill()
        output, _ = daemon.communicate()
    _, _, statistics = output.partition("shutting down...\n")
    print(statistics or output, end="", flush=True)


def converse(address: str) -> int:
    """Open the shell at this terminal; returns its exit status."""
    # Ctrl-C is for the shell; it would inherit SIG_IGN, but not a handler.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    return subprocess.run([program("ether-shell"), address], check=False).returncode


def play(address: str) -> int:
    """Run SESSION line by line and show it; returns the first exit status that is not 0."""
    for line, remark in SESSION:
        print(f"\nether> {line}" + (f"    # {remark}" if remark else ""), flush=True)
        shell = subprocess.run(
            [program("ether-shell"), address, "-c", line],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
            check=False,
        )
        if shell.returncode:
            return shell.returncode
    print(flush=True)
    return 0


def _leave(number: int, _frame: FrameType | None) -> None:
    """End as an exception does, so that the daemon is stopped on the way out."""
    raise SystemExit(128 + number)


def main() -> int:
    """Run the demo; returns the exit status."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    try:
        with running_etherd() as (daemon, address):
            print(f"etherd is process {daemon.pid}, listening on {address}", flush=True)
            at_terminal = sys.stdin.isatty() and sys.stdout.isatty()
            return converse(address) if at_terminal else play(address)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())

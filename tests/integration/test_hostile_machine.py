"""Real daemons on a machine that withholds something: a log file, a reader, a descriptor, memory.

Rule: whatever is withheld, `etherd` either says in one line why it does not
start, or goes on serving and ends in order.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE

import pytest

from ether_protocol import connect
from harness import DEADLINE_SECONDS, command, until

Start = type["Daemon"]


class Daemon:
    """An `etherd` started by a shell, with redirections and limits of one's own."""

    running: list[Daemon]

    def __init__(self, line: str = "", *, before: str = "true", stdout: int = PIPE) -> None:
        """`line` goes behind the command, redirections included; `before` is done first."""
        etherd = f"exec {shlex.quote(command('etherd'))} --host 127.0.0.1 --port 0 {line}"
        self.process = subprocess.Popen(
            ["bash", "-c", f"{before}; {etherd}"],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=PIPE,
        )
        self.running.append(self)
        self.pid = self.process.pid

    @property
    def address(self) -> str:
        """Where it listens, by what it prints."""
        assert self.process.stdout is not None
        text = b""
        while b"Press" not in text:
            text += os.read(self.process.stdout.fileno(), 4096) or b"Press"
        (port,) = re.findall(rb"Listening on .*:(\d+)", text)
        return f"127.0.0.1:{int(port)}"

    @property
    def listening(self) -> str:
        """Where it listens, by what the kernel says, for one that prints nowhere."""
        found: list[str] = []

        def look() -> bool:
            inodes = set()
            for link in Path(f"/proc/{self.pid}/fd").iterdir():
                try:
                    inodes.update(re.findall(r"socket:\[(\d+)\]", os.readlink(link)))
                except FileNotFoundError:
                    continue
            for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
                _, local, _, state, *rest = row.split()
                if state == "0A" and rest[5] in inodes:
                    found.append(f"127.0.0.1:{int(local.rpartition(':')[2], 16)}")
            return bool(found)

        until(look, "it listens")
        return found[0]

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Send it a signal and wait; returns its status and what was left in both pipes."""
        if number:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=DEADLINE_SECONDS)
        return self.process.returncode, (out or b"").decode(), (err or b"").decode()


@pytest.fixture
def start() -> Iterator[Start]:
    Daemon.running = []
    yield Daemon
    for daemon in Daemon.running:
        if daemon.process.poll() is None:
            daemon.process.kill()
        daemon.process.communicate(timeout=DEADLINE_SECONDS)


def served(address: str) -> None:
    """A client is let in, answered and gone."""
    with connect(address) as client:
        block = client.alloc(10)
        block.write(b"served")
        assert block.read() == b"served\0\0\0\0"
        block.free()


def test_a_log_folder_that_was_removed(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    log = folder / "etherd.log"
    daemon = start(f"--log-file {log}")
    address = daemon.address
    log.unlink()
    folder.rmdir()
    served(address)
    folder.mkdir()
    served(address)
    until(lambda: "lines were lost: No such file" in log.read_text(), "it logs again")
    status, out, err = daemon.end()
    assert status == 0
    assert out.endswith("Goodbye!\n")
    assert err == (
        f"etherd: can't write {log}: No such file or directory; "
        "lines are lost until that is mended\n"
    )


def test_a_full_disk(start: Start) -> None:
    daemon = start("--log-file /dev/full")
    address = daemon.address
    for _ in range(3):
        served(address)
    assert daemon.end()[::2] == (
        0,
        "etherd: can't write /dev/full: No space left on device; "
        "lines are lost until that is mended\n",
    )


@pytest.mark.parametrize("log", ["", "--log-file /dev/stderr"])
def test_a_log_that_nobody_reads(start: Start, log: str) -> None:
    # stdout is the same pipe: what is said at the end finds no room either.
    daemon = start(f"--log-level debug --log-format json {log} >&2", stdout=subprocess.DEVNULL)
    with connect(daemon.listening) as client:
        for _ in range(3000):  # 200 bytes of log each, into a pipe that holds 65,536
            client.ping()
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(DEADLINE_SECONDS) == 0
    err = daemon.end(0)[2]
    assert err.count("PING received") < 1000


def test_a_reader_that_comes_back_is_told_what_it_missed(start: Start) -> None:
    daemon = start("--log-level debug")
    address = daemon.address
    assert daemon.process.stderr is not None
    with connect(address) as client:
        for _ in range(2000):
            client.ping()
        received = os.read(daemon.process.stderr.fileno(), 1 << 20)
        served(address)
        rest = daemon.end()[2]
    text = received.decode() + rest
    assert re.search(r"WARNING \[etherd\] \d+ lines were lost: nobody reads it", text)
    assert all(re.match(r"\d{4}-\d\d-\d\dT", line) for line in text.splitlines())


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_what_was_closed_is_no_socket(start: Start, closed: str) -> None:
    daemon = start(closed)
    served(daemon.listening)
    for number in (0, 1, 2):
        assert "socket" not in os.readlink(f"/proc/{daemon.pid}/fd/{number}")
    assert daemon.end()[0] == 0


def test_a_flood_of_refused_clients_is_a_few_lines(start: Start) -> None:
    daemon = start("--max-clients 1")
    address = daemon.address
    host, _, port = address.rpartition(":")
    with connect(address):
        for _ in range(300):
            socket.create_connection((host, int(port)), DEADLINE_SECONDS).close()
        until(lambda: _refused(address) >= 0, "an answer")
    err = daemon.end()[2]
    assert err.count("Client refused") < 300
    assert len(err) < 10_000
    assert re.search(r"\d+ more lines were left out: Client refused: …: …", err)


def _refused(address: str) -> int:
    host, _, port = address.rpartition(":")
    with socket.create_connection((host, int(port)), DEADLINE_SECONDS):
        return 0


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("fifo", "No such device or address"),
        ("folder", "Is a directory"),
        ("absent/etherd.log", "No such file or directory"),
    ],
)
def test_a_log_file_that_is_none(start: Start, tmp_path: Path, path: str, reason: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "folder").mkdir()
    daemon = start(f"--log-file {tmp_path / path}")
    assert daemon.end(0) == (1, "", f"etherd: can't write {tmp_path / path}: {reason}\n")


def check_it_serves_or_says_why_not(daemon: Daemon, why: str) -> None:
    """It serves until it is told to end, or fails with the one line that `why` matches."""
    assert daemon.process.stdout is not None
    banner = os.read(daemon.process.stdout.fileno(), 4096)
    status, _, err = daemon.end(signal.SIGTERM if banner else 0)
    if banner:
        assert status == 0
    else:
        assert status == 1
        assert re.fullmatch(why, err)


@pytest.mark.parametrize("mib", [20, 40, 60, 80, 100, 120, 150, 200])
def test_too_little_memory_is_one_line_or_enough(start: Start, mib: int) -> None:
    daemon = start("--max-memory 512MiB", before=f"ulimit -v {mib * 1024}")
    check_it_serves_or_says_why_not(daemon, r"etherd: .*memory.*\n")


@pytest.mark.parametrize("limit", [5, 8, 10, 12, 14, 18, 24])
def test_too_few_descriptors_are_one_line_or_enough(start: Start, limit: int) -> None:
    daemon = start("--max-memory 4MiB", before=f"ulimit -n {limit}")
    check_it_serves_or_says_why_not(daemon, r"etherd: the limit of open files is too low: .*\n")


def test_a_working_directory_that_was_removed(start: Start, tmp_path: Path) -> None:
    before = f"mkdir {tmp_path}/gone; cd {tmp_path}/gone; rmdir {tmp_path}/gone"
    daemon = start("--log-file etherd.log", before=before)
    assert daemon.end(0) == (
        1,
        "",
        "etherd: the working directory was removed: start from another\n",
    )
    daemon = start("", before=before.replace("gone", "away"))
    served(daemon.address)
    assert daemon.end()[0] == 0


def test_signals_in_any_order(start: Start) -> None:
    daemon = start()
    address = daemon.address
    for number in (signal.SIGPIPE, signal.SIGHUP, signal.SIGHUP, signal.SIGPIPE, signal.SIGCONT):
        daemon.process.send_signal(number)
    served(address)
    status, out, err = daemon.end()
    assert status == 0
    assert out.endswith("Goodbye!\n")
    assert "Traceback" not in err

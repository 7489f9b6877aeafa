"""`etherd --daemon`, started as a person starts it, and ended by its own pid."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ether_protocol import connect
from harness import DEADLINE_SECONDS, command, until


def etherd(*flags: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [command("etherd"), "--host", "127.0.0.1", "--daemon", *flags],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        cwd=cwd,
    )


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # Nobody waits for a daemon but the init process, which may be slow or none.
    stat = Path(f"/proc/{pid}/stat")
    return not stat.exists() or stat.read_text().rpartition(") ")[2][0] != "Z"


@pytest.fixture
def pid_file(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "etherd.pid"
    yield path
    if path.exists():
        pid = int(path.read_text())
        os.kill(pid, signal.SIGTERM)
        until(lambda: not alive(pid), "the end of the daemon")


def test_it_comes_back_when_clients_can_connect(pid_file: Path, tmp_path: Path) -> None:
    log = tmp_path / "etherd.log"
    done = etherd("--port", "0", "--pid-file", str(pid_file), "--log-file", str(log))
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[1] == "  Ether Daemon v0.1.0"
    assert lines[-1] == f"Stop it with: kill {pid_file.read_text().strip()}"
    port = int(re.findall(r"Listening on 127\.0\.0\.1:(\d+)", done.stdout)[0])

    pid = int(pid_file.read_text())
    assert alive(pid)
    assert os.getsid(pid) not in (pid, os.getsid(0)), "it could take a terminal again"
    assert Path(f"/proc/{pid}/cwd").resolve() == Path("/")
    descriptors = [os.readlink(f"/proc/{pid}/fd/{number}") for number in (0, 1, 2)]
    assert descriptors == [os.devnull] * 3
    with connect(f"127.0.0.1:{port}") as client:
        client.ping()

    os.kill(pid, signal.SIGTERM)
    until(lambda: not alive(pid), "the end of the daemon")
    assert not pid_file.exists()
    assert "Client connected from 127.0.0.1:" in log.read_text()


def test_files_are_named_from_where_it_was_started(pid_file: Path, tmp_path: Path) -> None:
    (tmp_path / "etherd.toml").write_text('log-file = "from-toml.log"\nport = 0\n')
    done = etherd("--config", "etherd.toml", "--pid-file", "etherd.pid", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert alive(int(pid_file.read_text()))
    until(lambda: "Listening on" in (tmp_path / "from-toml.log").read_text(), "the first line")


def failure(*flags: str, cwd: Path) -> str:
    """The one line of a start that fails, after which nothing runs."""
    done = etherd("--pid-file", "etherd.pid", *flags, cwd=cwd)
    assert (done.returncode, done.stdout) == (1, "")
    assert not (cwd / "etherd.pid").exists()
    (line,) = done.stderr.splitlines()
    return line


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = failure("--port", str(port), cwd=tmp_path)
    assert line == f"etherd: can't listen on 127.0.0.1:{port}: Address already in use"


def test_a_log_file_that_can_not_be_written(tmp_path: Path) -> None:
    line = failure("--port", "0", "--log-file", "absent/etherd.log", cwd=tmp_path)
    assert line == (f"etherd: can't write {tmp_path}/absent/etherd.log: No such file or directory")


def test_a_host_that_is_none(tmp_path: Path) -> None:
    line = failure("--port", "0", "--host", "a..b", cwd=tmp_path)
    assert line == "etherd: can't listen on a..b:0: this is no name of a host"


def test_wrong_usage_never_leaves_the_terminal() -> None:
    done = etherd("--port", "http")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "etherd: Invalid value for '--port': 'http' is not a valid integer range.\n"
    )

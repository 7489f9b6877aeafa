"""The measured servers: started on a core of their own, stopped by their own pid.

Rule: every server is a process of this run, on loopback, on a free port.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dialects import Dialect, Ether, Limit, Memcached, Redis, WireExchange

START_SECONDS = 10.0
_IDLE_SECONDS = 0.004
_IDLE_SHARE = 0.05
_IDLE_DEADLINE_SECONDS = 2.0
CORES = sorted(os.sched_getaffinity(0))
SERVER_CORE = CORES[0]
CLIENT_CORE = CORES[-1]


def pinned(core: int, command: list[str]) -> list[str]:
    """`command` on one core, where there is more than one and `taskset` to choose with."""
    if len(CORES) < 2 or not shutil.which("taskset"):
        return command
    return ["taskset", "-c", str(core), *command]


@dataclass(slots=True)
class MeasuredServer:
    """A running server and how to talk to it."""

    name: str
    process: subprocess.Popen[str]
    port: int
    dialect: Dialect

    @property
    def resident_bytes(self) -> int:
        """Its resident memory."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024

    @property
    def cpu_seconds(self) -> float:
        """Processor time that all its threads have used."""
        # The clock of another process on Linux, as clock_getcpuclockid of the C library has it.
        return time.clock_gettime((~self.process.pid << 3) | 2)

    @property
    def runs(self) -> bool:
        """Whether it has a processor or waits for one."""
        status = Path(f"/proc/{self.process.pid}/stat").read_text()
        return status.rpartition(")")[2].split()[0] == "R"

    def wait_until_idle(self) -> None:
        """Return when it uses next to no processor time, or after two seconds.

        A load generator that ends leaves its connections behind. While the
        server closes thousands of them it would slow down the next server on
        the same core.
        """
        deadline = time.monotonic() + _IDLE_DEADLINE_SECONDS
        used = self.cpu_seconds
        while time.monotonic() < deadline:
            time.sleep(_IDLE_SECONDS)
            before, used = used, self.cpu_seconds
            if not self.runs and used - before < _IDLE_SHARE * _IDLE_SECONDS:
                return

    def ask(self, exchange: WireExchange) -> bytes:
        """Send one request on a new connection, check the reply and return it."""
        with socket.create_connection(("127.0.0.1", self.port), START_SECONDS) as sock:
            sock.sendall(exchange.request)
            reply = b""
            while len(reply) < exchange.reply_bytes:
                chunk = sock.recv(1 << 20)
                if not chunk:
                    break
                reply += chunk
        if len(reply) != exchange.reply_bytes or not reply.startswith(exchange.reply_begins):
            raise RuntimeError(f"{self.name} answered {reply[:80]!r}")
        return reply


OWN_ETHERD = str(Path(sys.executable).parent / "etherd")
"""The daemon of the environment that runs the benchmark."""


def python_of(program: str) -> str:
    """The version of the Python that runs an etherd."""
    tell = "import platform; print(platform.python_version(), platform.python_compiler())"
    python = Path(program).with_name("python")
    return subprocess.check_output([python, "-c", tell], text=True).strip()


def start_etherd(name: str, program: str = OWN_ETHERD) -> MeasuredServer:
    """Start the daemon `program`, with limits that no case reaches."""
    command = [program, "--host", "127.0.0.1", "--port", "0", "--max-clients", "20000"]
    process = _start([*command, "--max-memory", "4GiB", "--log-level", "warning"])
    return MeasuredServer(name, process, _port_in(process, r"Listening on .*:(\d+)"), Ether())


def _limit(program: Path) -> MeasuredServer:
    process = _start([str(program), str(16 * 1024 * 1024)])
    return MeasuredServer("limit", process, _port_in(process, r"^(\d+)$"), Limit())


def _redis() -> MeasuredServer:
    port = _free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = _start(["redis-server", *options, "--maxclients", "20000"])
    return MeasuredServer("redis", _listening(process, port), port, Redis())


def _memcached() -> MeasuredServer:
    port = _free_port()
    options = ["-l", "127.0.0.1", "-p", str(port), "-t", "1", "-c", "20000", "-m", "2048"]
    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    process = _start(["memcached", *options, *user])
    return MeasuredServer("memcached", _listening(process, port), port, Memcached())


@contextmanager
def servers(
    wanted: list[str], limit_program: Path, also: str | None = None
) -> Iterator[list[MeasuredServer]]:
    """Start those of `wanted` that are installed; the others are named and left out.

    `also` is another etherd's program, of an environment with another Python.
    """
    makers: dict[str, Callable[[], MeasuredServer]] = {
        "etherd": lambda: start_etherd("etherd"),
        "also": lambda: start_etherd("also", str(also)),
        "redis": _redis,
        "memcached": _memcached,
        "limit": lambda: _limit(limit_program),
    }
    programs = {"redis": "redis-server", "memcached": "memcached"}
    running: list[MeasuredServer] = []
    try:
        for name in wanted:
            if name == "also" and not also:
                continue
            if name in programs and not shutil.which(programs[name]):
                print(f"left out: {programs[name]} is not installed", file=sys.stderr)
                continue
            running.append(makers[name]())
        yield running
    finally:
        stop(running)


def stop(running: Sequence[MeasuredServer]) -> None:
    """End servers and wait for their ends."""
    for server in running:
        server.process.terminate()
    for server in running:
        server.process.communicate(timeout=60)


def _start(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        pinned(SERVER_CORE, command), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def _port_in(process: subprocess.Popen[str], pattern: str) -> int:
    if process.stdout is not None:
        for line in process.stdout:
            if found := re.search(pattern, line.strip()):
                return int(found[1])
    raise RuntimeError(f"{process.args!r} ended before it listened")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _listening(process: subprocess.Popen[str], port: int) -> subprocess.Popen[str]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return process
    raise RuntimeError(f"{process.args!r} does not listen")

"""Real processes for tests: an `etherd` on a free port, and sockets to it.

Rule: everything that is started here is ended here, by its own pid, and
nothing sleeps: what is waited for is polled or read.
"""

from __future__ import annotations

import hashlib
import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from certificates import client_context, server_files
from ether_protocol import Command, Message
from ether_protocol.wire.codec import encode

PLAIN_TRANSPORTS = ("tcp", "unix", "tls")
TRANSPORTS = (*PLAIN_TRANSPORTS, "unix+token", "tls+token")
"""How an `etherd` can be reached, and whether its clients have said AUTH, in version 2."""

TOKEN = "a token for tests"

DEADLINE_SECONDS = 30.0
"""After this long a test gives up waiting; nothing is expected to take near as long."""


def command(name: str) -> str:
    """The path of an installed program of the environment that runs the tests."""
    return str(Path(sys.executable).parent / name)


def until(condition: Callable[[], object], what: str) -> None:
    """Poll until `condition` holds."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {DEADLINE_SECONDS:.0f} s in vain: {what}")
        select.select([], [], [], 0.005)


class Etherd:
    """A running `etherd`, reached over one of the `TRANSPORTS`."""

    def __init__(
        self,
        home: Path,
        *flags: str,
        env: dict[str, str] | None = None,
        transport: str = "tcp",
    ) -> None:
        self.transport, _, token = transport.partition("+")
        self._has_token = bool(token)
        if token:
            auth_file = home / "auth.toml"
            auth_file.touch(0o600)
            digest = hashlib.sha256(TOKEN.encode()).hexdigest()
            auth_file.write_text(f'[principals.tester]\ntoken = "sha256:{digest}"\n')
            flags += ("--auth-file", str(auth_file))
        self.path = home / "ether.sock"
        if self.transport == "unix":
            flags += ("--no-tcp", "--unix", str(self.path))
        elif self.transport == "tls":
            files = server_files(home)
            flags += ("--tls-cert", str(files.certificate), "--tls-key", str(files.key))
        self.log_path = home / "etherd.log"
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [command("etherd"), "--host", "127.0.0.1", "--port", "0", *flags],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "HOME": str(home), **(env or {})},
            )
        self.pid = self.process.pid
        self.banner = self._read_banner()
        self.host = "127.0.0.1"
        if self.transport == "unix":
            self.port, self.address = 0, str(self.path)
        else:
            self.port = int(re.findall(r"Listening on .*:(\d+)", self.banner)[0])
            self.address = f"{self.host}:{self.port}"

    def _read_banner(self) -> str:
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line.startswith("Press Ctrl+C"):
                return "".join(lines)
        self.wait()
        raise AssertionError(f"etherd did not start: {self.log}")

    @property
    def log(self) -> str:
        """What it has written to stderr."""
        return self.log_path.read_text()

    @property
    def resident_bytes(self) -> int:
        """Its resident memory."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) * 1024

    def _connected(self) -> socket.socket:
        if self.transport == "unix":
            local = socket.socket(socket.AF_UNIX)
            local.settimeout(DEADLINE_SECONDS)
            local.connect(str(self.path))
            return local
        sock = socket.create_connection((self.host, self.port), DEADLINE_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.transport == "tls":
            return client_context().wrap_socket(sock, server_hostname=self.host)
        return sock

    def socket(self) -> socket.socket:
        """A connection to it that is served: over TCP, TLS or a Unix socket."""
        sock = self._connected()
        if self._has_token:
            sock.sendall(encode(Message(Command.AUTH, payload=TOKEN.encode())))
            assert len(receive_exactly(sock, 40)) == 40
        return sock

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def wait(self) -> tuple[int, str]:
        """Wait for its end; returns the exit status and what it still printed."""
        output, _ = self.process.communicate(timeout=DEADLINE_SECONDS)
        return self.process.returncode, output

    def stop(self) -> tuple[int, str]:
        """End it as `kill` does; returns the exit status and what it still printed."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            return self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.wait()


def receive_exactly(sock: socket.socket, count: int) -> bytes:
    """Exactly `count` bytes; fewer only where the peer closes."""
    data = bytearray()
    while len(data) < count:
        chunk = sock.recv(min(count - len(data), 1 << 20))
        if not chunk:
            break
        data += chunk
    return bytes(data)


def receive_all(sock: socket.socket) -> bytes:
    """Everything until the peer closes or resets."""
    data = bytearray()
    try:
        while chunk := sock.recv(1 << 20):
            data += chunk
    except ConnectionResetError:
        pass
    return bytes(data)


StartEtherd = Callable[..., Etherd]

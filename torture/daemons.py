"""The daemons that are tortured: real processes on loopback, reached over a transport.

Rule: what is started here is ended here, by its own pid.  A daemon with a planted
flaw is the same program with one part replaced (`flaws.py`).
"""

from __future__ import annotations

import os
import re
import resource
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from talk import DEADLINE_SECONDS
from trials import CannotRunHere

HERE = Path(__file__).resolve().parent
ETHERD = str(Path(sys.executable).parent / "etherd")
TRANSPORTS = ("tcp", "unix", "tls")


@cache
def _options() -> str:
    return subprocess.run([ETHERD, "--help"], check=True, capture_output=True, text=True).stdout


def has_option(name: str) -> bool:
    """Whether this etherd knows the option `name`."""
    return re.search(rf"{name}\b", _options()) is not None


def transports() -> list[str]:
    """The transports that this etherd has; TLS only where certificates can be made."""
    found = ["tcp"]
    if has_option("--unix"):
        found.append("unix")
    if has_option("--tls-cert") and _trustme_is_here():
        found.append("tls")
    return found


def need(transport: str) -> None:
    """Raise CannotRunHere where the daemon can't be reached over `transport`."""
    if transport not in transports():
        raise CannotRunHere(f"this etherd serves no {transport}, or trustme is not installed")


def _trustme_is_here() -> bool:
    try:
        import trustme  # noqa: F401 - asked for before a daemon is started
    except ImportError:
        return False
    return True


class TorturedDaemon:
    """A running etherd, its sockets, and what the system says of it."""

    def __init__(
        self,
        home: Path,
        flags: Sequence[str],
        transport: str = "tcp",
        flaw: str = "",
        descriptors: int = 0,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """`flaw` names what is planted; `descriptors` is the most it may open, 0 for any."""
        self._home = home
        self._transport = transport
        self._context: ssl.SSLContext | None = None
        self.log_path = home / "etherd.log"
        self.unix_path = str(home / "etherd.sock")
        self.process = self._start(flags, flaw, descriptors, env or {})
        self.pid = self.process.pid
        self.port = self._read_port()
        self.address = self.unix_path if transport == "unix" else f"127.0.0.1:{self.port}"

    def _start(
        self,
        flags: Sequence[str],
        flaw: str,
        descriptors: int,
        env: Mapping[str, str],
    ) -> subprocess.Popen[bytes]:
        program = [sys.executable, str(HERE / "flawed_etherd.py"), flaw] if flaw else [ETHERD]
        options = ["--host", "127.0.0.1", "--port", "0", *flags, *self._transport_flags()]
        command = [*program, *options]
        if descriptors:
            command = ["sh", "-c", f'ulimit -n {descriptors} && exec "$@"', "sh", *command]
        with self.log_path.open("wb") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "HOME": str(self._home), **env},
            )

    def _transport_flags(self) -> list[str]:
        if self._transport == "unix":
            return ["--unix", self.unix_path]
        if self._transport == "tls":
            certificate, key = self._home / "server.pem", self._home / "server.key"
            self._context = _certificates(certificate, key)
            # The Unix socket is for those who only want to know whether others are served.
            return ["--tls-cert", str(certificate), "--tls-key", str(key), "--unix", self.unix_path]
        return []

    def _read_port(self) -> int:
        assert self.process.stdout is not None
        port = 0
        for line in self.process.stdout:
            if found := re.search(rb"127\.0\.0\.1:(\d+)", line):
                port = port or int(found[1])
            if line.startswith(b"Press Ctrl+C"):
                return port
        self.process.wait(DEADLINE_SECONDS)
        raise RuntimeError(f"etherd did not start: {self.log_path.read_text()}")

    def raw_socket(self) -> socket.socket:
        """A connection without TLS, whichever transport it is."""
        if self._transport == "unix":
            return self._unix_socket()
        sock = socket.create_connection(("127.0.0.1", self.port), DEADLINE_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def _unix_socket(self) -> socket.socket:
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(DEADLINE_SECONDS)
        sock.connect(self.unix_path)
        return sock

    def plain_socket(self) -> socket.socket:
        """A connection that requests can be sent on by a process that inherits it: no TLS."""
        return self.raw_socket() if self._context is None else self._unix_socket()

    def socket(self) -> socket.socket:
        """A connection that requests can be sent on."""
        sock = self.raw_socket()
        if self._context is None:
            return sock
        return self._context.wrap_socket(sock, server_hostname="localhost")

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    @property
    def resident_bytes(self) -> int:
        """Its resident memory; 0 once it has ended."""
        return self._kib("VmRSS") * 1024

    def _kib(self, name: str) -> int:
        try:
            status = Path(f"/proc/{self.pid}/status").read_text()
        except OSError:
            return 0
        found = re.search(rf"{name}:\s+(\d+) kB", status)
        return int(found[1]) if found else 0

    @property
    def descriptors(self) -> int:
        """How many descriptors it has open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    @property
    def cpu_seconds(self) -> float:
        """Processor time that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def log_bytes(self) -> int:
        """How much it has logged."""
        return self.log_path.stat().st_size

    def signal(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def stop(self) -> None:
        """End it, and wait for its end."""
        if self.alive:
            self.signal(signal.SIGCONT)
            self.signal(signal.SIGTERM)
        try:
            self.process.communicate(timeout=DEADLINE_SECONDS / 2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


@contextmanager
def daemon(
    *flags: str,
    transport: str = "tcp",
    flaw: str = "",
    descriptors: int = 0,
    env: Mapping[str, str] | None = None,
) -> Iterator[TorturedDaemon]:
    """A daemon, from its start to its end.

    `flaw` names what to plant in it, `descriptors` is the most it may open.
    """
    need(transport)
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        quiet = ["--log-level", "warning", *flags] if "--log-level" not in flags else [*flags]
        running = TorturedDaemon(Path(folder), quiet, transport, flaw, descriptors, env)
        try:
            yield running
        finally:
            running.stop()


def _certificates(certificate: Path, key: Path) -> ssl.SSLContext:
    """Write a certificate for localhost and its key; returns what a client trusts."""
    import trustme

    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    for pem in issued.cert_chain_pems:
        pem.write_to_path(str(certificate), append=True)
    issued.private_key_pem.write_to_path(str(key))
    key.chmod(0o600)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def may_open(count: int) -> None:
    """Let this process open `count` descriptors, as far as the system allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if hard != resource.RLIM_INFINITY and hard < count:
        raise CannotRunHere(f"{count} descriptors are needed, and the hard limit is {hard}")


def wait_for(condition: Callable[[], object], seconds: float = DEADLINE_SECONDS) -> bool:
    """Poll until `condition` holds; returns whether it did in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True

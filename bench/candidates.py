"""The two commits of a comparison in one round: their daemons and their client processes.

Rule: a candidate lives for one round. Two processes of the same program can
differ for as long as they run, by where their memory lies; only fresh ones in
each round make that a part of the noise.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from dialects import EtherVersion1
from environment import Environment
from servers import MeasuredServer, start_etherd, stop

_WORKER = Path(__file__).with_name("client_worker.py")


class ClientProcess:
    """A `client_worker.py` under the Python of one environment.

    It is not bound to a core: a client that may use one core only never polls
    for its answer, so that another way through the client would be measured.
    """

    def __init__(self, environment: Environment, port: int, size: int) -> None:
        command = [str(environment.python), str(_WORKER), str(port), str(size)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._line()

    def requests_per_second(self, case: str, seconds: float) -> float:
        """Measure one of `client_work.cases`."""
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps({"case": case, "seconds": seconds}) + "\n")
            self._process.stdin.flush()
        return float(json.loads(self._line()))

    def _line(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended; its message stands above")
        return line

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.communicate(timeout=60)


@dataclass(slots=True)
class MeasuredCommit:
    """One commit: its environment, a daemon of it, and a client process for each size."""

    name: str
    environment: Environment
    server: MeasuredServer
    _version_1: MeasuredServer | None = None
    _clients: dict[int, ClientProcess] = field(default_factory=dict)

    def server_in(self, version: int) -> MeasuredServer:
        """Its daemon, asked in this version of the protocol."""
        if version == 2:
            return self.server
        if self._version_1 is None:
            self._version_1 = replace(self.server, dialect=EtherVersion1())
        return self._version_1

    def client(self, size: int) -> ClientProcess:
        """Its client with a block of `size` bytes; started when it is first asked for."""
        if size not in self._clients:
            self._clients[size] = ClientProcess(self.environment, self.server.port, size)
        return self._clients[size]

    @contextmanager
    def another_server(self) -> Iterator[MeasuredServer]:
        """A daemon that never had a block or a client."""
        server = start_etherd(self.name, self.environment.program("etherd"))
        try:
            yield server
        finally:
            stop([server])

    def stop(self) -> None:
        """End all its processes."""
        for client in self._clients.values():
            client.stop()
        stop([self.server])


@contextmanager
def candidates(environments: dict[str, Environment]) -> Iterator[list[MeasuredCommit]]:
    """Start a candidate for each environment, in this order."""
    running: list[MeasuredCommit] = []
    try:
        for name, environment in environments.items():
            server = start_etherd(name, environment.program("etherd"))
            running.append(MeasuredCommit(name, environment, server))
        yield running
    finally:
        for candidate in running:
            candidate.stop()

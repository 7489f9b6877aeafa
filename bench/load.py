"""One run of the C load generator against one server.

Rule: the figures are the generator's own. A run in which a reply begins
otherwise than the first one is an error and gives no figures.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cases import Case
from dialects import WireExchange
from servers import CLIENT_CORE, MeasuredServer, pinned

SOURCES = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run measured."""

    requests_per_second: float
    megabytes_per_second: float
    p50_us: float
    p99_us: float
    p999_us: float
    all_replies: int
    """Those of the warm-up, too."""


def compile_program(name: str, into: Path) -> Path:
    """Compile `name`.c of this folder with the machine's C compiler."""
    program = into / name
    source = SOURCES / f"{name}.c"
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-o", str(program), str(source)], check=True)
    return program


class Load:
    """The generator, compiled into `folder`."""

    def __init__(self, folder: Path) -> None:
        self._program = compile_program("load", folder)
        self._folder = folder

    def exchange(self, server: MeasuredServer, case: Case) -> WireExchange | None:
        """Prepare `server` for `case`; returns the request to repeat, None where it has none."""
        dialect = server.dialect
        if case.verb == "PING":
            return dialect.ping()
        dialect.prepare(case.size, server.ask)
        ask = dialect.read if case.verb == "READ" else dialect.write
        exchange = ask(case.size)
        if exchange is not None:
            server.ask(exchange)
        return exchange

    def run(
        self,
        server: MeasuredServer,
        exchange: WireExchange,
        connections: int,
        depth: int,
        seconds: float,
        *,
        request_bytes: int | None = None,
        patch: tuple[int, int] | None = None,
    ) -> Figures:
        """Load `server` for `seconds` and return what was measured.

        With `request_bytes` the exchange's request holds many of that length,
        taken in turn; for `patch` see load.c.
        """
        length = request_bytes or len(exchange.request)
        with tempfile.NamedTemporaryFile(dir=self._folder) as file:
            file.write(exchange.request)
            file.flush()
            numbers = [server.port, connections, depth, seconds, length]
            numbers += [exchange.reply_bytes, len(exchange.reply_begins)]
            command = [str(self._program), *map(str, numbers), file.name, *map(str, patch or ())]
            done = subprocess.run(
                pinned(CLIENT_CORE, command), capture_output=True, text=True, timeout=120 + seconds
            )
        if done.returncode:
            raise RuntimeError(f"{server.name}: {done.stderr or done.stdout}")
        figures = json.loads(done.stdout)
        return Figures(**{name: figures[name] for name in Figures.__dataclass_fields__})

"""A shell in the process of the test: lines in, output and errors out.

Rule: it is made of the program's own parts, except for the two streams.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from ether_protocol import parse_address
from ether_shell.commands.catalogue import COMMANDS
from ether_shell.execution.line_runner import LineRunner
from ether_shell.execution.output import OutputStreams
from ether_shell.problems import ExitStatus
from ether_shell.session.context import TRANSFER_STEP_BYTES, Context
from ether_shell.session.inputs import Inputs
from ether_shell.session.session import CONNECT_SECONDS, RECONNECT_SECONDS, ShellSession

TIMEOUT_SECONDS = 30.0


class Stream(io.TextIOWrapper):
    """A text stream that keeps what is written to it, and may claim to be a terminal."""

    def __init__(self, terminal: bool = False) -> None:
        self.kept = io.BytesIO()
        self.terminal = terminal
        super().__init__(self.kept, encoding="utf-8", newline="\n")

    def isatty(self) -> bool:
        return self.terminal

    def take(self) -> bytes:
        """What was written since the last call."""
        self.flush()
        data = self.kept.getvalue()
        self.kept.seek(0)
        self.kept.truncate()
        return data


@dataclass(frozen=True, slots=True)
class Said:
    """The outcome of a line."""

    status: ExitStatus
    leave: bool
    data: bytes
    err: str

    @property
    def out(self) -> str:
        return self.data.decode()


class Conversation:
    """A shell that talks to `address`."""

    def __init__(
        self,
        address: str,
        *,
        terminal: bool = False,
        as_json: bool = False,
        interactive: bool = False,
        unattended: bool = False,
        confirm: Callable[[str], bool] = lambda _: True,
        timeout: float = TIMEOUT_SECONDS,
        connect_seconds: float = CONNECT_SECONDS,
        reconnect_seconds: float = RECONNECT_SECONDS,
        transfer_step_bytes: int = TRANSFER_STEP_BYTES,
        stdin: bytes | BinaryIO | None = None,
    ) -> None:
        self.out, self.err = Stream(terminal), Stream(terminal)
        self.output = OutputStreams(self.out, self.err, {"TERM": "xterm", "NO_COLOR": "1"})
        self.session = ShellSession(
            parse_address(address),
            timeout,
            self.output.note,
            connect_seconds=connect_seconds,
            reconnect_seconds=reconnect_seconds,
        )
        source = io.BytesIO(stdin) if isinstance(stdin, bytes) else stdin
        inputs = Inputs(source, "no input")
        self.context = Context(
            self.session,
            COMMANDS,
            inputs,
            limits_output=terminal and not as_json,
            confirm=confirm,
            interactive=interactive,
            unattended=unattended,
            progress=self.output.progress,
            transfer_step_bytes=transfer_step_bytes,
            on_message=self.output.message,
        )
        self.runner = LineRunner(
            self.context, self.output, as_json=as_json, interactive=interactive
        )

    def run(self, line: str) -> Said:
        outcome = self.runner.run(line)
        return Said(outcome.status, outcome.leave, self.out.take(), self.err.take().decode())

    def close(self) -> None:
        self.session.close()

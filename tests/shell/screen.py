"""The real program in a real terminal: a pty, with pyte as the terminal at its other end.

Rule: pyte's answers go back to the program, so that it learns the position of the cursor and
draws its toolbar as it would for a user.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import pexpect  # type: ignore[import-untyped]  # it comes without types
import pyte
from pyte.screens import Char

from harness import command, until
from shell.program import environment

COLUMNS, LINES = 100, 30


class _Terminal(pyte.Screen):
    """A terminal that answers what it is asked."""

    def __init__(self, answer: pexpect.spawn[bytes], columns: int, lines: int) -> None:
        super().__init__(columns, lines)
        self._answer = answer

    def write_process_input(self, data: str) -> None:
        with contextlib.suppress(OSError):  # the program may have ended in the meantime
            self._answer.send(data)


class Screen:
    """`ether-shell` with `args`, and what a user sees of it."""

    def __init__(
        self,
        *args: str,
        home: Path,
        env: dict[str, str] | None = None,
        columns: int = COLUMNS,
        lines: int = LINES,
        cwd: Path | None = None,
    ) -> None:
        self.process: pexpect.spawn[bytes] = pexpect.spawn(
            command("ether-shell"),
            list(args),
            env=environment(home) | (env or {}),
            dimensions=(lines, columns),
            timeout=None,
            cwd=cwd,
        )
        self.process.delaybeforesend = None
        self._screen = _Terminal(self.process, columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.close(force=True)

    @property
    def lines(self) -> list[str]:
        """The lines that are not empty, without the blanks at their ends."""
        return [line.rstrip() for line in self._screen.display if line.strip()]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def shown(self) -> str:
        """What is to be seen just now."""
        self.take()
        return self.text

    def rows(self) -> list[list[Char]]:
        """Every cell of the screen."""
        buffer = self._screen.buffer
        return [
            [buffer[line][column] for column in range(self._screen.columns)]
            for line in range(self._screen.lines)
        ]

    def type(self, text: str) -> None:
        """Press keys; Enter is a carriage return."""
        self.process.send(text)

    def resize(self, lines: int, columns: int) -> None:
        """Give the window another size."""
        self._screen.resize(lines, columns)
        self.process.setwinsize(lines, columns)

    def sees(self, *texts: str) -> None:
        """Wait until all `texts` are to be seen."""
        self._wait(lambda: all(text in self.text for text in texts), f"see {texts}")

    def is_asked(self, *texts: str) -> None:
        """Wait until all `texts` are to be seen and the prompt is back, its toolbar below it.

        A Ctrl-D in between would be taken by the terminal, not by the program.
        """
        self._wait(
            lambda: (
                all(text in self.text for text in texts)
                and self.lines[-2].endswith(">")
                and self.lines[-1].startswith((" etherd ", " disconnected "))
            ),
            f"see {texts} and be asked again",
        )

    def ends(self) -> int:
        """Wait for the program's end and return its exit status."""
        self._wait(lambda: not self.process.isalive(), "the program ends")
        self.take()
        assert self.process.signalstatus is None
        assert self.process.exitstatus is not None
        return int(self.process.exitstatus)

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        def holds() -> bool:
            self.take()
            return condition()

        try:
            until(holds, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; the screen shows\n{self.text}") from None

    def take(self) -> None:
        """Take in what the program has written."""
        with contextlib.suppress(pexpect.TIMEOUT, pexpect.EOF):
            data = self.process.read_nonblocking(65536, timeout=0)
            self.raw += data
            self._stream.feed(data)

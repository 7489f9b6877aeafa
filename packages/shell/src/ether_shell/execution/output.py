"""The two output streams: data to standard output, everything else to standard error.

Rule: what commands give back, and every note and error about it, is written here. Both streams
are flushed after each result, so that they can be read in the order of events. (The prompt and
its questions are written in `terminal`, errors of the command line in `command.cli`.)
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

from ether_protocol import Traced
from ether_shell.drawing.layout import fitted, rows_of, wrapped
from ether_shell.drawing.progress_line import progress_line
from ether_shell.drawing.style import CLEAR_LINE, Paint, is_dumb, move_up_and_clear, painter
from ether_shell.language.declaration import Result
from ether_shell.session.context import Advance
from ether_shell.views.registry import render
from ether_shell.views.renderer import Frame, Note, View
from ether_shell.views.tracing import traced

_COLUMNS, _LINES = 80, 24
"""The size that is assumed where there is no terminal."""

_REDRAW_SECONDS = 0.1
"""The least time between two drawings of a progress bar."""


def takes_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether `stream` is a terminal with colours, and the user did not turn them off."""
    return stream.isatty() and not environment.get("NO_COLOR") and not is_dumb(environment)


class OutputStreams:
    """The two streams. Without `colour` they get neither colours nor redrawing."""

    def __init__(
        self, out: TextIO, err: TextIO, environment: Mapping[str, str], *, colour: bool = True
    ) -> None:
        self._out, self._err = out, err
        self.terminal = out.isatty()
        self.redraws = self.terminal and colour and not is_dumb(environment)
        self._drawn_rows = 0
        self._held: list[str] | None = None
        self._redraws_errors = colour and err.isatty() and not is_dumb(environment)
        self._paint: Paint = painter(colour and takes_colour(out, environment))
        self._paint_error: Paint = painter(colour and takes_colour(err, environment))

    @property
    def view(self) -> View:
        """How results are shown just now; the window may have changed its size."""
        columns, lines = self._window(self._out)
        return View(self.terminal, self._paint, columns, lines, self.redraws)

    def _window(self, stream: TextIO) -> tuple[int, int]:
        """The current number of columns and lines."""
        try:
            size = os.get_terminal_size(stream.fileno()) if stream.isatty() else None
        except OSError:
            size = None
        return (size and size.columns) or _COLUMNS, (size and size.lines) or _LINES

    def show(self, result: Result) -> None:
        """Write `result` as text."""
        for piece in render(result, self.view):
            match piece:
                case Note():
                    self.note(piece.text)
                case Frame():
                    self._draw(piece)
                case _:
                    self._data(piece)
        self.flush()

    def _draw(self, frame: Frame) -> None:
        """Draw `frame` over the last one, if nothing else was written since."""
        window = self._window(self._out)
        lines = fitted(frame.lines, *window)
        text = "".join([move_up_and_clear(self._drawn_rows), *(f"{line}\n" for line in lines)])
        self._data(text.encode(self._out.encoding, "backslashreplace"))
        self._drawn_rows = rows_of(lines, window[0])

    def line(self, text: str) -> None:
        """Write a line of data."""
        self._data(text)
        self.flush()

    def note(self, text: str) -> None:
        """Write a line that is not data."""
        if self._held is not None:
            self._held.append(text)
            return
        self.flush()
        self._drawn_rows = 0
        self._err.write(f"{text}\n")
        self._err.flush()

    @contextmanager
    def holding_notes(self) -> Iterator[None]:
        """Hold notes back until something else has left the screen."""
        held = self._held = []
        try:
            yield
        finally:
            self._held = None
            for text in held:
                self.note(text)

    def paragraph(self, text: str) -> None:
        """Write a sentence that is not data, wrapped between words."""
        self.note("\n".join(wrapped(text, self.view.columns)))

    def message(self, message: Traced, brief: bool) -> None:
        """Show a traced message; `brief` is one line."""
        self.note("\n".join(traced(message, self._paint_error, brief=brief)))

    def problem(self, text: str) -> None:
        """Write an error message; its first line is red."""
        first, newline, rest = text.partition("\n")
        self.note(self._paint_error("error", first) + newline + rest)

    @contextmanager
    def progress(self, verb: str, total: int | None) -> Iterator[Advance]:
        """Show the progress of a long transfer, where standard error is a terminal.

        A transfer of one step shows nothing, and at the end the line is cleared.
        """
        start = last = time.monotonic()
        shown = False

        def advance(done: int) -> None:
            nonlocal last, shown
            now = time.monotonic()
            if done == total or (shown and now - last < _REDRAW_SECONDS):
                return
            last, shown = now, True
            line = progress_line(verb, done, total, now - start, self._window(self._err)[0])
            self._err.write(f"{CLEAR_LINE}{line}")
            self._err.flush()

        try:
            yield advance if self._redraws_errors else lambda _: None
        finally:
            if shown:
                self._err.write(CLEAR_LINE)
                self._err.flush()

    def flush(self) -> None:
        """Flush the data. Raises BrokenPipeError where the reader has closed it."""
        self._out.flush()

    def _data(self, piece: str | bytes) -> None:
        self._drawn_rows = 0
        data = piece
        if isinstance(data, str):
            data = f"{data}\n".encode(self._out.encoding, "backslashreplace")
        self._out.buffer.write(data)

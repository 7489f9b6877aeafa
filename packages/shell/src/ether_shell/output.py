"""Where output goes: data to standard output, everything else to standard error.

Rule: this is the only file that writes to either, and it flushes after each
command, so that both streams are read in the order in which things happened.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TextIO

from ether_protocol import Traced
from ether_shell.language.declaration import Result
from ether_shell.views.layout import fitted, rows_of, wrapped
from ether_shell.views.look import Frame, Note, View
from ether_shell.views.progress import progress_line
from ether_shell.views.render import render
from ether_shell.views.style import Paint, is_dumb, over, painter
from ether_shell.views.tracing import traced

from .context import Advance

_COLUMNS, _LINES = 80, 24
"""Where no terminal says how many it has."""

_REDRAW_SECONDS = 0.1
"""Between two looks of a progress bar."""

_BACK_AND_CLEAR = "\r\x1b[K"


def takes_colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Whether `stream` is a terminal that shows colours to somebody who wants them."""
    return stream.isatty() and not environment.get("NO_COLOR") and not is_dumb(environment)


class Output:
    """Two streams.  `colour` may forbid colours and writing over, it never forces them."""

    def __init__(
        self, out: TextIO, err: TextIO, environment: Mapping[str, str], *, colour: bool = True
    ) -> None:
        self._out, self._err = out, err
        self.terminal = out.isatty()
        self.live = self.terminal and colour and not is_dumb(environment)
        self._drawn_rows = 0
        self._held: list[str] | None = None
        self._redraws = colour and err.isatty() and not is_dumb(environment)
        self._paint: Paint = painter(colour and takes_colour(out, environment))
        self._paint_error: Paint = painter(colour and takes_colour(err, environment))

    @property
    def view(self) -> View:
        """How the output is looked at just now: a window may have changed its width."""
        columns, lines = self._window(self._out)
        return View(self.terminal, self._paint, columns, lines, self.live, self.live)

    def _window(self, stream: TextIO) -> tuple[int, int]:
        """The columns and lines that there are just now."""
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
        """Write `frame` over the one that was drawn last, if nothing was written since."""
        window = self._window(self._out)
        lines = fitted(frame.lines, *window)
        text = "".join([over(self._drawn_rows), *(f"{line}\n" for line in lines)])
        self._data(text.encode(self._out.encoding, "backslashreplace"))
        self._drawn_rows = rows_of(lines, window[0])

    def line(self, text: str) -> None:
        """Write a line of data."""
        self._data(text)
        self.flush()

    def note(self, text: str) -> None:
        """Tell a person something that is no data."""
        if self._held is not None:
            self._held.append(text)
            return
        self.flush()
        self._drawn_rows = 0
        self._err.write(f"{text}\n")
        self._err.flush()

    @contextmanager
    def holding_notes(self) -> Iterator[None]:
        """While something else has the screen, keep notes back."""
        held = self._held = []
        try:
            yield
        finally:
            self._held = None
            for text in held:
                self.note(text)

    def greet(self, text: str) -> None:
        """Tell a person a sentence, in lines that end between words."""
        self.note("\n".join(wrapped(text, self.view.columns)))

    def message(self, message: Traced, brief: bool) -> None:
        """Show a message on its way, on standard error."""
        self.note("\n".join(traced(message, self._paint_error, brief=brief)))

    def problem(self, text: str) -> None:
        """Say what went wrong."""
        first, newline, rest = text.partition("\n")
        self.note(self._paint_error("error", first) + newline + rest)

    @contextmanager
    def progress(self, verb: str, total: int | None) -> Iterator[Advance]:
        """Show on standard error, if that is a terminal, how far a long transfer has come.

        What is done in one step is never shown, and at the end nothing is left of the line.
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
            self._err.write(f"{_BACK_AND_CLEAR}{line}")
            self._err.flush()

        try:
            yield advance if self._redraws else lambda _: None
        finally:
            if shown:
                self._err.write(_BACK_AND_CLEAR)
                self._err.flush()

    def flush(self) -> None:
        """Hand on what is still held; raises BrokenPipeError where nobody reads."""
        self._out.flush()

    def _data(self, piece: str | bytes) -> None:
        self._drawn_rows = 0
        data = piece
        if isinstance(data, str):
            data = f"{data}\n".encode(self._out.encoding, "backslashreplace")
        self._out.buffer.write(data)

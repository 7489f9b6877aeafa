"""A result on the whole screen, fetched anew again and again, until somebody presses q.

Rule: no key waits for the server: what asks it runs in a thread of its own,
and is the only one to ask meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from prompt_toolkit.application import Application
from prompt_toolkit.formatted_text import ANSI
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout import FormattedTextControl, Layout, Window
from prompt_toolkit.output import Output

from ether_shell.language.declaration import Result
from ether_shell.views.live import texts
from ether_shell.views.look import View
from ether_shell.views.render import render

_LEAVING: Final = ("q", "Q", "escape", "c-c", "c-d")
_PATIENCE_SECONDS: Final = 1.0
"""How long an answer that is under way is waited for after q."""


class FullScreen:
    """Shows what `look` gives, in a `view` that knows the window's size just now.

    `keys` and `screen` are other places than the process's terminal.
    """

    def __init__(
        self,
        look: Callable[[], Result],
        seconds: float,
        view: Callable[[], View],
        *,
        keys: Input | None = None,
        screen: Output | None = None,
    ) -> None:
        self._look, self._seconds, self._view = look, seconds, view
        self._latest: Result | None = None
        self._left = threading.Event()
        self._application: Application[None] = Application(
            layout=Layout(Window(FormattedTextControl(self._text), always_hide_cursor=True)),
            key_bindings=_leaving(),
            full_screen=True,
            input=keys,
            output=screen,
        )

    def run(self, give_up: Callable[[], None]) -> None:
        """Show until a key says to leave; `give_up` ends a request that nobody answers."""
        thread = threading.Thread(target=self._ask, daemon=True)
        try:
            self._application.run(pre_run=thread.start)
        finally:
            self._left.set()
            thread.join(_PATIENCE_SECONDS)
            if thread.is_alive():
                give_up()
                thread.join(_PATIENCE_SECONDS)

    def _ask(self) -> None:
        while not self._left.is_set():
            self._latest = self._look()
            with suppress(RuntimeError):  # the window was left just now, and its loop is closed
                self._application.invalidate()
            self._left.wait(self._seconds)

    def _text(self) -> ANSI | str:
        if self._latest is None:
            return "asking the server …"
        view = self._view()
        footer = "q leaves"
        lines = texts(render(self._latest, view))[: view.lines - 2]
        return ANSI("\n".join([*lines, "", view.paint("offset", footer)]))


def _leaving() -> KeyBindings:
    bindings = KeyBindings()

    def leave(event: KeyPressEvent) -> None:
        event.app.exit()

    for key in _LEAVING:
        bindings.add(key)(leave)
    return bindings

"""The full screen: a result that is fetched again and again, until the user presses q.

Rule: no key waits for the server. Requests are made in a thread of their own, and only there
while the screen is shown.
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
from ether_shell.views.registry import render
from ether_shell.views.renderer import View
from ether_shell.views.watching import texts

_LEAVE_KEYS: Final = ("q", "Q", "escape", "c-c", "c-d")
_LAST_ANSWER_SECONDS: Final = 1.0
"""How long the answer to a request in flight is waited for after q."""


class FullScreenDisplay:
    """Shows the results of `fetch`; `view` tells the current size of the window.

    `keys` and `screen` replace the terminal of the process.
    """

    def __init__(
        self,
        fetch: Callable[[], Result],
        seconds: float,
        view: Callable[[], View],
        *,
        keys: Input | None = None,
        screen: Output | None = None,
    ) -> None:
        self._fetch, self._seconds, self._view = fetch, seconds, view
        self._latest: Result | None = None
        self._left = threading.Event()
        self._application: Application[None] = Application(
            layout=Layout(Window(FormattedTextControl(self._text), always_hide_cursor=True)),
            key_bindings=_leave_bindings(),
            full_screen=True,
            input=keys,
            output=screen,
        )

    def run(self, cancel: Callable[[], None]) -> None:
        """Show until the user leaves; `cancel` ends a request that is not answered in time."""
        thread = threading.Thread(target=self._keep_fetching, daemon=True)
        try:
            self._application.run(pre_run=thread.start)
        finally:
            self._left.set()
            thread.join(_LAST_ANSWER_SECONDS)
            if thread.is_alive():
                cancel()
                thread.join(_LAST_ANSWER_SECONDS)

    def _keep_fetching(self) -> None:
        while not self._left.is_set():
            self._latest = self._fetch()
            with suppress(RuntimeError):  # the user has just left, and the event loop is closed
                self._application.invalidate()
            self._left.wait(self._seconds)

    def _text(self) -> ANSI | str:
        if self._latest is None:
            return "asking the server …"
        view = self._view()
        footer = "q leaves"
        lines = texts(render(self._latest, view))[: view.lines - 2]
        return ANSI("\n".join([*lines, "", view.paint("offset", footer)]))


def _leave_bindings() -> KeyBindings:
    bindings = KeyBindings()

    def leave(event: KeyPressEvent) -> None:
        event.app.exit()

    for key in _LEAVE_KEYS:
        bindings.add(key)(leave)
    return bindings

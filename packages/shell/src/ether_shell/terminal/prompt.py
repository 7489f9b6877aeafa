"""The prompt on a capable terminal: editing, history, completion, hints, toolbar.

Rule: the one place where prompt_toolkit is put together, and it is imported
only for a person; what the parts show is decided in pure files.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, get_common_complete_suffix
from prompt_toolkit.filters import has_completions, is_done
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout.processors import AfterInput, ConditionalProcessor
from prompt_toolkit.output import Output
from prompt_toolkit.styles import Style

from ether_shell.language.declaration import Catalogue
from ether_shell.session import Session

from .completion import ShellCompleter
from .hints import hint
from .history import history_path, open_history
from .statusline import prompt_text, status_line

_MENU_LINES = 6

_STYLE = Style.from_dict(
    {
        "hint": "fg:ansibrightblack",
        "bottom-toolbar": "noreverse fg:ansiwhite bg:ansibrightblack",
    }
)


def prompt_reader(
    session: Session,
    catalogue: Catalogue,
    *,
    going_on: Callable[[], str] = lambda: "",
    keys: Input | None = None,
    screen: Output | None = None,
) -> Callable[[], str]:
    """A function that asks for a line; it raises KeyboardInterrupt and EOFError as `input` does.

    `going_on` says what Enter does on an empty line.  `keys` and `screen` are
    other places than the process's terminal.
    """

    def shown_hint() -> str:
        text = prompt.default_buffer.text
        return hint(text, catalogue) if text else going_on()

    completer = ShellCompleter(catalogue, session)
    prompt: PromptSession[str] = PromptSession(
        message=lambda: prompt_text(session),
        completer=completer,
        key_bindings=_keys(completer),
        complete_while_typing=True,
        history=open_history(history_path(os.environ)),
        bottom_toolbar=lambda: f" {status_line(session)} ",
        # The hint must not stay behind in the lines above.
        input_processors=[ConditionalProcessor(AfterInput(shown_hint, "class:hint"), ~is_done)],
        reserve_space_for_menu=_MENU_LINES,
        style=_STYLE,
        enable_suspend=True,
        input=keys,
        output=screen,
    )
    return prompt.prompt


def _keys(completer: ShellCompleter) -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("tab", filter=~has_completions)
    def complete(event: KeyPressEvent) -> None:
        # prompt_toolkit's own Tab completes a moment later, which whoever types
        # ahead, or pastes, does not wait for; offers cost nothing, so now will do.
        buffer = event.current_buffer
        found = list(completer.get_completions(buffer.document, CompleteEvent()))
        common = get_common_complete_suffix(buffer.document, found)
        if common:
            buffer.insert_text(common)
        elif found:
            buffer.start_completion(insert_common_part=True)

    return bindings

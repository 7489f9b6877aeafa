"""The prompt on a capable terminal: editing, history, completion, hints, toolbar.

Rule: the one place where prompt_toolkit is put together, and it is imported
only for a person; what the parts show is decided in pure files.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.completion import CompleteEvent, get_common_complete_suffix
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import has_completions, is_done
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.layout.processors import AfterInput, ConditionalProcessor
from prompt_toolkit.output import Output
from prompt_toolkit.styles import Style

from ether_shell.config import Prompt as Settings
from ether_shell.language.declaration import Catalogue
from ether_shell.session import Session

from .checks import complaint, literal_length
from .completion import ShellCompleter
from .hints import hint
from .history import BriefHistory, history_path, open_history
from .statusline import prompt_fragments, toolbar

_MENU_LINES = 6

_STYLE = Style.from_dict(
    {
        "hint": "fg:ansibrightblack",
        "wrong": "fg:ansired",
        "production": "bold fg:ansiwhite bg:ansired",
        "bottom-toolbar": "noreverse fg:ansiwhite bg:ansibrightblack",
    }
)


def prompt_reader(
    session: Session,
    catalogue: Catalogue,
    settings: Settings | None = None,
    *,
    going_on: Callable[[], str] = lambda: "",
    keys: Input | None = None,
    screen: Output | None = None,
) -> Callable[[], str]:
    """A function that asks for a line; it raises KeyboardInterrupt and EOFError as `input` does.

    `going_on` says what Enter does on an empty line.  `keys` and `screen` are
    other places than the process's terminal.
    """
    wanted = settings or Settings()
    keys_shown = Toggle()

    def behind() -> FormattedText:
        buffer = prompt.default_buffer
        if wanted.validation:
            wrong = complaint(buffer.document.text_before_cursor, catalogue, session.variables)
            if wrong:
                return FormattedText([("class:wrong", f"   ← {wrong}")])
        if not wanted.hints or (buffer.suggestion and buffer.suggestion.text):
            return FormattedText()
        shown = hint(buffer.text, catalogue) if buffer.text else going_on()
        return FormattedText([("class:hint", shown)])

    def bottom() -> FormattedText:
        typed = literal_length(prompt.default_buffer.document.text_before_cursor, catalogue)
        vi = prompt.editing_mode is EditingMode.VI
        return FormattedText(toolbar(session, typed, vi=vi, keys=keys_shown.on))

    completer = ShellCompleter(catalogue, session)
    prompt: PromptSession[str] = PromptSession(
        message=lambda: FormattedText(prompt_fragments(session)),
        completer=completer,
        key_bindings=_keys(completer, keys_shown),
        complete_while_typing=wanted.menu,
        history=open_history(history_path(os.environ)) if wanted.history else BriefHistory(),
        auto_suggest=AutoSuggestFromHistory() if wanted.suggestions else None,
        bottom_toolbar=bottom if wanted.toolbar else None,
        # What stands behind the cursor must not stay behind in the lines above.
        input_processors=[ConditionalProcessor(AfterInput(behind), ~is_done)],
        reserve_space_for_menu=_MENU_LINES if wanted.menu else 0,
        editing_mode=EditingMode.VI if wanted.vi else EditingMode.EMACS,
        style=_STYLE,
        enable_suspend=True,
        input=keys,
        output=screen,
    )

    return prompt.prompt


@dataclass(slots=True)
class Toggle:
    """Something that is shown or not."""

    on: bool = False


def _keys(completer: ShellCompleter, keys_shown: Toggle) -> KeyBindings:
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

    @bindings.add("f1")
    def show_keys(_: KeyPressEvent) -> None:
        keys_shown.on = not keys_shown.on

    @bindings.add("f4")
    def change_mode(event: KeyPressEvent) -> None:
        vi = event.app.editing_mode is EditingMode.VI
        event.app.editing_mode = EditingMode.EMACS if vi else EditingMode.VI

    return bindings

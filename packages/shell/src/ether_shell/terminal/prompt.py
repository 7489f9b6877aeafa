"""The prompt on a capable terminal: editing, history, completion, hints, toolbar.

Rule: prompt_toolkit's prompt is configured here; what its parts show is decided in `checks`,
`completion`, `hints` and `statusline`, which are pure.
"""

from __future__ import annotations

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

from ether_shell.language.declaration import Catalogue
from ether_shell.locations import history_file
from ether_shell.session.session import ShellSession
from ether_shell.settings import PromptSettings

from .checks import complaint, literal_length
from .completion import ShellCompleter
from .hints import hint
from .history import MemoryHistory, open_history
from .statusline import prompt_fragments, toolbar

_MENU_LINES = 6

_STYLE = Style.from_dict(
    {
        "hint": "fg:ansibrightblack",
        "wrong": "fg:ansired",
        "production": "bold fg:ansiwhite bg:ansired",
        "insecure": "bold fg:ansiblack bg:ansiyellow",
        "bottom-toolbar": "noreverse fg:ansiwhite bg:ansibrightblack",
    }
)


def prompt_reader(
    session: ShellSession,
    catalogue: Catalogue,
    settings: PromptSettings | None = None,
    *,
    next_line: Callable[[], str] = lambda: "",
    keys: Input | None = None,
    screen: Output | None = None,
) -> Callable[[], str]:
    """A function that asks for a line; it raises KeyboardInterrupt and EOFError as `input` does.

    `next_line` gives the command that Enter runs on an empty line. `keys` and `screen` replace
    the terminal of the process.
    """
    settings = settings or PromptSettings()
    keys_shown = Toggle()

    def behind() -> FormattedText:
        buffer = prompt.default_buffer
        if settings.validation:
            wrong = complaint(buffer.document.text_before_cursor, catalogue, session.variables)
            if wrong:
                return FormattedText([("class:wrong", f"   ← {wrong}")])
        if not settings.hints or (buffer.suggestion and buffer.suggestion.text):
            return FormattedText()
        shown = hint(buffer.text, catalogue) if buffer.text else next_line()
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
        complete_while_typing=settings.menu,
        history=open_history(history_file()) if settings.history else MemoryHistory(),
        auto_suggest=AutoSuggestFromHistory() if settings.suggestions else None,
        bottom_toolbar=bottom if settings.toolbar else None,
        # The hint must not remain in the line once it has been entered.
        input_processors=[ConditionalProcessor(AfterInput(behind), ~is_done)],
        reserve_space_for_menu=_MENU_LINES if settings.menu else 0,
        editing_mode=EditingMode.VI if settings.vi else EditingMode.EMACS,
        style=_STYLE,
        enable_suspend=True,
        input=keys,
        output=screen,
    )

    return prompt.prompt


@dataclass(slots=True)
class Toggle:
    """Something that is on or off."""

    on: bool = False


def _keys(completer: ShellCompleter, keys_shown: Toggle) -> KeyBindings:
    bindings = KeyBindings()

    @bindings.add("tab", filter=~has_completions)
    def complete(event: KeyPressEvent) -> None:
        # prompt_toolkit's own Tab completes in the background, and keys that follow at once
        # would come first. Completion is cheap here, so it is done at once.
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

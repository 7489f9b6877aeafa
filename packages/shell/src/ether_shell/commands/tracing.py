"""The command that shows all messages: trace.

Rule: messages are kept as `ether_protocol` hands them out, already without secrets.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from ether_protocol import Trace, Traced
from ether_shell.language.declaration import Argument, Example, Result, Results, ShellCommand
from ether_shell.language.values import PATH, FromFile, choice
from ether_shell.operations.confirmation import require_yes
from ether_shell.problems import UsageError
from ether_shell.session.context import KEPT_MESSAGES, Context
from ether_shell.session.save_file import SaveFile


@dataclass(frozen=True, slots=True)
class Tracing(Result):
    """Whether messages are shown, and how many are kept."""

    on: bool
    kept: int


@dataclass(frozen=True, slots=True)
class TraceSaved(Result):
    """How many messages were written to a file."""

    messages: int
    path: str


def trace(context: Context, action: str | None, file: FromFile | None) -> Results:
    """Turn tracing on or off, or save the messages that were shown."""
    if action == "save" and file is None:
        raise UsageError("FILE is missing: trace save FILE")
    if action != "save" and file is not None:
        raise UsageError(f"trace {action} takes no file: trace save FILE writes one", file.at)
    if file is not None:
        yield _save(context, file)
        return
    if action is not None:
        context.session.trace(_hook(context) if action == "on" else None)
    yield Tracing(context.session.traced, len(context.messages))


def _hook(context: Context) -> Trace:
    def show(message: Traced) -> None:
        context.messages.append(message)
        context.on_message(message, context.session.internal)

    return show


def _save(context: Context, file: FromFile) -> TraceSaved:
    save = SaveFile(file)
    if save.replaces:
        require_yes(context, f"replace {file.path}?", "nothing was written")
    with save:
        for message in context.messages:
            save.write(f"{json.dumps(as_json(message))}\n".encode())
    return TraceSaved(len(context.messages), file.path)


def as_json(message: Traced) -> dict[str, Any]:
    """A message as a line of a saved trace; bytes are hex."""
    took = None if message.elapsed is None else round(message.elapsed * 1000, 3)
    return {
        "sent": message.sent,
        "summary": message.summary,
        "ms": took,
        "fields": [
            {
                "offset": field.offset,
                "bytes": field.data.hex(),
                "name": field.name,
                "value": field.value,
            }
            for field in message.fields
        ],
    }


TRACE: Final = ShellCommand(
    "trace",
    "show every message, field by field",
    trace,
    (
        Argument(
            "action",
            choice(
                ("on", "show every message from now on"),
                ("off", "stop that"),
                ("save", "write the messages to a file"),
            ),
            "on, off or save; default: show which",
            required=False,
        ),
        Argument("file", PATH, "for save: the file", required=False),
    ),
    examples=(
        Example("trace on", "on standard error, > sent and < received"),
        Example("trace save trace.jsonl", "one JSON object per message"),
    ),
    detail=f"Every field is shown with its offset in the message, its bytes, its name and its "
    f"value; a reply with the time it took. The shell's own requests take one line each. "
    f"Secrets are left out. The last {KEPT_MESSAGES:,} messages are kept for trace save.",
    local=True,
)

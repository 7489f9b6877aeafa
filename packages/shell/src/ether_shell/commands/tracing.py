"""The command that shows what goes over the wire: trace.

Rule: a message is kept as `ether_protocol` tells of it, from which secrets are
already gone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from ether_protocol import Trace, Traced
from ether_shell.context import KEPT_MESSAGES, Context
from ether_shell.language.declaration import Argument, Command, Example, Result, Results
from ether_shell.language.values import PATH, FromFile, choice
from ether_shell.problems import Misuse
from ether_shell.savefile import SaveFile

from .consent import agree


@dataclass(frozen=True, slots=True)
class Tracing(Result):
    """Whether messages are shown, and how many are kept."""

    on: bool
    kept: int


@dataclass(frozen=True, slots=True)
class TraceSaved(Result):
    """So many messages stand in a file."""

    messages: int
    path: str


def trace(context: Context, action: str | None, file: FromFile | None) -> Results:
    """Show every message from now on, or no more, or save those that were shown."""
    if action == "save" and file is None:
        raise Misuse("FILE is missing: trace save FILE")
    if action != "save" and file is not None:
        raise Misuse(f"trace {action} takes no file: trace save FILE writes one", file.at)
    if file is not None:
        yield _save(context, file)
        return
    if action is not None:
        context.session.trace(_hook(context) if action == "on" else None)
    yield Tracing(context.session.traced, len(context.messages))


def _hook(context: Context) -> Trace:
    def show(message: Traced) -> None:
        context.messages.append(message)
        context.on_message(message, context.session.aside)

    return show


def _save(context: Context, file: FromFile) -> TraceSaved:
    save = SaveFile(file)
    if save.replaces:
        agree(context, f"replace {file.path}?", "nothing was written")
    with save:
        for message in context.messages:
            save.write(f"{json.dumps(as_json(message))}\n".encode())
    return TraceSaved(len(context.messages), file.path)


def as_json(message: Traced) -> dict[str, Any]:
    """A message as one line of a saved trace says it; bytes are hex."""
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


TRACE: Final = Command(
    "trace",
    "show every message, field by field",
    trace,
    (
        Argument(
            "action",
            choice(
                ("on", "show every message from now on"),
                ("off", "no more"),
                ("save", "write what was shown to a file"),
            ),
            "on, off or save; without, tell which",
            required=False,
        ),
        Argument("file", PATH, "for save: where to", required=False),
    ),
    examples=(
        Example("trace on", "on standard error, > sent and < received"),
        Example("trace save trace.jsonl", "one JSON object a message"),
    ),
    detail=f"Every field has its offset in the message, its bytes, its name and its value; a reply "
    f"has the time it took. What the shell asks on its own account is one line each. Secrets "
    f"are left out. The last {KEPT_MESSAGES:,} messages are kept for trace save.",
    local=True,
)

"""The messages of one connection, each as text or as JSON.

Rule: no I/O.  Messages come from `cutting`; this file matches replies with
requests and formats both.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from ether_protocol.inspect.dissect import Field, dissect_bytes
from ether_protocol.inspect.field_table import format_fields
from ether_protocol.wire.constants import VERSION_2, command_name
from ether_protocol.wire.messages import Message

from .cutting import Cut


class ReplyMatcher:
    """Finds the request that a reply answers, by id or, in version 1, by order."""

    def __init__(self) -> None:
        self._waiting: deque[Message] = deque()

    def answers(self, message: Message) -> int:
        """The command that `message` answers; 0 for a request, or if no request fits.

        Requests before the one that is answered are forgotten: replies come in
        the order of the requests, so theirs are missing from the stream.
        """
        if not message.is_reply:
            self._waiting.append(message)
            return 0
        for turn, request in enumerate(self._waiting):
            if request.version == message.version and request.request_id == message.request_id:
                for _ in range(turn + 1):
                    self._waiting.popleft()
                return request.command
        return 0


@dataclass(frozen=True, slots=True)
class Route:
    """Who sent bytes to whom, and when, in seconds since the capture's first packet."""

    source: str
    destination: str
    seconds: float

    def reversed(self) -> Route:
        """The opposite direction at the same time."""
        return Route(self.destination, self.source, self.seconds)


@dataclass(frozen=True, slots=True)
class Entry:
    """One message, or bytes that are none; a reply `answers` a command."""

    cut: Cut
    answers: int = 0
    route: Route | None = None

    @property
    def fields(self) -> list[Field]:
        """The bytes as fields."""
        if self.cut.message is not None:
            return dissect_bytes(self.cut.data, self.answers)
        return [Field(0, self.cut.data, "undecoded", self.cut.note)] if self.cut.data else []


def entries(cuts: Iterable[Cut], matcher: ReplyMatcher, route: Route | None = None) -> list[Entry]:
    """`cuts` as entries, each reply matched with its request."""
    return [
        Entry(cut, matcher.answers(cut.message) if cut.message is not None else 0, route)
        for cut in cuts
    ]


def as_text(entry: Entry) -> str:
    """A headline and a table of fields."""
    cut = entry.cut
    words = [f"at {cut.start:,}", f"{cut.length:,} byte" + "s" * (cut.length != 1)]
    if entry.route is not None:
        route = entry.route
        words = [f"{route.seconds:.6f} s", f"{route.source} → {route.destination}", *words]
    if cut.message is not None:
        answered = f", answers {command_name(entry.answers)}" if entry.answers else ""
        words.append(str(cut.message) + answered)
    if cut.note:
        words.append(cut.note)
    fields = entry.fields
    return "\n".join([" · ".join(words), *([format_fields(fields)] if fields else []), ""])


def as_json(entry: Entry) -> str:
    """One JSON object on one line; bytes are hex, and `note` says what is wrong."""
    cut, route, message = entry.cut, entry.route, entry.cut.message
    row: dict[str, object] = {"at": cut.start, "length": cut.length}
    if route is not None:
        row |= {"seconds": round(route.seconds, 6), "from": route.source, "to": route.destination}
    if message is not None:
        row["kind"] = "reply" if message.is_reply else "request"
        row |= {"version": message.version, "command": command_name(message.command)}
        if message.version == VERSION_2:
            row["request_id"] = message.request_id
        if entry.answers:
            row["answers"] = command_name(entry.answers)
    if cut.note:
        row["note"] = cut.note
    row["fields"] = [
        {
            "offset": field.offset,
            "bytes": field.data.hex(),
            "name": field.name,
            "value": field.value,
        }
        for field in entry.fields
    ]
    return json.dumps(row, ensure_ascii=False)

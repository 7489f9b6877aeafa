"""What was said on one connection, message by message: as a table or as JSON.

Rule: pure.  Bytes come in as `cutting` cut them; which request a reply answers
is found here, how either looks is decided here, and nothing is printed.
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


class Matcher:
    """Finds the request that a reply answers, by its id or by its turn."""

    def __init__(self) -> None:
        self._waiting: deque[Message] = deque()

    def answers(self, message: Message) -> int:
        """The command that `message` answers; 0 for a request, and where none fits.

        A request of version 2 that was passed over is forgotten: replies come
        in the order of the requests, so its own is missing here.
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
class Way:
    """Which way bytes went, and when: seconds since the capture's first packet."""

    source: str
    destination: str
    seconds: float

    def back(self) -> Way:
        """The other way, at the same time."""
        return Way(self.destination, self.source, self.seconds)


@dataclass(frozen=True, slots=True)
class Entry:
    """One message, or bytes that are none; `answers` is a reply's request's command."""

    cut: Cut
    answers: int = 0
    way: Way | None = None

    @property
    def fields(self) -> list[Field]:
        """What the bytes say."""
        if self.cut.message is not None:
            return dissect_bytes(self.cut.data, self.answers)
        return [Field(0, self.cut.data, "undecoded", self.cut.note)] if self.cut.data else []


def entries(cuts: Iterable[Cut], matcher: Matcher, way: Way | None = None) -> list[Entry]:
    """Say which request each reply among `cuts` answers."""
    return [
        Entry(cut, matcher.answers(cut.message) if cut.message is not None else 0, way)
        for cut in cuts
    ]


def as_text(entry: Entry) -> str:
    """A headline and a table."""
    cut = entry.cut
    words = [f"at {cut.start:,}", f"{cut.length:,} byte" + "s" * (cut.length != 1)]
    if entry.way is not None:
        way = entry.way
        words = [f"{way.seconds:.6f} s", f"{way.source} → {way.destination}", *words]
    if cut.message is not None:
        answered = f", answers {command_name(entry.answers)}" if entry.answers else ""
        words.append(str(cut.message) + answered)
    if cut.note:
        words.append(cut.note)
    fields = entry.fields
    return "\n".join([" · ".join(words), *([format_fields(fields)] if fields else []), ""])


def as_json(entry: Entry) -> str:
    """One object in one line; bytes are hex, and `note` says what is the matter."""
    cut, way, message = entry.cut, entry.way, entry.cut.message
    row: dict[str, object] = {"at": cut.start, "length": cut.length}
    if way is not None:
        row |= {"seconds": round(way.seconds, 6), "from": way.source, "to": way.destination}
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

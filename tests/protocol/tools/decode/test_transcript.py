from __future__ import annotations

import json

from ether_protocol import Command, Message
from ether_protocol.tools.decode.cutting import MISSING, Cut, Cutter
from ether_protocol.tools.decode.transcript import (
    Entry,
    ReplyMatcher,
    Route,
    as_json,
    as_text,
    entries,
)
from ether_protocol.wire.codec import encode
from protocol.samples import INFO_BODY

ROUTE = Route("10.0.0.1:40000", "10.0.0.2:9999", 0.0015)


def answers(*messages: Message) -> list[str]:
    """The request's name for each reply among `messages`, `-` for none."""
    matcher = ReplyMatcher()
    found = [(message, matcher.answers(message)) for message in messages]
    return [
        Command(command).name if command else "-" for message, command in found if message.is_reply
    ]


def test_replies_are_matched_by_their_id() -> None:
    assert answers(
        Message(Command.READ, request_id=1),
        Message(Command.INFO, request_id=2),
        Message(Command.OK, request_id=1),
        Message(Command.OK, request_id=2),
        Message(Command.OK, request_id=2),
    ) == ["READ", "INFO", "-"]


def test_replies_without_an_id_are_matched_by_their_turn() -> None:
    assert answers(
        Message(Command.ALLOC, version=1),
        Message(Command.READ, version=1),
        Message(Command.INFO),
        Message(Command.OK, version=1),
        Message(Command.ERROR, version=1),
        Message(Command.OK),
    ) == ["ALLOC", "READ", "INFO"]


def test_a_request_whose_reply_is_missing_is_passed_over() -> None:
    assert answers(
        Message(Command.READ, request_id=1),
        Message(Command.INFO, request_id=2),
        Message(Command.OK, request_id=2),
        Message(Command.OK, request_id=1),
    ) == ["INFO", "-"]


def exchange() -> list[Entry]:
    """INFO, its reply, and a reply to nobody knows what."""
    info = encode(Message(Command.INFO, 7, request_id=1))
    ok = encode(Message(Command.OK, 7, payload=INFO_BODY, request_id=1))
    return entries(Cutter().feed(info + ok + ok), ReplyMatcher(), ROUTE)


def test_a_body_is_split_into_fields_if_its_request_is_known() -> None:
    request, known, unknown = exchange()

    assert [field.name for field in request.fields][-1] == "length"
    assert [field.name for field in known.fields][-3:] == ["size", "flags", "created_ms"]
    assert [field.name for field in unknown.fields][-1] == "payload"


def test_a_message_as_text() -> None:
    _, reply, _ = exchange()

    headline, headings, *rows, last = as_text(reply).split("\n")

    assert headline == (
        "0.001500 s · 10.0.0.1:40000 → 10.0.0.2:9999 · at 40 · 58 bytes"
        " · OK #1 handle=7, answers INFO"
    )
    assert headings.split() == ["offset", "bytes", "name", "value"]
    assert rows[-3].split() == ["40", *["00"] * 6, "10", "00", "size", "4096"]
    assert (len(rows), last) == (12, "")


def test_a_message_as_json() -> None:
    request, reply, _ = exchange()

    assert json.loads(as_json(reply)) == {
        "at": 40,
        "length": 58,
        "seconds": 0.0015,
        "from": "10.0.0.1:40000",
        "to": "10.0.0.2:9999",
        "kind": "reply",
        "version": 2,
        "command": "OK",
        "request_id": 1,
        "answers": "INFO",
        "fields": [
            {"offset": field.offset, "bytes": field.data.hex(), "name": field.name}
            | {"value": field.value}
            for field in reply.fields
        ],
    }
    assert json.loads(as_json(request))["kind"] == "request"
    assert "\n" not in as_json(reply)


def test_bytes_that_are_no_message() -> None:
    junk = Entry(Cut(5, 3, b"abc", note="no message begins here"))
    gap = Entry(Cut(8, 1, note=MISSING))

    assert as_text(junk).split("\n") == [
        "at 5 · 3 bytes · no message begins here",
        "offset  bytes     name       value",
        "     0  61 62 63  undecoded  no message begins here",
        "",
    ]
    assert as_text(gap) == "at 8 · 1 byte · missing from the capture\n"
    assert json.loads(as_json(gap)) == {
        "at": 8,
        "length": 1,
        "note": "missing from the capture",
        "fields": [],
    }


def test_the_reversed_route() -> None:
    assert ROUTE.reversed() == Route("10.0.0.2:9999", "10.0.0.1:40000", 0.0015)

"""The vectors that other implementations are tested with hold for this one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ether_protocol import ClientConnection, Command, ErrorCode, Message, Refused, ServerConnection
from ether_protocol.wire import bodies, constants, schema
from ether_protocol.wire.bodies import decode_error, error_reply
from ether_protocol.wire.codec import HEADER_BYTES, command_word, encode
from ether_protocol.wire.errors import RemoteProtocolError
from ether_protocol.wire.messages import Buffer
from protocol import document
from protocol.transcript import bytewise
from protocol.vectors import FOLDER, Vector, data, each, load, message, number, vectors

BYTEWISE_BYTES = 10_000
"""Longer vectors are cut into large pieces only."""

REQUESTS = ("requests-v1.json", "requests-v2.json")
REPLIES = ("replies-v1.json", "replies-v2.json")


def cuts(wire: bytes) -> Iterator[list[bytes]]:
    """`wire` whole, in two pieces, and byte by byte where it is not too long."""
    yield [wire]
    yield [wire[:30], wire[30:]]
    if len(wire) <= BYTEWISE_BYTES:
        yield list(bytewise(wire))


def taken(pieces: list[bytes]) -> list[Message | Refused]:
    connection = ServerConnection()
    return [event for piece in pieces for event in connection.receive_data(piece)]


def waiting_client(request: dict[str, Any], request_id: int = 1) -> ClientConnection:
    """A client that has sent `request` with `request_id`."""
    client = ClientConnection()
    client._last_id = request_id - 1
    client.send(message({"version": 2, **request}))
    return client


@each(*REQUESTS)
def test_a_request_is_encoded(vector: Vector) -> None:
    assert encode(message(vector["fields"])) == data(vector["hex"])


@each(*REQUESTS)
def test_a_request_is_decoded(vector: Vector) -> None:
    expected = message(vector["fields"])
    if vector.get("skipped"):
        expected = expected.with_payload(b"")
    for pieces in cuts(data(vector["hex"])):
        assert taken(pieces) == [expected]


@each(*REPLIES)
def test_a_reply_is_encoded(vector: Vector) -> None:
    assert ServerConnection().send(message(vector["fields"])) == data(vector["hex"])


@each(*REPLIES)
def test_a_reply_is_decoded(vector: Vector) -> None:
    fields = vector["fields"]
    answers = {"version": fields["version"], **vector["answers"]}
    for pieces in cuts(data(vector["hex"])):
        client = waiting_client(answers, fields.get("request_id", 1))
        received = [reply for piece in pieces for reply in client.receive_data(piece)]
        assert received == [message(fields)]


PLAIN = ("READ", "WRITE")
"""Requests whose replies a client may take by the fast path."""


def plain_client(request: dict[str, Any], wire: bytes) -> ClientConnection:
    """A client that has sent a READ or WRITE by the fast path, and received `wire`."""
    asked = message({"version": 2, **request})
    most = asked.size if asked.command == Command.READ else 0
    size = len(asked.payload)
    client = ClientConnection()
    word = command_word(asked.command)
    client.send_plain(word, asked.handle, asked.size, asked.offset, size, most)
    with client.get_buffer() as room:
        room[: len(wire)] = wire
    client.received(len(wire))
    return client


@pytest.mark.parametrize(
    "vector",
    [
        vector
        for vector in vectors("replies-v2.json")
        if vector["answers"]["command"] in PLAIN and len(data(vector["hex"])) < BYTEWISE_BYTES
    ],
    ids=lambda vector: vector["name"],
)
def test_a_reply_is_taken_by_the_fast_path(vector: Vector) -> None:
    client = plain_client(vector["answers"], data(vector["hex"]))
    values: list[bytes | int] = []
    client.take_plain(values)
    reads = vector["answers"]["command"] == "READ"
    assert values == [data(vector["fields"]["payload"]) if reads else vector["fields"]["size"]]
    assert client.outstanding == 0


@pytest.mark.parametrize(
    "vector",
    [
        vector
        for vector in vectors("bad-replies.json")
        if vector["request"]["command"] in PLAIN and vector["request"]["version"] == 2
    ],
    ids=lambda vector: vector["name"],
)
def test_a_bad_reply_is_not_taken_by_the_fast_path(vector: Vector) -> None:
    client = plain_client(vector["request"], data(vector["hex"]))
    values: list[bytes | int] = []
    client.take_plain(values)
    assert values == []
    with pytest.raises(RemoteProtocolError):
        client.next_reply()


@each("errors.json")
def test_an_error_is_decoded(vector: Vector) -> None:
    request = {"version": vector["version"], "command": "FREE", "handle": vector["handle"]}
    (reply,) = waiting_client(request).receive_data(data(vector["hex"]))
    error = decode_error(reply)
    assert (reply.handle, error.code) == (vector["handle"], vector["code"])
    if vector["version"] == 2:
        assert str(error) == vector["text"]


@each("errors.json")
def test_an_error_is_encoded(vector: Vector) -> None:
    request = Message(Command.FREE, vector["handle"], version=vector["version"])
    request.request_id = 1 if vector["version"] == 2 else 0
    if vector["code"] in list(ErrorCode):
        reply = error_reply(request, ErrorCode(vector["code"]), vector["text"])
        assert encode(reply) == data(vector["hex"])


def test_there_is_an_error_for_every_code_in_both_versions() -> None:
    there = {(vector["version"], vector["code"]) for vector in vectors("errors.json")}
    assert there >= {(version, code) for version in (1, 2) for code in ErrorCode}


def test_there_is_a_request_for_every_command() -> None:
    def named(*files: str) -> set[str]:
        return {vector["fields"]["command"] for vector in vectors(*files)}

    requests = {command.name for command in Command if command not in constants.REPLIES}
    assert named("requests-v2.json") == requests
    assert named("requests-v1.json") == {command.name for command in constants.V1_COMMANDS}
    assert named("replies-v2.json") == named("replies-v1.json") == {"PONG", "OK", "ERROR"}
    answered = {vector["answers"]["command"] for vector in vectors("replies-v2.json")}
    assert answered == requests


# Bodies

HELLO_NAMES = {
    "server": "name",
    "most_payload_bytes": "max_payload_bytes",
    "memory_limit_bytes": "max_memory_bytes",
    "handle_limit": "max_handles",
    "authentication_needed": "auth_needed",
}
HEX_FIELDS = ("expected", "desired", "found")


def parse_hello(payload: Buffer) -> dict[str, Any]:
    said = bodies.decode_hello(payload)
    ours = {"version": said.version, "features": list(said.features), "instance": said.instance}
    return ours | {name: getattr(said, own) for name, own in HELLO_NAMES.items()}


def build_hello(fields: dict[str, Any]) -> bytes:
    own = {HELLO_NAMES.get(name, name): value for name, value in fields.items()}
    for name in ("max_memory_bytes", "max_handles", "instance"):
        own[name] = number(own[name])
    return bodies.encode_hello(bodies.Hello(**{**own, "features": tuple(own["features"])}))


def parse_fixed(names: tuple[str, ...], layout: Any) -> Callable[[Buffer], dict[str, Any]]:
    def parse(payload: Buffer) -> dict[str, Any]:
        return dict(zip(names, bodies.unpack(layout, payload), strict=True))

    return parse


def build_fixed(names: tuple[str, ...], layout: Any) -> Callable[[dict[str, Any]], bytes]:
    return lambda fields: bodies.pack(layout, *(fields[name] for name in names))


def fixed(*names: str, layout: Any) -> tuple[Any, Any]:
    return parse_fixed(names, layout), build_fixed(names, layout)


def parse_error(payload: Buffer) -> dict[str, Any]:
    error = decode_error(Message(Command.ERROR, payload=payload))
    return {"code": error.code, "text": str(error)}


def build_error(fields: dict[str, Any]) -> bytes:
    return bytes(schema.ERROR_REPLY.build({"code": fields["code"], "message": fields["text"]}))


BODIES: dict[str, tuple[Any, Any]] = {
    "hello": (parse_hello, build_hello),
    "stats": (
        lambda payload: {"counters": [[n, v] for n, v in bodies.decode_stats(payload).items()]},
        lambda fields: bodies.encode_stats(dict(fields["counters"])),
    ),
    "info": fixed("size", "flags", "created_ms", layout=bodies.INFO_REPLY),
    "list": (
        lambda payload: {"blocks": [list(entry) for entry in bodies.decode_list(payload)]},
        lambda fields: bodies.encode_list([(h, size) for h, size in fields["blocks"]]),
    ),
    "client name": (
        lambda payload: {"name": bodies.decode_client_name(payload)},
        lambda fields: bodies.encode_text(fields["name"], constants.MAX_NAME_BYTES),
    ),
    "fill": fixed("byte", layout=bodies.FILL_REQUEST),
    "copy": fixed("source_handle", "source_offset", layout=bodies.COPY_REQUEST),
    "compare_swap": fixed("expected", "desired", layout=bodies.COMPARE_SWAP_REQUEST),
    "compare_swap reply": fixed("found", layout=bodies.COMPARE_SWAP_REPLY),
    "fetch_add": fixed("delta", layout=bodies.FETCH_ADD_REQUEST),
    "fetch_add reply": fixed("found", layout=bodies.FETCH_ADD_REPLY),
    "error": (parse_error, build_error),
}


def plain(value: Any, body: str) -> Any:
    """`value` with numbers and bytes in the place of their notation."""
    if isinstance(value, list):
        return [plain(item, body) for item in value]
    if isinstance(value, dict):
        return {name: plain_field(name, item, body) for name, item in value.items()}
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def plain_field(name: str, value: Any, body: str) -> Any:
    if name in HEX_FIELDS and body.startswith("compare_swap"):
        return data(value)
    if name == "delta":
        return number(value)
    return value if name in ("text", "name", "server", "version") else plain(value, body)


@each("bodies.json")
def test_a_body(vector: Vector) -> None:
    parse, build = BODIES[vector["body"]]
    wire = data(vector["hex"])
    if vector.get("invalid"):
        with pytest.raises(RemoteProtocolError):
            parse(wire)
        return
    fields = plain(vector["fields"], vector["body"])
    assert parse(wire) == fields
    if not vector.get("decode_only"):
        assert build(fields) == wire


def test_every_declared_body_has_vectors() -> None:
    there = {vector["body"] for vector in vectors("bodies.json")}
    assert there == set(BODIES)
    declared = len(schema.REQUEST_BODIES) + len(schema.REPLY_BODIES)
    assert len(there) == declared + 1  # and the body of an ERROR


# What is refused


@each("bad-input.json")
def test_bad_input_is_refused(vector: Vector) -> None:
    wire = data(vector["send"])
    for pieces in cuts(wire):
        connection = ServerConnection()
        connection.receive_data(data(vector["before"]))
        events = [event for piece in pieces for event in connection.receive_data(piece)]
        if vector["reply"]["code"] == "INVALID" or (events and isinstance(events[0], Message)):
            continue  # for a handler to refuse: the daemon's tests do
        (refused,) = events
        assert isinstance(refused, Refused)
        expected = vector["reply"]
        assert (refused.refusal.code.name, refused.refusal.fatal) == (
            expected["code"],
            vector["then"] == "closed",
        )
        answer = refused.message
        assert (answer.version, answer.handle, answer.request_id) == (
            expected["version"],
            number(expected["handle"]),
            expected["request_id"],
        )
        alive = connection.receive_data(encode(Message(Command.PING)))
        assert len(alive) == (vector["then"] == "open")


def test_every_row_of_the_bad_input_tables_has_vectors() -> None:
    rows = {row[0]: row[1] for row in document.rows("Bad input")}
    found: dict[str, set[str]] = {}
    for vector in vectors("bad-input.json"):
        found.setdefault(vector["row"], set()).add(vector["reply"]["code"])
    assert set(found) == set(rows)
    for row, codes in found.items():
        assert len(codes) == 1
        assert rows[row].startswith(codes.pop())


@each("bad-replies.json")
def test_a_bad_reply_is_refused(vector: Vector) -> None:
    for pieces in cuts(data(vector["hex"])):
        client = waiting_client(vector["request"])
        with pytest.raises(RemoteProtocolError):
            _ = [client.receive_data(piece) for piece in pieces]


# The files themselves


def test_the_constants_are_ours() -> None:
    words = load("vocabulary.json")
    assert words["magic"] == constants.MAGIC_BYTES.hex().upper()
    assert words["default_port"] == constants.DEFAULT_PORT
    assert words["header_bytes"] == {str(v): count for v, count in HEADER_BYTES.items()}
    assert words["commands"] == {command.name: command.value for command in Command}
    assert words["error_codes"] == {code.name: code.value for code in ErrorCode}
    assert words["alloc_flags"] == {flag.name: flag.value for flag in constants.AllocFlag}
    assert {Command[name] for name in words["replies"]} == constants.REPLIES
    assert {Command[name] for name in words["requests_of_version_1"]} == constants.V1_COMMANDS
    limits = {command.name: count for command, count in constants.PAYLOAD_LIMITS.items()}
    assert words["payload_limits"] == limits
    assert words["limits"] == {
        "payload_bytes": constants.MAX_PAYLOAD_BYTES,
        "ping_bytes": constants.MAX_PING_BYTES,
        "name_bytes": constants.MAX_NAME_BYTES,
        "token_bytes": constants.MAX_TOKEN_BYTES,
        "list_entries": constants.MAX_LIST_ENTRIES,
    }


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.name)
def test_a_file_says_how_to_use_it_and_names_each_vector_once(path: Any) -> None:
    loaded = load(path.name)
    assert len(loaded["how"]) > 50
    for title in loaded["spec"].split("; "):
        assert document.section(title) or title == "Headers"
    names = [(v["name"], v.get("row")) for v in loaded.get("vectors", [])]
    assert len(set(names)) == len(names)
    assert path.name in (FOLDER / "README.md").read_text(encoding="utf-8")
    assert path.stat().st_size < 64 * 1024
    _check_numbers(json.loads(path.read_text(encoding="utf-8")))


def _check_numbers(value: Any) -> None:
    """No number that a reader of JSON may round."""
    if isinstance(value, dict):
        for item in value.values():
            _check_numbers(item)
    elif isinstance(value, list):
        for item in value:
            _check_numbers(item)
    elif isinstance(value, int):
        assert abs(value) < 2**53

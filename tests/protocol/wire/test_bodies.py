from __future__ import annotations

import dataclasses
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from construct import Struct
from hypothesis import given
from hypothesis import strategies as st

from ether_protocol import (
    BlockInfo,
    Command,
    ErrorCode,
    Hello,
    LocalProtocolError,
    Message,
    NotFound,
    RemoteProtocolError,
    ServerError,
)
from ether_protocol.wire import bodies, schema
from protocol.samples import ERROR_BODY, HELLO_BODY, INFO_BODY, LIST_BODY, STATS_BODY

HELLO = Hello("ether", "0.1.0", 2**24, 2**30, 1000, True, ("fill",), 0x0123456789ABCDEF)
U64 = st.integers(0, 2**64 - 1)


def test_hello() -> None:
    assert bodies.encode_hello(HELLO) == HELLO_BODY
    assert bodies.decode_hello(HELLO_BODY) == HELLO
    assert bodies.decode_hello(HELLO_BODY + b"what a later version adds") == HELLO


def test_stats_keep_their_order() -> None:
    assert bodies.encode_stats({"blocks": 3}) == STATS_BODY
    counters = {"zebra": 1, "ant": 2**64 - 1, "größe": 0}
    assert list(bodies.decode_stats(bodies.encode_stats(counters)).items()) == list(
        counters.items()
    )
    assert bodies.decode_stats(bodies.encode_stats({})) == {}


def test_info() -> None:
    assert bodies.decode_info(INFO_BODY) == BlockInfo(4096, 1, 0x19ABBCCDDEE)


def test_list() -> None:
    assert bodies.encode_list([(8, 64), (9, 2**40)]) == LIST_BODY
    assert bodies.decode_list(LIST_BODY) == [(8, 64), (9, 2**40)]
    assert bodies.decode_list(b"") == []


def test_what_was_there_before_an_atomic_change() -> None:
    assert bodies.decode_compare_swap(b"12345678") == b"12345678"
    assert bodies.decode_fetch_add(b"\xff" * 8) == 2**64 - 1


def test_a_client_name_is_utf_8() -> None:
    assert bodies.decode_client_name("Zoë".encode()) == "Zoë"
    assert bodies.decode_client_name(b"") == ""
    with pytest.raises(RemoteProtocolError, match="does not parse"):
        bodies.decode_client_name(b"\xff")


@pytest.mark.parametrize(
    ("text", "limit", "sent"),
    [
        ("name", 255, b"name"),
        ("name", 2, b"na"),
        ("Zoë", 4, b"Zo\xc3\xab"),
        ("Zoë", 3, b"Zo"),
        ("half \ud800", 255, b"half ?"),
        ("", 5, b""),
    ],
)
def test_text_is_cut_between_characters(text: str, limit: int, sent: bytes) -> None:
    assert bodies.encode_text(text, limit) == sent


# Bodies of fixed size: the struct and the schema agree.


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, value in vars(bodies).items()
        if isinstance(value, struct.Struct) and name[0] != "_"
    ],
)
def test_a_fixed_body_has_the_format_of_the_schema(name: str) -> None:
    assert getattr(bodies, name).format == schema.layout(getattr(schema, name)).format


def test_every_fixed_body_of_the_schema_has_a_struct() -> None:
    fixed = set()
    for name, value in vars(schema).items():
        if isinstance(value, Struct) and not name.startswith("HEADER_"):
            with suppress(TypeError):
                schema.layout(value)
                fixed.add(name)
    assert fixed == {
        n for n, v in vars(bodies).items() if isinstance(v, struct.Struct) and n[0] != "_"
    }


@given(size=U64, flags=st.integers(0, 2**16 - 1), created_ms=U64)
def test_info_packs_as_declared(**fields: int) -> None:
    wire = schema.INFO_REPLY.build(fields)

    assert bodies.pack(bodies.INFO_REPLY, *fields.values()) == wire
    assert bodies.decode_info(wire) == BlockInfo(**fields)


@given(st.lists(st.tuples(U64, U64), max_size=8))
def test_list_packs_as_declared(blocks: list[tuple[int, int]]) -> None:
    rows = [{"handle": handle, "size": size} for handle, size in blocks]

    wire = bodies.encode_list(blocks)

    assert wire == schema.LIST_REPLY.build({"blocks": rows})
    assert bodies.decode_list(wire) == blocks


@given(source=U64, offset=U64)
def test_copy_packs_as_declared(source: int, offset: int) -> None:
    fields = {"source_handle": source, "source_offset": offset}

    assert bodies.pack(bodies.COPY_REQUEST, source, offset) == schema.COPY_REQUEST.build(fields)


@given(expected=st.binary(min_size=8, max_size=8), desired=st.binary(min_size=8, max_size=8))
def test_compare_swap_packs_as_declared(**fields: bytes) -> None:
    assert bodies.pack(
        bodies.COMPARE_SWAP_REQUEST, *fields.values()
    ) == schema.COMPARE_SWAP_REQUEST.build(fields)


@given(st.integers(-(2**63), 2**63 - 1))
def test_fetch_add_packs_as_declared(delta: int) -> None:
    assert bodies.pack(bodies.FETCH_ADD_REQUEST, delta) == schema.FETCH_ADD_REQUEST.build(
        {"delta": delta}
    )


@given(st.integers(0, 255))
def test_fill_packs_as_declared(byte: int) -> None:
    assert bodies.pack(bodies.FILL_REQUEST, byte) == bytes([byte])
    assert bodies.unpack(bodies.FILL_REQUEST, bytes([byte])) == (byte,)


@pytest.mark.parametrize(
    ("body", "values"),
    [
        (bodies.FILL_REQUEST, (256,)),
        (bodies.FILL_REQUEST, (-1,)),
        (bodies.COPY_REQUEST, (2**64, 0)),
        (bodies.FETCH_ADD_REQUEST, (2**63,)),
        (bodies.FETCH_ADD_REQUEST, (-(2**63) - 1,)),
    ],
)
def test_a_value_that_does_not_fit_its_field_is_refused(
    body: struct.Struct, values: tuple[int, ...]
) -> None:
    with pytest.raises(LocalProtocolError, match="do not fit the body"):
        bodies.pack(body, *values)


# Bodies of no fixed size: written and read as the schema does.

NAMES = st.text(max_size=60)


@given(
    st.builds(
        Hello,
        *(NAMES, NAMES, st.integers(0, 2**32 - 1), U64, U64, st.booleans()),
        *(st.lists(NAMES, max_size=4).map(tuple), U64),
    )
)
def test_hello_is_written_and_read_as_declared(hello: Hello) -> None:
    wire = schema.HELLO_REPLY.build(dataclasses.asdict(hello))

    assert bodies.encode_hello(hello) == wire
    assert bodies.decode_hello(wire) == hello


@given(st.dictionaries(NAMES, U64, max_size=4))
def test_stats_are_written_and_read_as_declared(counters: dict[str, int]) -> None:
    rows = [{"name": name, "value": value} for name, value in counters.items()]
    wire = schema.STATS_REPLY.build({"counters": rows})

    assert bodies.encode_stats(counters) == wire
    assert bodies.decode_stats(wire) == counters


@given(st.sampled_from(ErrorCode), st.text(max_size=60))
def test_an_error_is_written_and_read_as_declared(code: ErrorCode, text: str) -> None:
    wire = schema.ERROR_REPLY.build({"code": code, "message": text})

    reply = bodies.error_reply(Message(Command.PING), code, text)
    assert reply.payload == wire
    error = bodies.decode_error(reply)
    assert (error.code, str(error)) == (code, text)


def hello_of(parsed: Any) -> Hello:
    values = {name: parsed[name] for name in Hello.__dataclass_fields__}
    return Hello(**{**values, "features": tuple(values["features"])})


def error_of(payload: bytes) -> tuple[int, str]:
    error = bodies.decode_error(Message(Command.ERROR, payload=payload))
    return error.code, str(error)


READINGS: list[tuple[Callable[[bytes], Any], Any, Callable[[Any], Any]]] = [
    (bodies.decode_hello, schema.HELLO_REPLY, hello_of),
    (
        bodies.decode_stats,
        schema.STATS_REPLY,
        lambda parsed: {row.name: row.value for row in parsed.counters},
    ),
    (bodies.decode_client_name, schema.HELLO_REQUEST, lambda parsed: parsed.name),
    (error_of, schema.ERROR_REPLY, lambda parsed: (int(parsed.code), parsed.message)),
]
"""A decoder, its declaration, and how to make its value from what the declaration parses."""


@given(
    st.sampled_from(READINGS),
    st.one_of(
        st.binary(max_size=80),
        st.tuples(st.sampled_from([HELLO_BODY, STATS_BODY, ERROR_BODY]), st.integers(0, 60)).map(
            lambda cut: cut[0][: cut[1]]
        ),
        st.tuples(st.just(HELLO_BODY), st.integers(0, len(HELLO_BODY)), st.binary(max_size=2)).map(
            lambda mix: mix[0][: mix[1]] + mix[2] + mix[0][mix[1] + len(mix[2]) :]
        ),
    ),
)
def test_any_bytes_mean_what_the_schema_says(
    reading: tuple[Callable[[bytes], Any], Any, Callable[[Any], Any]], payload: bytes
) -> None:
    decode, declaration, value_of = reading
    try:
        expected = value_of(declaration.parse(payload))
    except (schema.DeclarationError, UnicodeDecodeError):
        with pytest.raises(RemoteProtocolError, match="the body does not parse"):
            decode(payload)
    else:
        assert decode(payload) == expected


@pytest.mark.parametrize(
    ("encode", "complaint"),
    [
        (lambda: bodies.encode_stats({"x" * 256: 1}), "do not fit the body"),
        (lambda: bodies.encode_stats({"x": 2**64}), "do not fit the body"),
        (lambda: bodies.encode_stats({"\ud800": 1}), "can't be written in UTF-8"),
        (
            lambda: bodies.encode_hello(dataclasses.replace(HELLO, features=("f",) * 256)),
            "do not fit the body",
        ),
        (
            lambda: bodies.error_reply(Message(Command.PING), ErrorCode.INVALID, "\ud800"),
            "can't be written in UTF-8",
        ),
    ],
    ids=["long name", "large number", "no text", "many features", "no text in an error"],
)
def test_a_value_that_no_body_can_hold_is_refused(
    encode: Callable[[], Any], complaint: str
) -> None:
    with pytest.raises(LocalProtocolError, match=complaint):
        encode()


def test_the_error_says_where_a_body_ends_early() -> None:
    with pytest.raises(
        RemoteProtocolError, match="it has 10 bytes, and the field at byte 5 needs 6"
    ):
        bodies.decode_stats(STATS_BODY[:10])
    with pytest.raises(RemoteProtocolError, match="its text is not UTF-8, invalid start byte"):
        bodies.decode_client_name(b"\xff")


# What does not parse raises RemoteProtocolError and nothing else.

DECODERS: list[Callable[[bytes], Any]] = [
    bodies.decode_hello,
    bodies.decode_stats,
    bodies.decode_info,
    bodies.decode_list,
    bodies.decode_client_name,
    bodies.decode_compare_swap,
    bodies.decode_fetch_add,
    lambda payload: bodies.decode_error(Message(Command.ERROR, payload=payload)),
]


@given(decode=st.sampled_from(DECODERS), payload=st.binary(max_size=64))
def test_any_bytes_parse_or_are_a_protocol_error(
    decode: Callable[[bytes], Any], payload: bytes
) -> None:
    with suppress(RemoteProtocolError):
        decode(payload)


@pytest.mark.parametrize(
    ("decode", "whole"),
    [
        (bodies.decode_hello, HELLO_BODY),
        (bodies.decode_stats, STATS_BODY),
        (bodies.decode_info, INFO_BODY),
        (bodies.decode_compare_swap, b"12345678"),
        (bodies.decode_fetch_add, b"12345678"),
    ],
    ids=["hello", "stats", "info", "compare_swap", "fetch_add"],
)
def test_a_truncated_body_is_a_protocol_error(decode: Callable[[bytes], Any], whole: bytes) -> None:
    decode(whole)
    for end in range(len(whole)):
        with pytest.raises(RemoteProtocolError):
            decode(whole[:end])


def test_a_list_ends_with_an_entry() -> None:
    for cut in (1, 8, 15):
        with pytest.raises(RemoteProtocolError, match="ends inside an entry"):
            bodies.decode_list(LIST_BODY[:-cut])


def test_a_count_larger_than_the_body_is_a_protocol_error() -> None:
    with pytest.raises(RemoteProtocolError):
        bodies.decode_stats(b"\xff\xff\xff\xff" + STATS_BODY[4:])


# Errors.


def test_an_error_of_version_2_has_a_code_and_a_text() -> None:
    request = Message(Command.FREE, 9, request_id=42)

    reply = bodies.error_reply(request, ErrorCode.NOT_FOUND, "no block has handle 9")

    assert reply == Message(Command.ERROR, 9, payload=ERROR_BODY, request_id=42)
    error = bodies.decode_error(reply)
    assert type(error) is NotFound
    assert str(error) == "no block has handle 9"
    assert (
        str(bodies.decode_error(reply, "FREE handle 9")) == "FREE handle 9: no block has handle 9"
    )


def test_an_error_of_version_1_has_only_a_code() -> None:
    request = Message(Command.FREE, 9, version=1)

    reply = bodies.error_reply(request, ErrorCode.NOT_FOUND, "no block has handle 9")

    assert reply == Message(Command.ERROR, 9, version=1, code=7)
    error = bodies.decode_error(reply, "FREE handle 9")
    assert type(error) is NotFound
    assert str(error) == "FREE handle 9: NOT_FOUND"


def test_an_error_of_the_first_servers_has_no_code() -> None:
    error = bodies.decode_error(Message(Command.ERROR, version=1), "FREE handle 9")

    assert type(error) is ServerError
    assert (error.code, str(error)) == (0, "FREE handle 9: refused")


def test_an_unknown_code_is_kept() -> None:
    error = bodies.decode_error(Message(Command.ERROR, payload=b"\x03\xe8later"))

    assert (error.code, error.name, str(error)) == (1000, "CODE_1000", "later")

from __future__ import annotations

import codecs
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
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
    dissect,
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


def test_what_stood_there() -> None:
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


# Bodies of fixed size: the derived struct and the declaration agree.


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
def test_a_value_that_fits_no_field_is_refused(
    body: struct.Struct, values: tuple[int, ...]
) -> None:
    with pytest.raises(LocalProtocolError, match="do not fit the body"):
        bodies.pack(body, *values)


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


def test_a_count_is_only_a_claim() -> None:
    with pytest.raises(RemoteProtocolError):
        bodies.decode_stats(b"\xff\xff\xff\xff" + STATS_BODY[4:])


# Errors.


def test_an_error_of_version_2_has_a_code_and_a_sentence() -> None:
    request = Message(Command.FREE, 9, request_id=42)

    reply = bodies.error_reply(request, ErrorCode.NOT_FOUND, "no block has handle 9")

    assert reply == Message(Command.ERROR, 9, payload=ERROR_BODY, request_id=42)
    error = bodies.decode_error(reply)
    assert type(error) is NotFound
    assert str(error) == "no block has handle 9"
    assert (
        str(bodies.decode_error(reply, "FREE handle 9")) == "FREE handle 9: no block has handle 9"
    )


def test_an_error_of_version_1_has_a_code_alone() -> None:
    request = Message(Command.FREE, 9, version=1)

    reply = bodies.error_reply(request, ErrorCode.NOT_FOUND, "no block has handle 9")

    assert reply == Message(Command.ERROR, 9, version=1, code=7)
    error = bodies.decode_error(reply, "FREE handle 9")
    assert type(error) is NotFound
    assert str(error) == "FREE handle 9: NOT_FOUND"


def test_the_first_servers_said_no_more_than_that_they_refused() -> None:
    error = bodies.decode_error(Message(Command.ERROR, version=1), "FREE handle 9")

    assert type(error) is ServerError
    assert (error.code, str(error)) == (0, "FREE handle 9: refused")


def test_a_code_from_the_future_is_kept() -> None:
    error = bodies.decode_error(Message(Command.ERROR, payload=b"\x03\xe8later"))

    assert (error.code, error.name, str(error)) == (1000, "CODE_1000", "later")


def test_an_interrupt_amid_a_text_is_not_taken_for_a_bad_body(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    def find(name: str) -> codecs.CodecInfo | None:
        return codecs.CodecInfo(interrupted, interrupted) if name == "interrupted" else None

    body = bodies.encode_stats({"blocks": 1})
    codecs.register(find)
    try:
        monkeypatch.setattr(schema.Name, "encoding", "interrupted")
        with pytest.raises(KeyboardInterrupt):
            bodies.decode_stats(body)
        with pytest.raises(KeyboardInterrupt):
            dissect(Message(Command.OK, payload=body), Command.STATS)
    finally:
        codecs.unregister(find)

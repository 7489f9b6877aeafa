from __future__ import annotations

import codecs
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ether_protocol import Command, Field, Message, dissect, dissect_bytes
from ether_protocol.inspect.dissect import KEPT_BYTES, MAX_BODY_FIELDS
from ether_protocol.wire import schema
from ether_protocol.wire.bodies import encode_stats
from ether_protocol.wire.constants import MAGIC_BYTES
from protocol.samples import ERROR_BODY, REPLIES, REQUESTS, Sample, each


def behind_header(message: Message, answers: int = 0) -> list[tuple[int, str, int | str]]:
    """Offset, name and value of what stands behind the 40 bytes of a version 2 header."""
    fields = dissect(message, answers)
    return [(field.offset, field.name, field.value) for field in fields if field.offset >= 40]


def test_a_request_of_version_2_field_by_field() -> None:
    write = Message(Command.WRITE, 7, offset=3, payload=b"hello", request_id=42)

    assert dissect(write) == [
        Field(0, b"\xe7\xe7\xe7\xe7", "magic", "0xE7E7E7E7"),
        Field(4, b"\x02", "version", 2),
        Field(5, b"\x20", "command", "WRITE"),
        Field(6, bytes(2), "flags", 0),
        Field(8, bytes(7) + b"\x07", "handle", 7),
        Field(16, bytes(8), "size", 0),
        Field(24, bytes(7) + b"\x03", "offset", 3),
        Field(32, b"\x00\x00\x00\x2a", "request_id", 42),
        Field(36, b"\x00\x00\x00\x05", "length", 5),
        Field(40, b"hello", "payload", "5 bytes |hello|"),
    ]


def test_an_error_of_version_1_field_by_field() -> None:
    assert dissect(Message(Command.ERROR, 7, version=1, code=7)) == [
        Field(0, b"\xe7\xe7\xe7\xe7", "magic", "0xE7E7E7E7"),
        Field(4, b"\x01", "version", 1),
        Field(5, b"\xff", "command", "ERROR"),
        Field(6, bytes(2), "flags", 0),
        Field(8, bytes(7) + b"\x07", "handle", 7),
        Field(16, bytes(4), "size", 0),
        Field(20, b"\x00\x00\x00\x07", "reserved", "7 NOT_FOUND"),
    ]


@pytest.mark.parametrize(
    ("what", "behind"),
    [
        ("v2 HELLO", [(40, "name", "'me'")]),
        ("v2 FILL", [(40, "byte", 170)]),
        ("v2 COPY", [(40, "source_handle", 8), (48, "source_offset", 9)]),
        (
            "v2 COMPARE_SWAP",
            [(40, "expected", "6578706563746564"), (48, "desired", "646573697265642E")],
        ),
        ("v2 FETCH_ADD -1", [(40, "delta", -1)]),
        (
            "v2 OK to HELLO",
            [
                (40, "name", "'ether'"),
                (46, "version", "'0.1.0'"),
                (52, "max_payload_bytes", 16 * 1024 * 1024),
                (56, "max_memory_bytes", 1024**3),
                (64, "max_handles", 1000),
                (72, "auth_needed", "yes"),
                (73, "features.count", 1),
                (74, "features[0]", "'fill'"),
                (79, "instance", 0x0123456789ABCDEF),
            ],
        ),
        (
            "v2 OK to STATS",
            [
                (40, "counters.count", 1),
                (44, "counters[0].name", "'blocks'"),
                (51, "counters[0].value", 3),
            ],
        ),
        (
            "v2 OK to INFO",
            [
                (40, "size", 4096),
                (48, "flags", "0x0001 SESSION"),
                (50, "created_ms", "1764087356910 2025-11-25 16:15:56.910+00:00"),
            ],
        ),
        (
            "v2 OK to LIST",
            [
                (40, "blocks[0].handle", 8),
                (48, "blocks[0].size", 64),
                (56, "blocks[1].handle", 9),
                (64, "blocks[1].size", 2**40),
            ],
        ),
        ("v2 OK to READ", [(40, "payload", "5 bytes |hello|")]),
        ("v2 OK to COMPARE_SWAP", [(40, "found", "6578706563746564")]),
        ("v2 OK to FETCH_ADD", [(40, "found", 2**63)]),
        ("v2 ERROR", [(40, "code", "7 NOT_FOUND"), (42, "message", "'no block has handle 9'")]),
    ],
)
def test_every_body_is_split_into_fields(
    what: str, behind: list[tuple[int, str, int | str]]
) -> None:
    (sample,) = (sample for sample in REQUESTS + REPLIES if sample.what == what)

    assert behind_header(sample.message, sample.to.command) == behind


@each(REQUESTS + REPLIES)
def test_the_fields_are_the_message_without_a_gap(sample: Sample) -> None:
    fields = dissect_bytes(sample.wire, sample.to.command)

    assert fields == dissect(sample.message, sample.to.command)
    if sample.message.command == Command.AUTH:
        assert fields.pop() == Field(40, b"", "payload", "5 bytes, not shown")
    assert sample.wire.startswith(b"".join(field.data for field in fields))
    for before, field in itertools.pairwise(fields):
        assert field.offset == before.offset + len(before.data)


@each(REQUESTS + REPLIES)
def test_a_message_cut_short_anywhere_says_so_last(sample: Sample) -> None:
    whole = dissect_bytes(sample.wire, sample.to.command)
    for end in range(1, len(sample.wire)):
        *fields, last = dissect_bytes(sample.wire[:end], sample.to.command)

        if fields and fields[-1].name in ("name", "message"):
            fields.pop()  # a text that goes to the end is shorter
        assert fields == whole[: len(fields)]
        if end < sample.header_bytes:
            reason = f"the header ends after {end} of {sample.header_bytes} bytes"
            assert last.value == (reason if end > 4 else f"the header ends after {end} of 24 bytes")
        else:
            assert f"{end - sample.header_bytes} of {len(sample.message.payload)} " in str(
                last.value
            )


def test_an_ok_to_an_unknown_request_has_a_plain_payload() -> None:
    ok = Message(Command.OK, 7, payload=b"\x00" * 8)

    assert behind_header(ok) == [(40, "payload", "8 bytes |........|")]
    assert behind_header(ok, Command.READ) == [(40, "payload", "8 bytes |........|")]
    assert behind_header(ok, 0x66) == [(40, "payload", "8 bytes |........|")]
    assert behind_header(ok, Command.FETCH_ADD) == [(40, "found", 0)]


def test_a_token_is_in_no_field() -> None:
    auth = Message(Command.AUTH, payload=b"open sesame", request_id=1)
    wire = next(sample.wire for sample in REQUESTS if sample.what == "v2 AUTH")

    for fields in (
        dissect(auth),
        dissect_bytes(wire),
        dissect_bytes(wire[:-2]),
        dissect_bytes(wire + b"token"),
        dissect_bytes(wire[:36] + b"\xff\xff\xff\xff" + b"token"),
        dissect_bytes(wire[:4] + b"\x01" + wire[5:]),
    ):
        shown = " ".join(map(repr, fields))
        assert "sesame" not in shown
        assert "tok" not in shown
        assert "not shown" in shown or "behind the message" in shown


def test_a_long_payload_keeps_its_first_bytes_and_its_length() -> None:
    *_, payload = dissect(Message(Command.WRITE, 7, payload=b"x" * 70_000))

    assert payload == Field(40, b"x" * KEPT_BYTES, "payload", "70,000 bytes |xxxxxxxxxxxxxxxx|…")


def test_a_long_text_keeps_its_first_characters_and_its_length() -> None:
    error = Message(Command.ERROR, payload=b"\x00\x07" + b"y" * 70_000)

    *_, message = dissect(error)

    assert message == Field(42, b"y" * KEPT_BYTES, "message", f"'{'y' * 80}'… 70,000 characters")


def test_a_body_of_very_many_fields_is_given_up_in_time() -> None:
    count = MAX_BODY_FIELDS
    fields = dissect(Message(Command.OK, payload=bytes(16) * count), Command.LIST)

    assert fields[-1].value == f"more than {count:,} fields"
    assert len(fields) == 9 + count + 1


@pytest.mark.parametrize(
    ("message", "answers", "last"),
    [
        (
            Message(Command.FILL, 7, 5, payload=b"ab"),
            0,
            Field(41, b"b", "undecoded", "1 byte behind the body's last field"),
        ),
        (
            Message(Command.HELLO, payload=b"\xff\xfe"),
            0,
            Field(40, b"\xff\xfe", "undecoded", "this does not parse: "),
        ),
        (
            Message(Command.OK, payload=b"\xff\xff\xff\xff" + b"\x01a" + bytes(8) + b"\x09b"),
            Command.STATS,
            Field(54, b"\x09b", "undecoded", "this does not parse: "),
        ),
        (
            Message(Command.OK, payload=bytes(17)),
            Command.LIST,
            Field(56, b"\x00", "undecoded", "this does not parse: "),
        ),
    ],
    ids=["too long", "no UTF-8", "a count that lies", "half an entry"],
)
def test_a_body_that_does_not_fit_is_shown_as_far_as_it_does(
    message: Message, answers: int, last: Field
) -> None:
    found = dissect(message, answers)[-1]

    assert (found.offset, found.data, found.name) == (last.offset, last.data, last.name)
    assert str(found.value).startswith(str(last.value))


def test_bytes_that_are_no_message() -> None:
    assert dissect_bytes(b"") == [Field(0, b"", "undecoded", "no magic where a header is due")]
    assert dissect_bytes(b"GET / HTTP/1.1") == [
        Field(0, b"GET / HTTP/1.1", "undecoded", "no magic where a header is due")
    ]
    assert dissect_bytes(MAGIC_BYTES + b"\x03ab") == [
        Field(0, MAGIC_BYTES + b"\x03ab", "undecoded", "there is no version 3")
    ]
    assert dissect_bytes(REQUESTS[0].wire + b"more")[-1] == Field(
        24, b"more", "undecoded", "4 bytes behind the message"
    )


def test_a_message_without_a_form_on_the_wire() -> None:
    (field,) = dissect(Message(Command.FREE, 2**64))

    assert field.name == "undecoded"
    assert field.value == (
        "this has no form on the wire: "
        "FREE #0 handle=18446744073709551616: a value does not fit its field"
    )


def test_control_characters_are_escaped() -> None:
    shown = dissect(Message(Command.ERROR, payload=ERROR_BODY[:2] + b"\x1b[2J\n\xc2\x9b"))[-1]

    assert shown.value == r"'\x1b[2J\n\x9b'"


def test_an_unknown_command_flag_and_code_are_numbers() -> None:
    fields = dissect(Message(0x66, flags=0x8001))
    assert [fields[2].value, fields[3].value] == ["0x66", "0x8001 SESSION"]
    assert behind_header(Message(Command.ERROR, payload=b"\x03\xe7")) == [
        (40, "code", 999),
        (42, "message", "''"),
    ]


def test_a_time_that_no_calendar_has_is_a_number() -> None:
    info = Message(Command.OK, payload=bytes(10) + b"\xff" * 8)

    assert behind_header(info, Command.INFO)[-1] == (50, "created_ms", 2**64 - 1)


def test_a_field_reads_as_one_line() -> None:
    assert str(Field(5, b"\x10", "command", "ALLOC")) == "+5 command = ALLOC (10)"
    assert str(Field(40, b"hello, world", "payload", "12 bytes")) == (
        "+40 payload = 12 bytes (68656C6C6F2C2077…)"
    )


@given(st.binary(max_size=200), st.sampled_from([0, *Command]), st.booleans())
def test_nothing_raises(data: bytes, answers: int, magic: bool) -> None:
    wire = (MAGIC_BYTES + data) if magic else data

    fields = dissect_bytes(wire, answers)

    assert all(str(field) for field in fields)
    assert fields


@given(
    st.sampled_from([Command.OK, Command.ERROR, *Command]),
    st.sampled_from([0, *Command]),
    st.binary(max_size=200),
)
def test_no_body_raises(command: int, answers: int, payload: bytes) -> None:
    fields = dissect(Message(command, payload=payload), answers)

    assert len(fields) >= 9


def test_an_interrupt_inside_a_text_is_not_taken_for_a_bad_body(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    def find(name: str) -> codecs.CodecInfo | None:
        return codecs.CodecInfo(interrupted, interrupted) if name == "interrupted" else None

    body = encode_stats({"blocks": 1})
    codecs.register(find)
    try:
        monkeypatch.setattr(schema.Name, "encoding", "interrupted")
        with pytest.raises(KeyboardInterrupt):
            dissect(Message(Command.OK, payload=body), Command.STATS)
    finally:
        codecs.unregister(find)

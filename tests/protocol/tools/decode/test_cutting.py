from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ether_protocol import MAX_PAYLOAD_BYTES, Command, Message
from ether_protocol.tools.decode.cutting import (
    CUT_SHORT,
    FILLER,
    MISSING,
    NO_MESSAGE,
    WITHOUT_BEGINNING,
    Cut,
    Cutter,
)
from ether_protocol.wire.codec import encode, encode_header
from protocol.samples import REPLIES, REQUESTS, Sample, each

PING = encode(Message(Command.PING, request_id=1))
PONG = encode(Message(Command.PONG, request_id=1))
WRITE = encode(Message(Command.WRITE, 7, payload=b"x" * 100, request_id=2))
AUTH = encode(Message(Command.AUTH, payload=b"open sesame", request_id=3))


def alloc_v1(size: int) -> bytes:
    return encode(Message(Command.ALLOC, size=size, version=1))


def cut(*chunks: bytes | int, inside: bool = False) -> list[Cut]:
    """What a cutter makes of `chunks`; a number is so many bytes missing."""
    cutter = Cutter(inside=inside)
    cuts: list[Cut] = []
    for chunk in chunks:
        cuts += cutter.skip(chunk) if isinstance(chunk, int) else cutter.feed(chunk)
    return [*cuts, *cutter.end()]


def lines(*chunks: bytes | int, inside: bool = False) -> list[str]:
    """Each cut as where, how many bytes, what, and the note."""
    return [
        " ".join([f"{found.start}+{found.length}", str(found.message or "-"), found.note]).strip()
        for found in cut(*chunks, inside=inside)
    ]


@each(REQUESTS + REPLIES)
def test_a_message_whole_bytewise_and_with_another_behind_it(sample: Sample) -> None:
    length = len(sample.wire)
    whole = cut(sample.wire)

    assert [(found.start, found.length, found.data, found.note) for found in whole] == [
        (0, length, sample.wire, "")
    ]
    assert cut(*(bytes([byte]) for byte in sample.wire)) == whole
    assert [found.data for found in cut(sample.wire + PING)] == [sample.wire, PING]


def test_both_directions_in_one_stream() -> None:
    assert lines(PING + PONG + WRITE + PING) == [
        "0+40 PING #1",
        "40+40 PONG #1",
        "80+140 WRITE #2 handle=7",
        "220+40 PING #1",
    ]


def test_filler_of_the_original_client() -> None:
    ok = encode(Message(Command.OK, 7, version=1))
    stream = alloc_v1(300) + bytes(300) + ok + alloc_v1(20) + b"\xe7" * 20 + ok

    expected = [
        "0+24 ALLOC v1 size=300",
        f"24+300 - {FILLER}",
        "324+24 OK v1 handle=7",
        "348+24 ALLOC v1 size=20",
        f"372+20 - {FILLER}",
        "392+24 OK v1 handle=7",
    ]
    assert lines(stream) == expected
    assert lines(*(stream[at : at + 7] for at in range(0, len(stream), 7))) == expected
    assert all(found.valid for found in cut(stream))


def test_a_client_without_the_habit_has_no_filler() -> None:
    assert lines(alloc_v1(300), alloc_v1(300)) == [
        "0+24 ALLOC v1 size=300",
        "24+24 ALLOC v1 size=300",
    ]


def test_bytes_after_a_reply_are_no_filler() -> None:
    ok = encode(Message(Command.OK, 7, version=1))

    assert lines(alloc_v1(3) + ok + b"abc") == [
        "0+24 ALLOC v1 size=3",
        "24+24 OK v1 handle=7",
        f"48+3 - {NO_MESSAGE}",
    ]


def test_a_request_that_is_refused_is_a_message_with_a_note() -> None:
    unknown = encode(Message(0x66, payload=b"ab"))
    (found,) = cut(unknown)

    assert found.data == unknown
    assert found.note == "refused: UNSUPPORTED, command 0x66 is no request"
    assert found.valid


def test_messages_after_a_length_that_is_refused_are_found() -> None:
    for command in (Command.WRITE, Command.OK):
        huge = encode_header(Message(command, 7), MAX_PAYLOAD_BYTES + 1)

        first, junk, ping = cut(huge + b"some bytes" + PING)

        assert (first.data, first.note[:18]) == (huge, "refused: TOO_LARGE")
        assert junk == Cut(40, 10, b"some bytes", note=NO_MESSAGE)
        assert ping.data == PING


@pytest.mark.parametrize("junk", [b"GET / HTTP/1.1\r\n", b"\x00", b"\xe7\xe7\xe8", b"\xe7\xe7\x00"])
def test_after_garbage_it_goes_on_at_the_next_magic(junk: bytes) -> None:
    cuts = cut(junk + PING + junk)

    assert cuts[0] == Cut(0, len(junk), junk, note=NO_MESSAGE)
    assert cuts[1].data == PING
    assert [found.valid for found in cuts] == [False, True, False]
    assert cut(*(bytes([byte]) for byte in junk + PING + junk)) == cuts


def test_a_message_of_an_unknown_version_takes_24_bytes() -> None:
    future = b"\xe7\xe7\xe7\xe7\x03" + bytes(19)
    first, ping = cut(future + PING)

    assert (first.data, first.valid) == (future, False)
    assert ping.data == PING


def test_only_the_first_bytes_of_long_garbage_are_kept() -> None:
    (found,) = cut(*[b"x" * 1000] * 50)

    assert (found.length, len(found.data)) == (50_000, 256)


def test_a_message_cut_short() -> None:
    assert lines(PING, WRITE[:60]) == ["0+40 PING #1", f"40+60 WRITE #2 handle=7 {CUT_SHORT}"]
    assert lines(WRITE[:30]) == [f"0+30 - {CUT_SHORT}"]
    assert not any(found.valid for found in cut(WRITE[:60]))


def test_bytes_missing_inside_a_payload() -> None:
    assert lines(WRITE[:60], 50, WRITE[110:] + PING) == [
        f"0+60 WRITE #2 handle=7 {CUT_SHORT}",
        f"60+50 - {MISSING}",
        f"110+30 - {WITHOUT_BEGINNING}",
        "140+40 PING #1",
    ]
    assert lines(WRITE[:60], 80, PING) == [
        f"0+60 WRITE #2 handle=7 {CUT_SHORT}",
        f"60+80 - {MISSING}",
        "140+40 PING #1",
    ]


def test_bytes_missing_from_more_than_one_message() -> None:
    assert lines(PING, 50, WRITE[110:] + PING) == [
        "0+40 PING #1",
        f"40+50 - {MISSING}",
        f"90+30 - {WITHOUT_BEGINNING}",
        "120+40 PING #1",
    ]
    assert lines(WRITE[:60], 100, PING[20:] + PING) == [
        f"0+60 WRITE #2 handle=7 {CUT_SHORT}",
        f"60+100 - {MISSING}",
        f"160+20 - {WITHOUT_BEGINNING}",
        "180+40 PING #1",
    ]


def test_bytes_missing_from_filler() -> None:
    assert lines(alloc_v1(300) + bytes(100), 150, bytes(50) + PING) == [
        "0+24 ALLOC v1 size=300",
        f"24+100 - {FILLER}",
        f"124+150 - {MISSING}",
        f"274+50 - {FILLER}",
        "324+40 PING #1",
    ]


def test_a_stream_that_begins_inside_a_message() -> None:
    assert lines(WRITE[50:] + PING, inside=True) == [
        f"0+90 - {WITHOUT_BEGINNING}",
        "90+40 PING #1",
    ]
    assert lines(PING, inside=True) == ["0+40 PING #1"]


@pytest.mark.parametrize(
    "chunks",
    [
        (AUTH + b" and more",),
        (AUTH[:45], 3, AUTH[48:]),
        (PING, 44, AUTH[44:]),
        (AUTH[:36] + b"\xff\xff\xff\xff" + AUTH[40:],),
        (AUTH[:4] + b"\x01" + AUTH[5:],),
    ],
    ids=["behind it", "inside it", "its beginning is missing", "no length", "version 1"],
)
def test_a_token_is_not_among_bytes_that_are_no_message(chunks: tuple[bytes | int, ...]) -> None:
    loose = b"".join(found.data for found in cut(*chunks) if found.message is None)

    assert b"sesame" not in loose
    assert b"more" not in loose


@given(st.lists(st.one_of(st.sampled_from([PING, WRITE, AUTH, b"\xe7"]), st.binary(max_size=60))))
def test_every_byte_is_in_one_cut_however_they_come(chunks: list[bytes]) -> None:
    stream = b"".join(chunks)
    cuts = cut(*chunks)

    at = 0
    for found in cuts:
        assert found.start == at
        assert stream[at : at + found.length].startswith(found.data)
        at += found.length
    assert at == len(stream)
    assert cut(stream) == cuts


@given(
    st.lists(st.one_of(st.binary(max_size=60), st.sampled_from([WRITE, PING]), st.integers(1, 80)))
)
def test_every_missing_byte_is_counted(chunks: list[bytes | int]) -> None:
    total = sum(chunk if isinstance(chunk, int) else len(chunk) for chunk in chunks)

    assert sum(found.length for found in cut(*chunks)) == total

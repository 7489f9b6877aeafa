from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ether_protocol import ClientConnection, Command, LocalProtocolError, Message
from ether_protocol.wire import codec, schema
from ether_protocol.wire.constants import MAGIC, MAX_PAYLOAD_BYTES
from protocol.samples import REPLIES, REQUESTS, Sample, each

U8 = st.integers(0, 2**8 - 1)
U16 = st.integers(0, 2**16 - 1)
U32 = st.integers(0, 2**32 - 1)
U64 = st.integers(0, 2**64 - 1)
HEADERS = {1: schema.HEADER_V1, 2: schema.HEADER_V2}


@each(REQUESTS + REPLIES)
def test_a_message_becomes_the_bytes_of_the_specification(sample: Sample) -> None:
    assert codec.encode(sample.message).hex(" ") == sample.wire.hex(" ")


@each(REQUESTS + REPLIES)
def test_the_bytes_of_the_specification_become_the_message(sample: Sample) -> None:
    message, length = codec.decode_header(sample.wire, 0, sample.message.version)

    payload = sample.wire[sample.header_bytes :]
    assert length == len(payload)
    assert message.with_payload(payload) == sample.message


@each(REQUESTS + REPLIES)
def test_a_header_is_read_at_any_offset(sample: Sample) -> None:
    start = 13
    there = bytes(start) + sample.wire

    assert codec.decode_header(there, start, sample.message.version) == codec.decode_header(
        sample.wire, 0, sample.message.version
    )


@each(REQUESTS + REPLIES)
def test_the_declaration_reads_the_same_fields(sample: Sample) -> None:
    declared = HEADERS[sample.message.version].parse(sample.wire)

    assert int(declared.command) == sample.message.command
    assert declared.handle == sample.message.handle
    assert declared.flags == sample.message.flags


# The fast codec and the declaration are two readings of one contract.


def test_the_formats_are_those_of_the_schema() -> None:
    assert schema.layout(schema.HEADER_V1).format == codec.HEADER_V1_FORMAT
    assert schema.layout(schema.HEADER_V2).format == codec.HEADER_V2_FORMAT


@given(command=U8, flags=U16, handle=U64, size=U64, offset=U64, request_id=U32, length=U32)
def test_version_2_is_decoded_as_declared(length: int, **fields: Any) -> None:
    wire = schema.HEADER_V2.build({**fields, "length": length})

    message, decoded_length = codec.decode_header(wire, 0, 2)

    assert message == Message(**fields, version=2)
    assert decoded_length == length


@given(command=U8, flags=U16, handle=U64, size=U64, offset=U64, request_id=U32, length=U32)
def test_version_2_is_encoded_as_declared(length: int, **fields: Any) -> None:
    wire = codec.encode_header(Message(**fields, version=2), length)

    declared = schema.HEADER_V2.parse(wire)
    assert {name: int(declared[name]) for name in fields} == fields
    assert declared.length == length
    assert declared.magic == MAGIC


@given(command=U8, flags=U16, handle=U64, size=U32, reserved=U32)
def test_version_1_is_decoded_as_declared(reserved: int, **fields: Any) -> None:
    wire = schema.HEADER_V1.build({**fields, "reserved": reserved})

    message, length = codec.decode_header(wire, 0, 1)

    assert message == Message(**fields, version=1, code=reserved)
    assert length == (fields["size"] if fields["command"] in (Command.WRITE, Command.OK) else 0)


@given(command=U8, flags=U16, handle=U64, size=U32, code=U32, length=U32)
def test_version_1_is_encoded_as_declared(length: int, **fields: Any) -> None:
    wire = codec.encode_header(Message(**fields, version=1), length)

    declared = schema.HEADER_V1.parse(wire)
    if fields["command"] in (Command.WRITE, Command.OK):
        size = length
    elif fields["command"] in (Command.PONG, Command.ERROR):
        size = 0
    else:
        size = fields["size"]
    assert declared.size == size
    assert declared.reserved == fields["code"]
    assert (int(declared.command), declared.flags, declared.handle) == (
        fields["command"],
        fields["flags"],
        fields["handle"],
    )


@given(wire=st.binary(min_size=40, max_size=40))
def test_any_40_bytes_mean_the_same_to_both(wire: bytes) -> None:
    wire = codec.encode_header(Message(Command.PING), 0)[:5] + wire[5:]

    message, length = codec.decode_header(wire, 0, 2)
    declared = schema.HEADER_V2.parse(wire)

    assert int(declared.command) == message.command
    assert (declared.size, declared.offset, declared.length) == (
        message.size,
        message.offset,
        length,
    )
    assert codec.encode_header(message, length) == wire


@given(command=U8, flags=U16, handle=U64, size=U64, offset=U64, request_id=U32, length=U32)
def test_the_header_in_words_agrees_with_the_header_in_fields(length: int, **fields: Any) -> None:
    wire = codec.encode_header(Message(**fields), length)

    words = codec.HEADER_V2_WORDS.unpack(wire)

    assert words[0] == codec.command_word(fields["command"], fields["flags"])
    assert words[1:] == (
        fields["handle"],
        fields["size"],
        fields["offset"],
        fields["request_id"],
        length,
    )


@given(handle=U64, size=U64, offset=U64, request_id=U32, payload=st.binary(max_size=70))
def test_a_header_packed_in_two_parts_is_the_same_as_in_one(payload: bytes, **fields: int) -> None:
    message = Message(Command.OK, payload=payload, **fields)

    word = codec.command_word(Command.OK)
    front = codec.HEADER_V2_FRONT.pack(word, message.handle, message.size, message.offset)
    behind = codec.header_v2_behind_front(len(payload))

    wire = behind.pack(front, message.request_id, len(payload), payload)
    assert wire == codec.encode(message)


def test_header_lengths() -> None:
    assert codec.HEADER_BYTES == {1: 24, 2: 40}
    assert codec.HEADER_V2_WORDS.size == 40
    assert schema.HEADER_V1.sizeof() == 24
    assert schema.HEADER_V2.sizeof() == 40


@pytest.mark.parametrize("version", [1, 2])
def test_a_short_header_is_never_read(version: int) -> None:
    whole = codec.encode_header(Message(Command.PING, version=version), 0)

    with pytest.raises(struct.error):
        codec.decode_header(whole[:-1], 0, version)


# What has no form on the wire is refused before a byte of it is made.


@pytest.mark.parametrize(
    "message",
    [
        Message(Command.ALLOC, size=2**64),
        Message(Command.ALLOC, size=-1),
        Message(Command.READ, offset=2**64),
        Message(Command.READ, handle=2**64),
        Message(Command.READ, request_id=2**32),
        Message(Command.ALLOC, flags=2**16),
        Message(256),
        Message(Command.ALLOC, size=2**32, version=1),
        Message(Command.FREE, handle=-1, version=1),
    ],
    ids=str,
)
def test_a_value_that_does_not_fit_its_field_is_refused(message: Message) -> None:
    with pytest.raises(LocalProtocolError, match=r"does not fit its field|can't be below 0"):
        codec.encode(message)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"size": "4KiB"}, "size is a whole number, not '4KiB'"),
        ({"size": 4.0}, "size is a whole number, not 4.0"),
        ({"handle": None}, "handle is a whole number, not None"),
        ({"offset": -1}, "offset can't be below 0"),
        ({"size": 2**64}, "a value does not fit its field"),
    ],
    ids=str,
)
def test_the_error_says_what_is_wrong_with_a_value(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(LocalProtocolError, match=f"^READ #0.*: {complaint}$"):
        codec.encode(Message(Command.READ, **values))
    short = {"handle": 0, "size": 0, "offset": 0} | values
    with pytest.raises(LocalProtocolError, match=f"^handle .*: {complaint}$"):
        ClientConnection().send_plain(codec.command_word(Command.READ), **short, length=0, most=1)


def test_version_1_has_no_offset() -> None:
    with pytest.raises(LocalProtocolError, match="version 1 has no offset"):
        codec.encode(Message(Command.READ, 1, 5, 2, version=1))


@pytest.mark.parametrize("command", [Command.PING, Command.ALLOC, Command.READ, Command.ERROR])
def test_version_1_has_few_payloads(command: Command) -> None:
    with pytest.raises(LocalProtocolError, match=f"in version 1 a {command.name} has no payload"):
        codec.encode(Message(command, payload=b"x", version=1))


@pytest.mark.parametrize("version", [0, 3, 231])
def test_there_are_two_versions(version: int) -> None:
    with pytest.raises(LocalProtocolError, match=f"no version {version}"):
        codec.encode(Message(Command.PING, version=version))


@pytest.mark.parametrize("version", [1, 2])
def test_a_payload_ends_at_16_mib(version: int) -> None:
    most = bytes(MAX_PAYLOAD_BYTES)

    assert len(codec.encode(Message(Command.WRITE, payload=most, version=version))) > len(most)
    with pytest.raises(LocalProtocolError, match="more than a message holds"):
        codec.encode(Message(Command.WRITE, payload=most + b"x", version=version))


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        (bytearray(b"abcd"), b"abcd"),
        (memoryview(b"abcd")[1:3], b"bc"),
        (memoryview(b"abcdefgh").cast("I"), b"abcdefgh"),
        (memoryview(b"abcdef")[::2], b"ace"),
        (memoryview(b"abcdef").cast("B", (2, 3)), b"abcdef"),
    ],
    ids=["bytearray", "slice", "words of 4 bytes", "every other byte", "two dimensions"],
)
def test_a_payload_is_counted_in_bytes_whatever_it_is_made_of(
    payload: bytearray | memoryview, sent: bytes
) -> None:
    wire = codec.encode(Message(Command.WRITE, payload=payload))

    assert wire[40:] == sent
    assert int.from_bytes(wire[36:40], "big") == len(sent)

from __future__ import annotations

import ctypes

import pytest

from ether_protocol import Command, Message
from ether_protocol.wire.messages import byte_view


@pytest.mark.parametrize(
    ("message", "line"),
    [
        (Message(Command.PING), "PING #0"),
        (Message(Command.PING, version=1), "PING v1"),
        (Message(Command.ALLOC, size=1024, flags=1), "ALLOC #0 size=1024 flags=1"),
        (
            Message(Command.WRITE, 7, offset=3, payload=b"secret", request_id=42),
            "WRITE #42 handle=7 offset=3 [6 bytes]",
        ),
        (Message(Command.ERROR, 7, version=1, code=4), "ERROR v1 handle=7 code=4"),
        (Message(0x66, 1), "0x66 #0 handle=1"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_message_reads_as_one_line_without_its_bytes(message: Message, line: str) -> None:
    assert str(message) == line
    assert repr(message) == f"<Message {line}>"


def test_a_reply_keeps_the_version_and_the_id_of_its_request() -> None:
    request = Message(Command.READ, 7, 5, 3, b"", 1, 42, version=1)

    assert request.reply() == Message(Command.OK, request_id=42, version=1)
    assert request.reply(Command.PONG, handle=7, size=2, payload=b"ab") == Message(
        Command.PONG, 7, 2, payload=b"ab", request_id=42, version=1
    )


def test_with_payload_leaves_the_message_as_it_was() -> None:
    write = Message(Command.WRITE, 7, offset=3)

    assert write.with_payload(b"abc") == Message(Command.WRITE, 7, offset=3, payload=b"abc")
    assert write.payload == b""


def test_replies_are_what_servers_send() -> None:
    assert [command.name for command in Command if Message(command).is_reply] == [
        "PONG",
        "OK",
        "ERROR",
    ]
    assert not Message(0x66).is_reply


def test_a_byte_view_copies_only_what_is_not_contiguous() -> None:
    words = bytearray(b"abcdefgh")

    view = byte_view(memoryview(words).cast("I"))
    words[0] = ord("A")
    assert bytes(view) == b"Abcdefgh"

    view = byte_view(memoryview(words)[::2])
    words[0] = ord("z")
    assert bytes(view) == b"Aceg"
    assert len(byte_view(b"")) == 0
    assert len(byte_view((ctypes.c_int * 0)())) == 0

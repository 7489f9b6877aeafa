from __future__ import annotations

from collections.abc import Callable

import pytest

from ether_protocol import Command, ErrorCode, Message
from ether_protocol.tools.conformance import expect
from ether_protocol.tools.conformance.verdicts import RuleBroken
from ether_protocol.wire.bodies import decode_info, error_reply
from protocol.samples import INFO_BODY

OK = Message(Command.OK, 7, 5, payload=b"hello", request_id=1)
PONG = Message(Command.PONG, payload=b"hello", request_id=1)
NOT_FOUND = error_reply(Message(Command.READ, 7, request_id=1), ErrorCode.NOT_FOUND, "none")
NOT_FOUND_V1 = error_reply(Message(Command.READ, 7, version=1), ErrorCode.NOT_FOUND, "none")
STEERING = error_reply(Message(Command.READ), ErrorCode.BUSY, "\x1b[2J" + "x" * 100)
HALF_AN_ERROR = Message(Command.ERROR, payload=b"\x00")


def test_an_expected_reply_is_returned() -> None:
    assert expect.ok(OK, handle=7, size=5, payload=b"hello") is OK
    assert expect.pong(PONG, payload=b"hello") is PONG
    assert expect.error(NOT_FOUND, ErrorCode.BUSY, ErrorCode.NOT_FOUND) is NOT_FOUND
    assert expect.error(NOT_FOUND_V1, ErrorCode.NOT_FOUND) is NOT_FOUND_V1
    assert expect.parsed("info", decode_info, INFO_BODY).size == 4096
    expect.content(b"abc", b"abc")
    expect.zeros(bytes(3), 3)
    expect.equal("the size", 5, 5)
    expect.true(True, "anything", "")


@pytest.mark.parametrize(
    ("check", "expected", "seen"),
    [
        (lambda: expect.ok(PONG), "OK", "PONG #1 [5 bytes]"),
        (lambda: expect.ok(NOT_FOUND, size=5), "OK with size 5", "ERROR NOT_FOUND (none)"),
        (lambda: expect.ok(NOT_FOUND_V1), "OK", "ERROR NOT_FOUND"),
        (lambda: expect.ok(OK, handle=8), "OK with handle 8", "handle 7"),
        (lambda: expect.ok(OK, payload=b"hell"), "4 bytes of payload", "5"),
        (lambda: expect.ok(OK, payload=b"hellO"), "byte 4 to be 0x4F", "0x6F"),
        (lambda: expect.pong(OK), "PONG", "OK #1 handle=7 size=5 [5 bytes]"),
        (lambda: expect.zeros(b"\0\1", 2), "byte 1 to be 0x00", "0x01"),
        (
            lambda: expect.error(OK, ErrorCode.BUSY, ErrorCode.QUOTA),
            "ERROR BUSY or QUOTA",
            "OK #1 handle=7 size=5 [5 bytes]",
        ),
        (lambda: expect.error(NOT_FOUND, ErrorCode.BUSY), "ERROR BUSY", "ERROR NOT_FOUND (none)"),
        (
            lambda: expect.error(HALF_AN_ERROR, ErrorCode.BUSY),
            "an ERROR with a code and UTF-8 text",
            "the body does not parse: it has 1 bytes, and the field at byte 0 needs 2",
        ),
        (lambda: expect.equal("the size", 6, 5), "the size to be 5", "6"),
        (lambda: expect.true(False, "a handle above 0", 0), "a handle above 0", "0"),
        (
            lambda: expect.parsed("info", decode_info, b"abc"),
            "a body of info that parses",
            "the body has 3 bytes, not 18",
        ),
    ],
)
def test_an_unexpected_reply_breaks_the_rule_in_words(
    check: Callable[[], object], expected: str, seen: str
) -> None:
    with pytest.raises(RuleBroken) as broken:
        check()
    assert (broken.value.expected, broken.value.seen) == (expected, seen)


def test_text_of_the_server_is_short_and_printable() -> None:
    with pytest.raises(RuleBroken) as broken:
        expect.ok(STEERING)
    assert broken.value.seen == f"ERROR BUSY (?[2J{'x' * 76}…)"


def test_only_an_error_has_a_code() -> None:
    assert expect.code_of(OK) == 0
    assert expect.code_of(NOT_FOUND) == expect.code_of(NOT_FOUND_V1) == ErrorCode.NOT_FOUND
    assert expect.error_of(OK) is None

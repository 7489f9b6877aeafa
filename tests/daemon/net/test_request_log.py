from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from ether_daemon.net import request_log
from ether_protocol import Command, ErrorCode, Message
from ether_protocol.wire.bodies import error_reply

CLIENT = "127.0.0.1:54321"
SECRET = b"never in a log"


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    log = logging.getLogger("test of request_log")
    log.setLevel(logging.DEBUG)
    yield log
    log.handlers.clear()


REQUESTS = [
    (Message(Command.PING), "PING received"),
    (Message(Command.ALLOC, size=1024), "ALLOC request: 1024 bytes"),
    (Message(Command.FREE, 0xBEEF), "FREE request: handle=0xBEEF"),
    (Message(Command.WRITE, 1, payload=SECRET), "WRITE request: handle=0x1 len=14"),
    (
        Message(Command.WRITE, 1, size=14, payload=SECRET, version=1),
        "WRITE request: handle=0x1 len=14",
    ),
    (Message(Command.READ, 1, 100), "READ request: handle=0x1 len=100"),
    (
        Message(Command.FILL, 2, 10, 4, b"\7", 0, 9),
        "FILL request: FILL #9 handle=2 size=10 offset=4 [1 bytes]",
    ),
    (Message(Command.HELLO, payload=b"100%s"), "HELLO request: HELLO #0 [5 bytes]"),
    (Message(0x77), "0x77 request: 0x77 #0"),
]


@pytest.mark.parametrize(("message", "line"), REQUESTS, ids=[line for _, line in REQUESTS])
def test_a_request_is_logged_in_the_words_of_the_original_server(
    log: logging.Logger, caplog: pytest.LogCaptureFixture, message: Message, line: str
) -> None:
    with caplog.at_level(logging.DEBUG, log.name):
        request_log.request(log, CLIENT, message)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("DEBUG", f"{line} ({CLIENT})")
    ]


@pytest.mark.parametrize(
    ("command", "message", "line"),
    [
        (Command.PING, Message(Command.PONG, payload=SECRET), "PING PONG"),
        (Command.ALLOC, Message(Command.OK, 1), "ALLOC OK: handle=0x1"),
        (Command.READ, Message(Command.OK, 255, 14, payload=SECRET), "READ OK: handle=0xFF"),
        (
            Command.FREE,
            Message(Command.ERROR, 10, code=7, version=1),
            "FREE ERROR NOT_FOUND: NOT_FOUND",
        ),
        (
            Command.READ,
            error_reply(Message(Command.READ, 9), ErrorCode.NOT_FOUND, "no block has handle 9"),
            "READ ERROR NOT_FOUND: no block has handle 9",
        ),
    ],
)
def test_a_reply_is_logged_without_its_bytes(
    log: logging.Logger,
    caplog: pytest.LogCaptureFixture,
    command: int,
    message: Message,
    line: str,
) -> None:
    with caplog.at_level(logging.DEBUG, log.name):
        request_log.reply(log, CLIENT, command, message)
    assert [record.getMessage() for record in caplog.records] == [f"{line} ({CLIENT})"]


@pytest.mark.parametrize("command", [*Command, 0, 0x30])
def test_no_byte_of_a_block_is_ever_logged(
    log: logging.Logger, caplog: pytest.LogCaptureFixture, command: int
) -> None:
    with caplog.at_level(logging.DEBUG, log.name):
        request_log.request(log, CLIENT, Message(command, payload=SECRET))
        if command != Command.ERROR:
            request_log.reply(log, CLIENT, Command.READ, Message(command, payload=SECRET))
    assert "never" not in caplog.text

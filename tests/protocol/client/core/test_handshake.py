"""What a client makes of the first answer on a connection."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from ether_protocol import (
    Command,
    ConnectionLost,
    ErrorCode,
    EtherError,
    Message,
    RemoteProtocolError,
    ServerBusy,
)
from ether_protocol.wire.codec import encode
from protocol.client.either import Either
from protocol.scripted import hang_up, last, raw, refused, serving, silence


def test_a_refused_connection_is_told_in_the_same_words(each: Either) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        refused = f"127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(ConnectionLost, match=f"^can't connect to {refused}: Connection refused$"):
        each.connect(refused)


FIRST_ANSWERS: dict[str, tuple[Any, type[EtherError], str]] = {
    "silent": (silence, ConnectionLost, "does not answer: is it an etherd"),
    "closes": (hang_up, ConnectionLost, "does not answer: is it an etherd"),
    "HTTP": (
        last(raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
        RemoteProtocolError,
        "does not answer as an etherd does",
    ),
    "zeros": (last(raw(bytes(100))), RemoteProtocolError, "does not answer as an etherd does"),
    "a byte": (last(raw(b"\xe7")), ConnectionLost, "is it an etherd"),
    "version 3": (
        last(raw(b"\xe7\xe7\xe7\xe7\x03" + bytes(100))),
        RemoteProtocolError,
        "does not answer as an etherd does",
    ),
    "garbage in the body": (
        last(lambda request: encode(request.reply(payload=b"\xff\xff"))),
        RemoteProtocolError,
        "does not answer as an etherd does",
    ),
    "busy": (last(refused(ErrorCode.BUSY, "full")), ServerBusy, "HELLO: full"),
    "version 1": (
        raw(encode(Message(Command.ERROR, version=1, code=ErrorCode.UNSUPPORTED))),
        RemoteProtocolError,
        "speaks version 1 of the protocol only",
    ),
    "version 1 without a code": (
        last(raw(encode(Message(Command.ERROR, version=1)))),
        RemoteProtocolError,
        "speaks version 1 of the protocol only",
    ),
}


@pytest.mark.parametrize(("step", "kind", "says"), FIRST_ANSWERS.values(), ids=FIRST_ANSWERS)
def test_a_first_answer_that_is_no_welcome(
    each: Either, step: Any, kind: type[EtherError], says: str
) -> None:
    with serving(step) as server:
        with pytest.raises(kind, match=says):
            each.connect(str(server.address), timeout=0.2)
        each.settle()

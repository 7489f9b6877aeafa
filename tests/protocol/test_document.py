"""The annotated conversations in docs/protocol.md are true."""

from __future__ import annotations

import re

import pytest

from ether_protocol import ClientConnection, Command, Message, ServerConnection
from ether_protocol.wire.bodies import decode_error
from ether_protocol.wire.codec import encode
from ether_protocol.wire.errors import ServerError
from protocol import document


def _conversations() -> list[list[tuple[str, bytes]]]:
    """Each conversation as (">" or "<", bytes) of its messages."""
    found: list[list[tuple[str, bytes]]] = []
    previous = ""
    for line in document.section("Two annotated conversations").splitlines():
        if not line.startswith("    "):
            if line:
                found.append([])
            continue
        side, rest = line[4], line[6:].strip()
        hexadecimal = re.match(r"((?:[0-9A-F]{2})+(?: |$))+", rest)
        if side in "<>":
            assert hexadecimal is not None, line
            found[-1].append((side, bytes.fromhex(hexadecimal.group())))
        elif hexadecimal is not None and not previous.startswith(hexadecimal.group()):
            direction, begun = found[-1].pop()
            found[-1].append((direction, begun + bytes.fromhex(hexadecimal.group())))
        previous = rest
    return found


def _play(conversation: list[tuple[str, bytes]]) -> list[str]:
    """Both ends take their side of the conversation; what each message was, in order."""
    server, client = ServerConnection(), ClientConnection()
    heard: list[str] = []
    last_id = 0
    for side, wire in conversation:
        if side == ">":
            (request,) = server.receive_data(wire)
            assert isinstance(request, Message)
            while last_id < request.request_id - 1:
                last_id = _ping(client)
            last_id = request.request_id
            assert b"".join(client.send(request.with_payload(request.payload))) == wire
            heard.append(f"> {_told(request)}")
        else:
            (reply,) = client.receive_data(wire)
            assert server.send(reply) == wire
            heard.append(f"< {_told(reply)}")
    return heard


def _ping(client: ClientConnection) -> int:
    """Have `client` use up a request id; returns it."""
    ping = Message(Command.PING)
    client.send(ping)
    client.receive_data(encode(ping.reply(Command.PONG)))
    return ping.request_id


def _told(message: Message) -> str:
    if message.command == Command.ERROR:
        error: ServerError = decode_error(message)
        return f"{message}: {error.name}, {error}"
    return f"{message}: {bytes(message.payload)!r}" if message.payload else str(message)


@pytest.mark.parametrize(
    ("number", "transcript"),
    [
        (
            0,
            [
                "> ALLOC v1 size=16",
                "< OK v1 handle=1",
                "> WRITE v1 handle=1 size=5 [5 bytes]: b'hello'",
                "< OK v1 handle=1",
            ],
        ),
        (
            1,
            [
                "> READ #42 handle=1 size=5 offset=2",
                "< OK #42 handle=1 size=5 [5 bytes]: b'llo\\x00\\x00'",
                "> READ #43 handle=9 size=5",
                "< ERROR #43 handle=9 [23 bytes]: NOT_FOUND, no block has handle 9",
            ],
        ),
    ],
    ids=["version 1", "version 2"],
)
def test_a_conversation_is_what_it_says(number: int, transcript: list[str]) -> None:
    conversations = _conversations()

    assert len(conversations) == 2
    assert _play(conversations[number]) == transcript

from __future__ import annotations

from ether_protocol import Command
from ether_protocol.client.core.small_requests import READ, WRITE, SmallRequest


def test_a_read_as_a_message_has_a_size_and_no_payload() -> None:
    message = SmallRequest(READ, 7, 5, 3, b"").message()
    assert (message.command, message.payload) == (Command.READ, b"")
    assert str(message) == "READ #0 handle=7 size=5 offset=3"


def test_a_write_as_a_message_has_a_payload_and_no_size() -> None:
    message = SmallRequest(WRITE, 7, 5, 3, b"hello").message()
    assert (message.command, message.payload) == (Command.WRITE, b"hello")
    assert str(message) == "WRITE #0 handle=7 offset=3 [5 bytes]"

from __future__ import annotations

from ether_protocol import Command, Message, ServerConnection
from ether_protocol.sansio.memory import BUFFER_BYTES, PrivateMemory
from ether_protocol.sansio.payload import GrowingPayload
from ether_protocol.wire.codec import encode


def test_it_has_a_buffer_of_its_own() -> None:
    one, other = PrivateMemory(), PrivateMemory()
    assert len(one.data) == len(one.view) == BUFFER_BYTES
    one.view[:5] = b"bytes"
    assert one.data[:5] == b"bytes"
    assert other.data[:5] == bytes(5)


def test_a_payload_that_is_kept_does_not_change_with_the_buffer() -> None:
    memory = PrivateMemory()
    connection = ServerConnection(memory)
    (request,) = connection.receive_data(encode(Message(Command.PING, payload=b"first")))
    assert isinstance(request, Message)
    memory.data[:] = bytes(len(memory.data))
    assert request.payload == b"first"
    assert isinstance(request.payload, bytes)


def test_a_payload_that_is_not_whole_is_never_awaited_in_the_buffer() -> None:
    memory = PrivateMemory()
    assert memory.inline_bytes == 0
    payload = memory.payload(10)
    assert isinstance(payload, GrowingPayload)
    assert payload.missing == 10

"""What a program sees of the public API: run as a test, and read by mypy --strict."""

from __future__ import annotations

from typing import assert_type

from ether_protocol import (
    Address,
    Block,
    BlockInfo,
    Client,
    ClientConnection,
    Hello,
    Message,
    Refused,
    ServerConnection,
    ServerError,
    connect,
    format_size,
    parse_address,
    parse_size,
)
from harness import Etherd


def test_a_program_with_every_type_spelled_out(etherd: Etherd) -> None:
    address = assert_type(parse_address(etherd.address), Address)
    with assert_type(connect(address), Client) as client:
        with assert_type(client.alloc(parse_size("64")), Block) as block:
            assert_type(block.write(b"hello"), int)
            assert_type(block.read(5), bytes)
            assert_type(block.handle, int)
            assert_type(client.info(block.handle), BlockInfo)
            assert_type(client.list(), tuple[int, list[tuple[int, int]]])
            assert_type(client.compare_swap(block.handle, 8, bytes(8), bytes(8)), bytes)
            assert_type(client.fetch_add(block.handle, 8, 1), int)
            assert_type(client.readinto(block.handle, bytearray(5)), int)
        assert_type(client.hello(), Hello)
        assert_type(client.stats(), dict[str, int])
        assert_type(client.ping(), bytes)
        try:
            client.free(99)
        except ServerError as error:
            assert_type(error.code, int)
            assert_type(error.name, str)


def test_connections_without_sockets_with_every_type_spelled_out() -> None:
    client, server = ClientConnection(), ServerConnection()
    for buffer in client.send(Message(1)):
        for event in assert_type(server.receive_data(buffer), list[Message | Refused]):
            assert isinstance(event, Message)
            reply = assert_type(server.send(event.reply(2)), bytes)
            assert_type(client.receive_data(reply), list[Message])
    assert client.outstanding == 0
    assert_type(format_size(64), str)

"""What a program sees of the public API: run as a test, and read by mypy --strict."""

from __future__ import annotations

import asyncio
from typing import assert_type

from ether_protocol import (
    Address,
    AsyncBlock,
    AsyncClient,
    AsyncPipeline,
    Block,
    BlockInfo,
    Client,
    ClientConnection,
    EtherError,
    Hello,
    Message,
    Pending,
    Pipeline,
    Pool,
    Refused,
    Retry,
    ServerConnection,
    ServerError,
    Traced,
    UnixAddress,
    connect,
    connect_async,
    format_size,
    parse_address,
    parse_size,
)
from harness import Etherd


def test_a_program_with_every_type_spelled_out(etherd: Etherd) -> None:
    address = assert_type(parse_address(etherd.address), Address | UnixAddress)
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


def test_a_block_and_a_pipeline_with_every_type_spelled_out(etherd: Etherd) -> None:
    told: list[Traced] = []
    with connect(etherd.address, retry=Retry(attempts=2), trace=told.append) as client:
        assert_type(client.server, Hello | None)
        with client.alloc(64) as block:
            block[:5] = b"hello"
            block[-1] = 7
            assert_type(block[:5], bytes)
            assert_type(block[0], int)
            assert_type(len(block), int)
            assert_type(block.copy_from(block, 0, 8, 5), int)
            assert_type(block.resize(128), None)
            with assert_type(client.pipeline(), Pipeline) as pipeline:
                read = assert_type(pipeline.read(block.handle, 5), Pending[bytes])
                wrote = assert_type(pipeline.write(block.handle, b"hello"), Pending[int])
            assert_type(read.result(), bytes)
            assert_type(wrote.outcome(), int | EtherError)
            freed = assert_type(pipeline.free(99), Pending[None])
            assert_type(pipeline.execute(), list[object])
            assert_type(freed.error, EtherError | None)
    assert_type(told[0].elapsed, float | None)
    with Pool(etherd.address, 2) as pool, pool.client(timeout=1) as client:
        assert_type(client, Client)


def test_an_asyncio_program_with_every_type_spelled_out(etherd: Etherd) -> None:
    async def program() -> None:
        async with connect_async(etherd.address) as client:
            assert_type(client, AsyncClient)
            async with assert_type(await client.alloc(64), AsyncBlock) as block:
                assert_type(await block.write(b"hello"), int)
                assert_type(await block.read(5), bytes)
                assert_type(await block[:5], bytes)
                assert_type(await block[0], int)
                assert_type(await block.size(), int)
                assert_type(await block.info(), BlockInfo)
                assert_type(await block.readinto(bytearray(5)), int)
                async with assert_type(client.pipeline(), AsyncPipeline) as pipeline:
                    read = assert_type(pipeline.read(block.handle, 5), Pending[bytes])
                assert_type(read.result(), bytes)
                assert_type(await pipeline.execute(), list[object])
                async for entry in client.blocks():
                    assert_type(entry, tuple[int, int])
            assert_type(await client.list(), tuple[int, list[tuple[int, int]]])
        other = assert_type(await connect_async(etherd.address), AsyncClient)
        await other.close()

    asyncio.run(program())

"""Many clients at once: every handle is one's own, and refused requests change nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest

from ether_protocol import Client, NoMemory, NotFound, OutOfRange, ServerBusy, connect
from harness import Etherd, StartEtherd
from wire import ALLOC, FREE, NOT_FOUND, OK, OVERFLOW, READ, WRITE, ask_v1, ask_v2, receive_v2, v2

CLIENTS = 32
BLOCKS = 250


def test_32_clients_get_thousands_of_distinct_handles(etherd: Etherd) -> None:
    def work(number: int) -> list[int]:
        mark = bytes([number]) * 32
        with connect(etherd.address) as client:
            blocks = [client.alloc(64) for _ in range(BLOCKS)]
            for block in blocks:
                assert block.read() == bytes(64)
                block.write(mark, 16)
            for block in blocks:
                assert block.read() == bytes(16) + mark + bytes(16)
            for block in blocks[::2]:
                block.free()
            return [block.handle for block in blocks]

    with ThreadPoolExecutor(CLIENTS) as pool:
        handles = list(chain.from_iterable(pool.map(work, range(CLIENTS))))
    assert sorted(handles) == list(range(1, CLIENTS * BLOCKS + 1))

    with connect(etherd.address) as client:
        assert client.list()[0] == CLIENTS * BLOCKS // 2
        assert client.alloc(1).handle == CLIENTS * BLOCKS + 1


def test_a_double_free_is_not_found_and_changes_nothing(etherd: Etherd) -> None:
    with etherd.socket() as one, etherd.socket() as other:
        assert ask_v1(one, ALLOC, 0, 8).handle == 1
        assert ask_v1(one, ALLOC, 0, 8).handle == 2
        assert ask_v1(one, WRITE, 2, 4, payload=b"kept").command == OK
        assert ask_v1(one, FREE, 1).command == OK
        assert ask_v1(other, FREE, 1).code == NOT_FOUND
        assert ask_v2(one, FREE, 1).code == NOT_FOUND
        assert ask_v1(other, READ, 2, 8).payload == b"kept\0\0\0\0"


@pytest.mark.parametrize(
    ("offset", "data"), [(0, b"123456789"), (8, b"1"), (9, b""), (2**64 - 1, b"12345678")]
)
def test_a_write_outside_the_block_is_refused_and_changes_nothing(
    client: Client, offset: int, data: bytes
) -> None:
    block = client.alloc(8)
    neighbour = client.alloc(8)
    block.write(b"original")
    with pytest.raises(OutOfRange):
        block.write(data, offset)
    assert block.read() == b"original"
    assert neighbour.read() == bytes(8)


def test_a_version_1_write_longer_than_the_block_is_code_4(etherd: Etherd) -> None:
    with etherd.socket() as sock:
        ask_v1(sock, ALLOC, 0, 4)
        assert ask_v1(sock, WRITE, 1, 5, payload=b"12345").code == OVERFLOW
        assert ask_v1(sock, READ, 1, 99).payload == bytes(4)


def test_versions_mix_on_one_connection_and_replies_keep_their_order(etherd: Etherd) -> None:
    with etherd.socket() as sock:
        assert ask_v1(sock, ALLOC, 0, 16).handle == 1
        assert ask_v2(sock, WRITE, 1, 0, 4, payload=b"v2").size == 2
        assert ask_v1(sock, READ, 1, 8).payload == b"\0\0\0\0v2\0\0"
        sock.sendall(b"".join(v2(READ, 1, n % 17, request_id=n) for n in range(2000)))
        for n in range(2000):
            reply = receive_v2(sock)
            assert (reply.request_id, reply.size) == (n, n % 17)


def test_session_blocks_end_with_their_connection(etherd: Etherd) -> None:
    with connect(etherd.address) as keeper:
        with connect(etherd.address) as passer_by:
            session = [passer_by.alloc(1000, session=True).handle for _ in range(500)]
            lasting = passer_by.alloc(1000).handle
            assert keeper.info(session[0]).flags == 1
        while keeper.list()[0] > 1:
            pass
        with pytest.raises(NotFound):
            keeper.read(session[-1])
        assert keeper.read(lasting) == bytes(1000)


def test_limits_of_memory_handles_and_clients(start_etherd: StartEtherd) -> None:
    etherd = start_etherd("--max-memory", "1MiB", "--max-handles", "3", "--max-clients", "2")
    with connect(etherd.address) as first, connect(etherd.address):
        with pytest.raises(NoMemory, match="1048576"):
            first.alloc(1024 * 1024)
        blocks = [first.alloc(1000) for _ in range(3)]
        with pytest.raises(NoMemory, match="3 blocks"):
            first.alloc(1)
        blocks[0].free()
        assert first.alloc(1).handle == 4
        with pytest.raises(ServerBusy):
            connect(etherd.address)


def test_the_least_memory_is_enough_for_one_block_after_another(start_etherd: StartEtherd) -> None:
    """Each 256th begins a page of the handle table, which has to fit as well."""
    etherd = start_etherd("--max-memory", "16KiB")
    with connect(etherd.address) as client:
        for _ in range(600):
            client.alloc(4000).free()


def test_a_flood_of_tiny_blocks_stays_below_the_memory_limit(start_etherd: StartEtherd) -> None:
    limit = 16 * 1024 * 1024
    etherd = start_etherd("--max-memory", str(limit))
    with etherd.socket() as sock:
        before = etherd.resident_bytes
        made = 0
        while True:
            sock.sendall(v2(ALLOC, 0, 1) * 4096)
            codes = [receive_v2(sock).code for _ in range(4096)]
            made += codes.count(0)
            if any(codes):
                break
        assert made > 100_000
        assert etherd.resident_bytes - before < 2 * limit

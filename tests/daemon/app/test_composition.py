from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Iterator
from typing import Any, cast

import pytest

from ether_daemon import __version__
from ether_daemon.app.composition import FEATURES, NOT_LOCAL, EtherService, is_local
from ether_daemon.app.deferred_work import Chores
from ether_daemon.net.connection import Session
from ether_daemon.settings import Settings
from ether_protocol import Command, ErrorCode, Message
from ether_protocol.wire.codec import encode
from protocol import document


class Guest:
    """As much of a session as the service looks at."""

    def __init__(self, service: EtherService, address: object = ("127.0.0.1", 40000)) -> None:
        self.address = address
        self.caller = service.caller()


def guest(service: EtherService, address: object = ("127.0.0.1", 40000)) -> Session:
    return cast(Session, Guest(service, address))


@pytest.fixture
def service() -> Iterator[EtherService]:
    service = EtherService(Settings(max_memory_bytes=1 << 20, max_handles=7, max_clients=2))
    yield service
    service.close()


@pytest.mark.parametrize(
    "address",
    [
        ("127.0.0.1", 1),
        ("127.255.255.254", 1),
        ("::1", 1, 0, 0),
        ("::1%lo", 1, 0, 1),
        ("::ffff:127.0.0.1", 1, 0, 0),
        ("::FFFF:7F00:0001", 1, 0, 0),
        "",
        "/run/client.socket",
        b"\0abstract",
    ],
)
def test_loopback_and_paths_are_local(address: object) -> None:
    assert is_local(address)


@pytest.mark.parametrize(
    "address",
    [
        ("203.0.113.9", 1),
        ("10.0.0.1", 1),
        ("0.0.0.0", 1),
        ("128.0.0.1", 1),
        ("2001:db8::1", 1, 0, 0),
        ("::", 1, 0, 0),
        ("::ffff:203.0.113.9", 1, 0, 0),
        ("::127.0.0.1", 1, 0, 0),
        ("fe80::1%eth0", 1, 0, 2),
        ("127.1", 1),
        ("localhost", 1),
        ("", 1),
        (None, 1),
        (2130706433, 1),
        None,
        127,
    ],
)
def test_everything_else_is_not(address: object) -> None:
    assert not is_local(address)


def test_a_stranger_is_told_how_to_change_it(service: EtherService) -> None:
    refusal = service.admit(guest(service, ("203.0.113.9", 5)))

    assert refusal is NOT_LOCAL
    assert refusal.code is ErrorCode.FORBIDDEN
    assert refusal.fatal
    assert "--insecure" in refusal.text


def test_a_peer_without_an_address_is_a_stranger(service: EtherService) -> None:
    # getpeername fails once the peer has reset the connection.
    assert service.admit(guest(service, None)) is NOT_LOCAL


def test_insecure_serves_everybody() -> None:
    service = EtherService(Settings(max_memory_bytes=1 << 20, insecure=True))

    assert service.admit(guest(service, ("203.0.113.9", 5))) is None
    assert service.admit(guest(service, None)) is None
    service.close()


def test_one_client_too_many_is_busy_until_another_leaves(service: EtherService) -> None:
    first, second, third = (guest(service) for _ in range(3))
    assert [service.admit(first), service.admit(second)] == [None, None]

    refusal = service.admit(third)
    assert refusal is not None
    assert (refusal.code, refusal.fatal) == (ErrorCode.BUSY, True)

    # The third still lingers to read that; the place of the first is free all the same.
    service.leave(first)
    assert service.admit(guest(service)) is None


def test_strangers_take_nobodys_place(service: EtherService) -> None:
    for number in range(10):
        assert service.admit(guest(service, ("203.0.113.9", number))) is NOT_LOCAL

    assert service.admit(guest(service)) is None
    assert service.stats()["clients"] == 1


def test_it_is_empty_when_the_last_session_has_left(service: EtherService) -> None:
    one, other = guest(service), guest(service, ("203.0.113.9", 5))
    assert service.empty.is_set()

    service.admit(one)
    service.admit(other)
    assert not service.empty.is_set()
    service.leave(one)
    assert not service.empty.is_set()
    service.leave(other)
    assert service.empty.is_set()


def test_session_blocks_are_freed_between_requests_and_nothing_else_is() -> None:
    async def scenario() -> None:
        service = EtherService(Settings(max_memory_bytes=1 << 20))
        session = guest(service)
        service.admit(session)
        handles = session.caller.handles
        kept = handles.alloc(10)
        for _ in range(200):
            handles.alloc(10, session.caller.session_blocks)

        service.leave(session)
        assert service.ledger.blocks == 201
        while service.ledger.blocks > 1:
            await asyncio.sleep(0)
        assert [handle for handle, _ in handles.table.items()] == [kept]
        service.close()

    asyncio.run(scenario())


def test_hello_says_what_there_is(service: EtherService) -> None:
    hello = service.hello()

    assert (hello.name, hello.version) == ("etherd", __version__)
    assert (hello.max_memory_bytes, hello.max_handles) == (1 << 20, 7)
    assert hello.max_payload_bytes == 16 * 1024 * 1024
    assert hello.auth_needed is False
    assert hello.features == FEATURES


def test_the_features_are_those_of_the_document() -> None:
    (listed,) = re.findall(r"^A feature is (.*?)\.", document.section("Commands"), re.MULTILINE)

    assert tuple(re.findall("`(.*?)`", listed)) == FEATURES


def test_hello_names_this_set_of_blocks(service: EtherService) -> None:
    other = EtherService(Settings(max_memory_bytes=1 << 20))

    assert service.hello().instance == service.hello().instance
    assert service.hello().instance != other.hello().instance
    other.close()


def test_stats_count(service: EtherService) -> None:
    served, stranger = guest(service), guest(service, ("203.0.113.9", 5))
    service.admit(served)
    service.admit(stranger)
    service.leave(stranger)
    handles = served.caller.handles
    handles.alloc(100)
    handles.free(cast(int, handles.alloc(50)))
    service.requests[Command.READ] += 3
    service.bytes_in += 40
    service.bytes_out += 41

    stats = service.stats()
    assert stats.pop("uptime_seconds") >= 0
    assert stats == {
        "clients": 1,
        "clients_served": 1,
        "clients_refused": 1,
        "blocks": 1,
        "used_bytes": 100,
        "peak_bytes": 150,
        "limit_bytes": 1 << 20,
        "allocated_bytes": 150,
        "freed_bytes": 50,
        "received_bytes": 40,
        "sent_bytes": 41,
        "requests_read": 3,
    }


def test_close_frees_everything_whatever_is_still_to_be_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chores: list[Any] = []
    monkeypatch.setattr(Chores, "add", lambda self, chore: self._queue.append(chore))
    service = EtherService(Settings(max_memory_bytes=1 << 30))
    handles = service.caller().handles
    for size in (1, 1000, 300_000, 40 << 20):
        chores.append(handles.alloc(size))
    handles.realloc(4, 20 << 20)

    service.close()
    assert len(handles.table) == 0
    assert service.ledger.blocks == service.ledger.used_bytes == 0
    assert service.ledger.allocations == service.ledger.frees == 4


def test_a_peer_that_resets_before_it_is_accepted_gets_nothing_done() -> None:
    # Its bytes are there although its address no longer is.
    uvloop = pytest.importorskip("uvloop")

    async def scenario() -> None:
        service = EtherService(Settings(max_memory_bytes=1 << 20))
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(lambda: Session(service), "127.0.0.1", 0)
        peer = socket.create_connection(listener.sockets[0].getsockname())
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.sendall(encode(Message(Command.ALLOC, size=64)))
        peer.close()

        while not (service.stats()["clients_refused"] and service.empty.is_set()):
            await asyncio.sleep(0)
        assert service.bytes_in == 40
        assert service.ledger.allocations == 0
        listener.close()
        service.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(scenario(), 30))

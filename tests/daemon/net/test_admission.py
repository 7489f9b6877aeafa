from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from daemon.connection import LOCAL, STRANGER
from daemon.deferred_list import at_once
from ether_daemon.net.admission import NOT_LOCAL, Admission
from ether_daemon.net.origin import Origin, is_local
from ether_daemon.service.blocks import SessionBlocks
from ether_daemon.service.principal import ANONYMOUS, Principal
from ether_daemon.service.quota import Limits, Quota
from ether_daemon.settings import Settings
from ether_daemon.stores.contract import Work
from ether_daemon.stores.memory.store import MemoryStore
from ether_protocol import ErrorCode
from ether_protocol.wire.framing import Refusal

MIB = 1024 * 1024


class Visitor:
    """As much of a connection as admission looks at."""

    def __init__(self, address: object = LOCAL) -> None:
        self.origin = Origin("a visitor", is_local(address))

    def drain(self) -> None:
        raise AssertionError("nobody said so")

    def abort(self) -> None:
        raise AssertionError("nobody said so")


class Door:
    """The admission of one server, whom everybody is, and what is deferred."""

    def __init__(self, **changes: bool | int) -> None:
        self.deferred: list[Work] = []
        self.store = MemoryStore(MIB, self.deferred.append)
        self.principal = Principal(ANONYMOUS, self.store, Quota(Limits(MIB)), at_once)
        settings = Settings(MIB, **{"max_clients": 2, **changes})  # type: ignore[arg-type]  # by name
        self.admission = Admission(settings, self.principal, self.deferred.append)
        self.admit = self.admission.admit


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.store.close()


def test_a_client_is_served_as_the_one_principal_there_is(door: Door) -> None:
    one, other = Visitor(), Visitor()
    assert door.admit(one) is door.admit(other) is door.principal
    assert door.admission.connections == [one, other]
    assert (door.admission.clients, door.admission.refused) == (2, 0)
    counters = door.principal.counters
    assert (counters.clients, counters.clients_served) == (2, 2)
    door.admission.leave(one, None)
    assert (counters.clients, counters.clients_served) == (1, 2)
    assert door.admission.connections == [other]


def test_a_stranger_is_told_how_to_change_it(door: Door) -> None:
    refusal = door.admit(Visitor(STRANGER))

    assert refusal is NOT_LOCAL
    assert refusal.code is ErrorCode.FORBIDDEN
    assert refusal.fatal
    assert "--insecure" in refusal.text


def test_a_peer_without_an_address_is_a_stranger(door: Door) -> None:
    # getpeername fails once the peer has reset the connection.
    assert door.admit(Visitor(None)) is NOT_LOCAL


def test_insecure_serves_everybody() -> None:
    door = Door(insecure=True)
    assert door.admit(Visitor(STRANGER)) is door.principal
    assert door.admit(Visitor(None)) is door.principal


def test_one_client_too_many_is_busy_until_another_leaves(door: Door) -> None:
    first, second, third = (Visitor() for _ in range(3))
    assert [door.admit(first), door.admit(second)] == [door.principal] * 2

    refusal = door.admit(third)
    assert isinstance(refusal, Refusal)
    assert (refusal.code, refusal.fatal) == (ErrorCode.BUSY, True)
    assert refusal.text == "2 clients are connected, and no more may be"

    # The third still lingers to read that; the place of the first is free all the same.
    door.admission.leave(first, None)
    assert door.admit(Visitor()) is door.principal


def test_strangers_take_nobodys_place(door: Door) -> None:
    strangers = [Visitor(("203.0.113.9", number)) for number in range(10)]
    for stranger in strangers:
        assert door.admit(stranger) is NOT_LOCAL

    client = Visitor()
    assert door.admit(client) is door.principal
    assert (door.admission.clients, door.admission.refused) == (1, 10)
    assert door.principal.counters.clients_served == 1
    assert door.admission.connections == [client, *door.admission.connections[1:]]
    assert set(door.admission.connections) == {client, *strangers}, "they are to be closed, too"
    for stranger in strangers:
        door.admission.leave(stranger, None)
    assert (door.admission.clients, door.admission.refused) == (1, 10)


def test_it_is_empty_when_the_last_connection_has_left(door: Door) -> None:
    one, other = Visitor(), Visitor(STRANGER)
    admission = door.admission
    assert admission.empty.is_set()

    admission.admit(one)
    admission.admit(other)
    assert not admission.empty.is_set()
    admission.leave(one, None)
    assert not admission.empty.is_set()
    admission.leave(other, None)
    assert admission.empty.is_set()
    assert admission.connections == []


def test_who_waits_for_the_end_is_woken() -> None:
    async def scenario() -> None:
        door = Door()
        visitor = Visitor()
        door.admit(visitor)
        waiting = asyncio.create_task(door.admission.empty.wait())
        await asyncio.sleep(0)
        door.admission.leave(visitor, None)
        assert await asyncio.wait_for(waiting, 30)

    asyncio.run(scenario())


def test_session_blocks_are_freed_in_steps_and_nothing_else_is(door: Door) -> None:
    visitor, session = Visitor(), SessionBlocks()
    door.admit(visitor)
    blocks = door.principal.blocks
    kept = blocks.alloc(10)
    for _ in range(200):
        blocks.alloc(10, session)

    door.admission.leave(visitor, session)
    assert door.principal.quota.blocks == 201
    (work,) = door.deferred
    next(work)
    assert 1 < door.principal.quota.blocks < 201, "other requests have their turn in between"
    for _ in work:
        pass
    assert [handle for handle, _ in blocks.table.items()] == [kept]
    assert session.ended


def test_one_without_session_blocks_leaves_no_work(door: Door) -> None:
    visitor, session = Visitor(), SessionBlocks()
    door.admit(visitor)
    door.admission.leave(visitor, session)
    assert door.deferred == []
    assert session.ended, "a block that is made for it now is freed at once"

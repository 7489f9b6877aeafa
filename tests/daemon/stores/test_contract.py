from __future__ import annotations

import inspect

import pytest

from daemon.late_store import LateStore
from ether_daemon.net.buffer_pool import PooledPayload
from ether_daemon.service.handle_table import ATTENDED
from ether_daemon.stores.contract import (
    MAX_REF,
    Identity,
    Store,
    StoreContents,
    StoredBlock,
    StreamedRead,
    TakeablePayload,
)
from ether_daemon.stores.memory.store import MemoryStore
from ether_daemon.stores.memory.streamed_reads import MemoryRead

IMPLEMENTED = [
    (Store, MemoryStore),
    (Store, LateStore),
    (StreamedRead, MemoryRead),
    (TakeablePayload, PooledPayload),
]


@pytest.mark.parametrize(("contract", "implementation"), IMPLEMENTED)
def test_whoever_fulfils_a_contract_has_all_its_methods(
    contract: type, implementation: type
) -> None:
    for name, method in inspect.getmembers(contract, inspect.isfunction):
        if name.startswith("_") and name != "__len__":
            continue
        promised = list(inspect.signature(method).parameters)
        assert list(inspect.signature(getattr(implementation, name)).parameters) == promised


def test_a_ref_leaves_room_for_the_bit_beside_it() -> None:
    assert MAX_REF & ATTENDED == 0
    assert MAX_REF | ATTENDED == (1 << 64) - 1


def test_a_store_without_blocks_holds_nothing() -> None:
    assert StoreContents() == StoreContents(blocks=[], last_handles={})
    assert StoreContents().blocks is not StoreContents().blocks


def test_stored_blocks_sort_by_principal_and_handle() -> None:
    # A table is filled in ascending order.
    blocks = [
        StoredBlock(Identity(name, handle, 0, 5), ref, 1)
        for name, handle, ref in (("b", 1, 1), ("a", 300, 2), ("a", 2, 9))
    ]
    found = [(block.identity.principal, block.identity.handle) for block in sorted(blocks)]
    assert found == [("a", 2), ("a", 300), ("b", 1)]

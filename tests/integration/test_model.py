"""A dict of bytearrays and a real daemon are told the same things and must say the same."""

from __future__ import annotations

import struct

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)

from ether_protocol import Client, NotFound, OutOfRange, connect
from harness import Etherd

# Around the border between slabs and mappings, and between pieces and whole replies.
SIZES = st.one_of(
    st.integers(1, 300), st.sampled_from([4096, 16384, 262144, 262145, 300_000, 600_001])
)
OFFSETS = st.one_of(
    st.integers(0, 320), st.sampled_from([262_000, 262_144, 299_999, 600_001, 2**63])
)
COUNTS = st.one_of(st.integers(0, 320), st.sampled_from([4096, 262_145, 600_001]))


class Model(RuleBasedStateMachine):
    """What a block is, in the simplest words."""

    etherd: Etherd
    handles: Bundle[int] = Bundle("handles")

    @initialize()
    def begin(self) -> None:
        self.client: Client = connect(self.etherd.address)
        for handle, _ in list(self.client.blocks()):
            self.client.free(handle)
        self.blocks: dict[int, bytearray] = {}
        self.last = 0

    def teardown(self) -> None:
        if hasattr(self, "client"):
            self.client.close()

    def expect(self, handle: int, offset: int = 0, size: int = 0) -> bytearray | None:
        """The model's block if the range lies in it, else None."""
        block = self.blocks.get(handle)
        if block is None or offset > len(block) or size > len(block) - offset:
            return None
        return block

    def refused(self, handle: int) -> pytest.RaisesExc[Exception]:
        return pytest.raises(OutOfRange if handle in self.blocks else NotFound)

    @rule(target=handles, size=SIZES)
    def alloc(self, size: int) -> int:
        handle = self.client.alloc(size).handle
        assert handle > self.last
        self.last = handle
        self.blocks[handle] = bytearray(size)
        return handle

    @rule(handle=handles)
    def free(self, handle: int) -> None:
        if self.blocks.pop(handle, None) is None:
            with pytest.raises(NotFound):
                self.client.free(handle)
        else:
            self.client.free(handle)

    @rule(handle=handles, size=SIZES)
    def realloc(self, handle: int, size: int) -> None:
        block = self.blocks.get(handle)
        if block is None:
            with pytest.raises(NotFound):
                self.client.realloc(handle, size)
        else:
            assert self.client.realloc(handle, size) == size
            block[:] = block[:size].ljust(size, b"\0")

    @rule(
        handle=handles,
        offset=OFFSETS,
        data=st.binary(max_size=320),
        times=st.sampled_from([1, 900]),
    )
    def write(self, handle: int, offset: int, data: bytes, times: int) -> None:
        data *= times
        block = self.expect(handle, offset, len(data))
        if block is None:
            with self.refused(handle):
                self.client.write(handle, data, offset)
        else:
            assert self.client.write(handle, data, offset) == len(data)
            block[offset : offset + len(data)] = data

    @rule(handle=handles, offset=OFFSETS, size=COUNTS)
    def read(self, handle: int, offset: int, size: int) -> None:
        block = self.expect(handle, offset)
        if block is None:
            with self.refused(handle):
                self.client.read(handle, size, offset)
        else:
            assert self.client.read(handle, size, offset) == block[offset : offset + size]

    @rule(handle=handles, offset=OFFSETS, size=COUNTS, byte=st.integers(0, 255))
    def fill(self, handle: int, offset: int, size: int, byte: int) -> None:
        block = self.expect(handle, offset, size)
        if block is None:
            with self.refused(handle):
                self.client.fill(handle, byte, offset, size)
        else:
            self.client.fill(handle, byte, offset, size)
            block[offset : offset + size] = bytes([byte]) * size

    @rule(source=handles, source_offset=OFFSETS, into=handles, offset=OFFSETS, size=COUNTS)
    def copy(self, source: int, source_offset: int, into: int, offset: int, size: int) -> None:
        taken = self.expect(source, source_offset, size)
        block = self.expect(into, offset, size)
        if taken is None or block is None:
            with pytest.raises((NotFound, OutOfRange)):
                self.client.copy(source, source_offset, into, offset, size)
        else:
            self.client.copy(source, source_offset, into, offset, size)
            block[offset : offset + size] = taken[source_offset : source_offset + size]

    @rule(handle=handles, offset=OFFSETS, delta=st.integers(-(2**63), 2**63 - 1))
    def fetch_add(self, handle: int, offset: int, delta: int) -> None:
        block = self.expect(handle, offset, 8)
        if block is None:
            with self.refused(handle):
                self.client.fetch_add(handle, offset, delta)
        else:
            (there,) = struct.unpack_from(">Q", block, offset)
            assert self.client.fetch_add(handle, offset, delta) == there
            struct.pack_into(">Q", block, offset, (there + delta) % 2**64)

    @rule(
        handle=handles,
        offset=OFFSETS,
        desired=st.binary(min_size=8, max_size=8),
        right=st.booleans(),
    )
    def compare_swap(self, handle: int, offset: int, desired: bytes, right: bool) -> None:
        block = self.expect(handle, offset, 8)
        if block is None:
            with self.refused(handle):
                self.client.compare_swap(handle, offset, bytes(8), desired)
        else:
            there = bytes(block[offset : offset + 8])
            expected = there if right else bytes([there[0] ^ 1]) + there[1:]
            assert self.client.compare_swap(handle, offset, expected, desired) == there
            if right:
                block[offset : offset + 8] = desired

    @rule()
    def list(self) -> None:
        listed = [(handle, len(block)) for handle, block in sorted(self.blocks.items())]
        assert [*self.client.blocks()] == listed
        assert self.client.stats()["used_bytes"] == sum(size for _, size in listed)


def test_a_daemon_is_a_dict_of_bytearrays(etherd: Etherd) -> None:
    class Machine(Model):
        pass

    Machine.etherd = etherd
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=40,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

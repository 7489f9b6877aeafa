"""A dict of bytearrays and a real daemon are told the same things and must say the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

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

from block_model import BlockModel
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


class DaemonModel(RuleBasedStateMachine):
    """A daemon beside the model."""

    etherd: Etherd
    handles: Bundle[int] = Bundle("handles")

    @initialize()
    def begin(self) -> None:
        self.client: Client = connect(self.etherd.address)
        for handle, _ in list(self.client.blocks()):
            self.client.free(handle)
        self.model = BlockModel()
        self.last = 0

    def teardown(self) -> None:
        if hasattr(self, "client"):
            self.client.close()

    def both(self, ask: Callable[[], object], expected: Callable[[], object]) -> None:
        """The daemon must say what the model says, be it a refusal."""
        try:
            answer = expected()
        except (NotFound, OutOfRange) as refusal:
            with pytest.raises(type(refusal)):
                ask()
        else:
            assert ask() == answer

    @rule(target=handles, size=SIZES)
    def alloc(self, size: int) -> int:
        handle = self.client.alloc(size).handle
        assert handle > self.last
        self.last = handle
        self.model.add(handle, size)
        return handle

    @rule(handle=handles)
    def free(self, handle: int) -> None:
        def free() -> int:
            self.client.free(handle)
            return handle

        self.both(free, lambda: self.model.free(handle))

    @rule(handle=handles, size=SIZES)
    def realloc(self, handle: int, size: int) -> None:
        self.both(
            lambda: self.client.realloc(handle, size),
            lambda: self.model.realloc(handle, size),
        )

    @rule(
        handle=handles,
        offset=OFFSETS,
        data=st.binary(max_size=320),
        times=st.sampled_from([1, 900]),
    )
    def write(self, handle: int, offset: int, data: bytes, times: int) -> None:
        data *= times
        self.both(
            lambda: self.client.write(handle, data, offset),
            lambda: self.model.write(handle, offset, data),
        )

    @rule(handle=handles, offset=OFFSETS, size=COUNTS)
    def read(self, handle: int, offset: int, size: int) -> None:
        self.both(
            lambda: self.client.read(handle, size, offset),
            lambda: self.model.read(handle, offset, size),
        )

    @rule(handle=handles, offset=OFFSETS, size=COUNTS, byte=st.integers(0, 255))
    def fill(self, handle: int, offset: int, size: int, byte: int) -> None:
        def fill() -> int:
            self.client.fill(handle, byte, offset, size)
            return size

        self.both(fill, lambda: self.model.fill(handle, offset, size, byte))

    @rule(source=handles, source_offset=OFFSETS, into=handles, offset=OFFSETS, size=COUNTS)
    def copy(self, source: int, source_offset: int, into: int, offset: int, size: int) -> None:
        def copy() -> int:
            self.client.copy(source, source_offset, into, offset, size)
            return size

        self.both(copy, lambda: self.model.copy(source, source_offset, into, offset, size))

    @rule(handle=handles, offset=OFFSETS, delta=st.integers(-(2**63), 2**63 - 1))
    def fetch_add(self, handle: int, offset: int, delta: int) -> None:
        self.both(
            lambda: self.client.fetch_add(handle, offset, delta),
            lambda: self.model.fetch_add(handle, offset, delta),
        )

    @rule(
        handle=handles,
        offset=OFFSETS,
        desired=st.binary(min_size=8, max_size=8),
        right=st.booleans(),
    )
    def compare_swap(self, handle: int, offset: int, desired: bytes, right: bool) -> None:
        there = bytes(8)
        with suppress(NotFound, OutOfRange):
            there = self.model.read(handle, offset, 8).ljust(8, b"\0")
        expected = there if right else bytes([there[0] ^ 1]) + there[1:]
        self.both(
            lambda: self.client.compare_swap(handle, offset, expected, desired),
            lambda: self.model.compare_swap(handle, offset, expected, desired),
        )

    @rule()
    def list(self) -> None:
        assert [*self.client.blocks()] == self.model.list()
        assert self.client.stats()["used_bytes"] == self.model.total_bytes()


def test_a_daemon_is_a_dict_of_bytearrays(etherd: Etherd) -> None:
    class Machine(DaemonModel):
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

"""Compaction: small blocks are moved together where few are left in their slabs.

Rule: it is begun where memory is short and it may help, goes on a step at a time,
and moves only blocks that rest.  A slab more than half full is left as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from ether_daemon.stores.contract import Defer, MemoryAccount, Ref, RefColumns, Work

from .slabs import SIZE_BITS, SIZE_MASK, SLAB_BYTES, Slab, Slabs

_SLAB_SHIFT = SIZE_BITS + SLAB_BYTES.bit_length() - 1


@dataclass(slots=True)
class _Plan:
    """What is to be emptied."""

    emptied: list[Slab] = field(default_factory=list)
    cut: list[tuple[Slab, int]] = field(default_factory=list)
    """Slabs that are to be left with so many slots, the first ones."""
    gain: int = 0
    """How many bytes are given back if every block can be moved."""

    def add(self, sparse: list[Slab]) -> None:
        """Have the blocks of these slabs, which are of one kind, in as few slots as they take."""
        blocks = sum(slab.live for slab in sparse)
        for slab in sorted(sparse, key=lambda slab: slab.live, reverse=True):
            kept = min(blocks, slab.ready)
            blocks -= kept
            if not kept:
                self.emptied.append(slab)
            elif kept < slab.ready:
                self.cut.append((slab, kept))
            self.gain += slab.charged - kept * slab.slot_cost


class Compaction:
    """The compaction of one arena."""

    def __init__(self, slabs: Slabs, account: MemoryAccount, defer: Defer) -> None:
        self.watched: list[RefColumns] = []
        """Where the refs are kept."""
        self._slabs = slabs
        self._account = account
        self._defer = defer
        self._under_way = False
        self._withheld: dict[int, tuple[Slab, list[int]]] = {}  # slots that no block is given

    def begin(self, lacking: int) -> None:
        """Begin, if that may free `lacking` bytes, and say what is to be expected."""
        if self._under_way:
            return
        plan = _Plan()
        by_kind: defaultdict[int, list[Slab]] = defaultdict(list)
        for slab in self._slabs.sparse():
            by_kind[slab.kind].append(slab)
        for sparse in by_kind.values():
            plan.add(sparse)
        if plan.gain >= lacking:
            self._under_way = True
            self._account.expect(plan.gain)
            self._defer(self._carry_out(plan))

    def _carry_out(self, plan: _Plan) -> Work:
        slabs = self._slabs
        bounds: dict[int, int] = {}  # what lies behind them in a slab, by its number, is moved
        try:
            for slab in plan.emptied:
                bounds[slab.number] = slab.base
                slabs.close_slab(slab)
                yield
            for slab, kept in plan.cut:
                if slabs.slabs[slab.number] is slab:
                    self._withheld[slab.number] = slab, slabs.withhold(slab, kept)
                    bounds[slab.number] = slab.base + kept * slab.slot_bytes
                    yield

            def choose(refs: Sequence[Ref]) -> list[int]:
                # Large blocks and attended ones have greater refs than any place.
                return [
                    position
                    for position, ref in enumerate(refs)
                    if ref
                    and ref >> _SLAB_SHIFT in bounds
                    and ref >> SIZE_BITS >= bounds[ref >> _SLAB_SHIFT]
                ]

            for refs in [*self.watched]:
                yield from refs.relocate(choose, self._move)
        finally:
            for slab in plan.emptied:
                slabs.reopen_slab(slab)
            for slab, kept in plan.cut:
                if slab.number in self._withheld:
                    slabs.cut(slab, kept, self._withheld.pop(slab.number)[1])
            self._under_way = False
            self._account.expect(-plan.gain)

    def _move(self, place: Ref) -> Ref:
        """Move a block to where there is room; returns its new place."""
        slabs, size = self._slabs, place & SIZE_MASK
        made = slabs.allocate(size)
        slabs.arena.move(made >> SIZE_BITS, place >> SIZE_BITS, size)
        try:
            slabs.release(place)
        except BaseException:
            slabs.release(made)
            raise
        number = place >> _SLAB_SHIFT
        if number in self._withheld:
            slab, slots = self._withheld[number]
            if slabs.slabs[number] is slab:
                slots.append(slab.free.pop())
        return made

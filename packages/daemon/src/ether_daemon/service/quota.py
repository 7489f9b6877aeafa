"""How much memory is out, how much may be, and how much ever was.

Rule: nothing is handed out that was not charged here first, and plain
integers are all there is.
"""

from __future__ import annotations

from dataclasses import dataclass

from ether_protocol.wire.errors import NoMemory

BLOCK_OVERHEAD_BYTES = 64
"""What a block costs beside its bytes, for the limit: its row in the table and its slot's rest."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most there may be; 0 handles means any number."""

    max_memory_bytes: int
    max_handles: int = 0


class Ledger:
    """The account of all blocks of all principals."""

    __slots__ = (
        "allocated_bytes",
        "allocations",
        "blocks",
        "freed_bytes",
        "frees",
        "limits",
        "peak_bytes",
        "used_bytes",
    )

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.blocks = 0
        self.used_bytes = 0
        self.peak_bytes = 0
        self.allocated_bytes = 0
        self.freed_bytes = 0
        self.allocations = 0
        self.frees = 0

    def charge(self, size: int) -> None:
        """Account for a new block of `size` bytes; raises NoMemory at a limit."""
        limits = self.limits
        if limits.max_handles and self.blocks >= limits.max_handles:
            raise NoMemory(f"there are {self.blocks} blocks, and no more may be")
        self._check_room(size + BLOCK_OVERHEAD_BYTES, size)
        self.blocks += 1
        self.allocations += 1
        self._add(size)

    def refund(self, size: int) -> None:
        """Account for a freed block of `size` bytes."""
        self.blocks -= 1
        self.frees += 1
        self._subtract(size)

    def cancel(self, size: int) -> None:
        """Undo a charge for a block that was not made after all."""
        self.blocks -= 1
        self.allocations -= 1
        self.used_bytes -= size
        self.allocated_bytes -= size

    def recharge(self, old_size: int, new_size: int) -> None:
        """Account for a block that changes its size; raises NoMemory at the limit."""
        if new_size > old_size:
            self._check_room(new_size - old_size, new_size)
            self._add(new_size - old_size)
        else:
            self._subtract(old_size - new_size)

    def cancel_recharge(self, old_size: int, new_size: int) -> None:
        """Undo a recharge for a block that kept its old size after all."""
        more = new_size - old_size
        self.used_bytes -= more
        if more > 0:
            self.allocated_bytes -= more
        else:
            self.freed_bytes += more

    def _check_room(self, more: int, size: int) -> None:
        limit = self.limits.max_memory_bytes
        if more > limit - self.used_bytes - self.blocks * BLOCK_OVERHEAD_BYTES:
            raise NoMemory(
                f"{size} bytes do not fit: {self.used_bytes} of {limit} bytes are in use"
            )

    def _add(self, size: int) -> None:
        self.allocated_bytes += size
        self.used_bytes += size
        self.peak_bytes = max(self.peak_bytes, self.used_bytes)

    def _subtract(self, size: int) -> None:
        self.freed_bytes += size
        self.used_bytes -= size

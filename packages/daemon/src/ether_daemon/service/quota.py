"""How much memory is out, how much may be, and how much ever was.

Rule: nothing new is handed out that was not checked here first, and what is under
way is held until it is there or is not; plain integers are all there is.
"""

from __future__ import annotations

from dataclasses import dataclass

from ether_protocol.wire.constants import MAX_SIZE
from ether_protocol.wire.errors import NoMemory, QuotaExceeded

BLOCK_OVERHEAD_BYTES = 64
"""What a block costs beside its bytes, for the limit: its row in the table and its slot's rest."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most there may be; 0 handles means any number."""

    max_memory_bytes: int
    max_handles: int = 0


NO_LIMITS = Limits(MAX_SIZE << 8)
"""For a principal that may use all that the server has: more than any request can name."""


class Quota:
    """The account of one principal's blocks, within that of the whole server.

    The server's account has no `whole`; what is added to a principal's is
    added there as well.
    """

    __slots__ = (
        "allocated_bytes",
        "allocations",
        "blocks",
        "freed_bytes",
        "frees",
        "held_blocks",
        "held_bytes",
        "limits",
        "peak_bytes",
        "used_bytes",
        "whole",
    )

    def __init__(self, limits: Limits, whole: Quota | None = None) -> None:
        self.limits = limits
        self.whole = whole
        self.blocks = 0
        self.used_bytes = 0
        self.held_blocks = 0
        self.held_bytes = 0
        self.peak_bytes = 0
        self.allocated_bytes = 0
        self.freed_bytes = 0
        self.allocations = 0
        self.frees = 0

    @property
    def limit_bytes(self) -> int:
        """The most that blocks may take, by whichever limit is the lowest."""
        own = self.limits.max_memory_bytes
        return own if self.whole is None else min(own, self.whole.limit_bytes)

    def check_block(self, size: int) -> None:
        """Raise QuotaExceeded or NoMemory unless a block of `size` bytes may be made."""
        limits = self.limits
        blocks = self.blocks + self.held_blocks
        if limits.max_handles and blocks >= limits.max_handles:
            raise self._too_many()
        needed = self.used_bytes + self.held_bytes + size + (blocks + 1) * BLOCK_OVERHEAD_BYTES
        if needed > limits.max_memory_bytes:
            raise self._does_not_fit(size)
        if self.whole is not None:
            self.whole.check_block(size)

    def check_growth(self, more: int, size: int) -> None:
        """Raise QuotaExceeded or NoMemory unless a block may grow by `more` bytes, to `size`."""
        blocks = self.blocks + self.held_blocks
        needed = self.used_bytes + self.held_bytes + more + blocks * BLOCK_OVERHEAD_BYTES
        if needed > self.limits.max_memory_bytes:
            raise self._does_not_fit(size)
        if self.whole is not None:
            self.whole.check_growth(more, size)

    def hold(self, blocks: int, more: int) -> None:
        """Keep room for what was checked and is under way; `let_go` of it when that is over."""
        self.held_blocks += blocks
        self.held_bytes += more
        if self.whole is not None:
            self.whole.hold(blocks, more)

    def let_go(self, blocks: int, more: int) -> None:
        """Undo a `hold`."""
        self.hold(-blocks, -more)

    # Account and whole account are of two types, and each line is faster where it meets one.

    def add_block(self, size: int) -> None:
        """Account for a new block of `size` bytes."""
        self.blocks += 1
        self.allocations += 1
        self.allocated_bytes += size
        self.used_bytes += size
        if self.used_bytes > self.peak_bytes:
            self.peak_bytes = self.used_bytes
        whole = self.whole
        if whole is not None:
            whole.blocks += 1
            whole.allocations += 1
            whole.allocated_bytes += size
            whole.used_bytes += size
            if whole.used_bytes > whole.peak_bytes:
                whole.peak_bytes = whole.used_bytes

    def remove_block(self, size: int) -> None:
        """Account for a freed block of `size` bytes."""
        self.blocks -= 1
        self.frees += 1
        self.freed_bytes += size
        self.used_bytes -= size
        whole = self.whole
        if whole is not None:
            whole.blocks -= 1
            whole.frees += 1
            whole.freed_bytes += size
            whole.used_bytes -= size

    def resize_block(self, old_size: int, new_size: int) -> None:
        """Account for a block that has changed its size."""
        more = new_size - old_size
        account: Quota | None = self
        while account is not None:
            account.used_bytes += more
            if more > 0:
                account.allocated_bytes += more
                account.peak_bytes = max(account.peak_bytes, account.used_bytes)
            else:
                account.freed_bytes -= more
            account = account.whole

    def _too_many(self) -> NoMemory | QuotaExceeded:
        return self._refusal(f"there are {self.blocks} blocks, and no more may be")

    def _does_not_fit(self, size: int) -> NoMemory | QuotaExceeded:
        limit = self.limits.max_memory_bytes
        return self._refusal(
            f"{size} bytes do not fit: {self.used_bytes} of {limit} bytes are in use"
        )

    def _refusal(self, text: str) -> NoMemory | QuotaExceeded:
        return NoMemory(text) if self.whole is None else QuotaExceeded(text)

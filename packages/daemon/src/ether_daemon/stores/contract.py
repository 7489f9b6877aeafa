"""What a store of bytes must do, whatever it keeps them in.

Rule: a store knows bytes and nothing else: no handle, no principal, no wire,
no event loop.  It calls a block by a `Ref` of its own choosing and may answer
at once or with a `Later`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, TypeAlias, TypeVar

from ether_protocol.wire.errors import OutOfRange
from ether_protocol.wire.messages import Buffer

from .future import Later

T = TypeVar("T")

Answer: TypeAlias = T | Later[T]

Ref: TypeAlias = int
"""What a store calls a block: an integer from 1 to 2**64 - 1."""

Chore: TypeAlias = Iterator[None]
"""Work that must not hold up anybody: every step of it takes a millisecond or so."""

Defer: TypeAlias = Callable[[Chore], None]
"""Where a store leaves a chore to be done step by step, between requests."""


class Reading(Protocol):
    """A long range on its way out, as it was when it was asked for.

    Taking it piece by piece keeps a reply of 16 MiB from costing 16 MiB for
    every client that does not fetch it.
    """

    def __len__(self) -> int:
        """Bytes not yet taken."""

    def take(self, limit: int) -> bytes:
        """The next bytes, at most `limit`."""

    def hand(self, give: Callable[[memoryview], int]) -> None:
        """Show `give` all that is left where it stands; it returns how many bytes it took."""

    def cancel(self) -> None:
        """Give up what was not taken."""


class Store(Protocol):
    """Blocks of bytes (docs/protocol.md, "What a block promises").

    Offsets and sizes are in bytes and come unchecked from the wire: a range
    that is not inside the block raises OutOfRange and changes nothing.  `data`
    is only lent for the time of the call.
    """

    def allocate(self, size: int) -> Answer[Ref]:
        """A zeroed block of `size` > 0 bytes; raises NoMemory."""

    def release(self, ref: Ref) -> Answer[None]:
        """Wipe the block and take its memory back."""

    def resize(self, ref: Ref, size: int) -> Answer[Ref]:
        """The same block with `size` > 0 bytes, perhaps under another ref; raises NoMemory."""

    def size(self, ref: Ref) -> int:
        """The block's size."""

    def read(self, ref: Ref, offset: int, size: int) -> Answer[bytes | Reading]:
        """At most `size` bytes from `offset`, fewer where the block ends."""

    def write(self, ref: Ref, offset: int, data: Buffer) -> Answer[None]:
        """Put `data` at `offset`, whole or not at all."""

    def fill(self, ref: Ref, offset: int, size: int, byte: int) -> Answer[None]:
        """Set `size` bytes from `offset` to `byte`."""

    def copy(
        self, source: Ref, source_offset: int, target: Ref, offset: int, size: int
    ) -> Answer[None]:
        """Copy `size` bytes as `memmove` does, between blocks or within one."""

    def compare_swap(self, ref: Ref, offset: int, expected: bytes, desired: bytes) -> Answer[bytes]:
        """Replace `expected` at `offset` by `desired` if it stands there; what stood there."""

    def fetch_add(self, ref: Ref, offset: int, delta: int) -> Answer[int]:
        """Add to the big-endian u64 at `offset`, wrapping; what stood there."""

    def close(self) -> None:
        """Wipe everything and give all memory back."""


def check_range(block_size: int, offset: int, size: int) -> None:
    """Raise OutOfRange unless `size` bytes from `offset` lie inside a block of `block_size`."""
    # Subtracting can't wrap around, not even in a twin of this written in C.
    if offset > block_size or size > block_size - offset:
        raise OutOfRange(f"{size} bytes at offset {offset} are not inside {block_size} bytes")

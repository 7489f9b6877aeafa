"""What a store of bytes must do, whatever it keeps them in.

Rule: a store knows bytes and refs.  Handles, sizes, flags, owners and quotas
are the service's, which checks every range before it asks.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeAlias

from ether_protocol.wire.errors import NoMemory
from ether_protocol.wire.messages import Buffer

from .future import Answer

Ref: TypeAlias = int
"""What a store calls a block: an integer from 1 to MAX_REF, never 0."""

MAX_REF = (1 << 63) - 1

Work: TypeAlias = Iterator[None]
"""Work in steps, none of which takes longer than a millisecond or two."""

Defer: TypeAlias = Callable[[Work], None]
"""Where a store leaves work that is to be done step by step, between requests."""


class RoomToCome(NoMemory):
    """There is no room now, but memory that is on its way back is enough: ask again then."""


class MemoryAccount(Protocol):
    """Where a store says what it holds, before it holds it and until it is back with the system.

    A request is never charged more than there is room for.  What is charged may be
    *expected* back: work is under way that gives it back and can't be held up.
    """

    @property
    def room(self) -> int:
        """How many bytes may still be charged; less than 0 where more is held than may be."""

    def charge(self, size: int) -> None:
        """Hold `size` bytes from now on; raises NoMemory, or RoomToCome."""

    def hold_for_now(self, size: int) -> None:
        """The same beyond the limit: for a step of work that gives as much back."""

    def expect(self, size: int) -> None:
        """`size` bytes more of what is charged, or less, are on their way back."""

    def refund(self, size: int, expected: int = 0) -> None:
        """`size` bytes are back, of which so many were expected."""


class Unlimited:
    """The account of a store that holds what it likes."""

    room = 1 << 63

    def charge(self, size: int) -> None:
        """Hold it."""

    def hold_for_now(self, size: int) -> None:
        """Hold it."""

    def expect(self, size: int) -> None:
        """Nobody waits for it."""

    def refund(self, size: int, expected: int = 0) -> None:
        """Hold it no more."""


UNLIMITED: MemoryAccount = Unlimited()


class RefColumns(Protocol):
    """The refs that are kept of one principal's blocks; a store may move blocks that rest."""

    def relocate(
        self, choose: Callable[[Sequence[Ref]], list[int]], move: Callable[[Ref], Ref]
    ) -> Work:
        """Go through all refs, some a step: `choose` says which, by position, `move` moves them.

        Refs of attended blocks are larger than any a store gives, and stay as they
        are.  Where `move` raises NoMemory the block stays where it is.
        """


class Identity(NamedTuple):
    """What the service calls a block, for a store that keeps it beyond the process."""

    principal: str
    handle: int
    flags: int
    created_ms: int
    """When, in milliseconds since 1970 UTC."""


class StoredBlock(NamedTuple):
    """A block that a store holds when it opens."""

    identity: Identity
    ref: Ref
    size: int


@dataclass(frozen=True, slots=True)
class StoreContents:
    """What a store holds when it opens.

    `last_handles` has, for each principal, the highest handle that was ever
    given out, since none is given out twice.
    """

    blocks: list[StoredBlock] = field(default_factory=list)
    last_handles: Mapping[str, int] = field(default_factory=dict)


class StreamedRead(Protocol):
    """A long range on its way out, as it was when it was asked for.

    Taken piece by piece, a reply of 16 MiB does not cost 16 MiB for every
    client that is slow to receive it.
    """

    def __len__(self) -> int:
        """Bytes not yet taken."""

    def take(self, limit: int) -> bytes:
        """The next bytes, at most `limit`."""

    def hand(self, give: Callable[[memoryview], int]) -> None:
        """Show `give` what comes next where it stands; it returns how many bytes it took.

        That is all that is left, or as much of it as lies together.
        """

    def cancel(self) -> None:
        """Give up what was not taken."""

    def when_over(self, callback: Callable[[], None]) -> None:
        """Call `callback`, which asks the store nothing, once all was taken or given up."""

    @property
    def kept_bytes(self) -> int:
        """How much memory is held only for what is not taken yet, here or by others like this.

        Copies of what has changed in the block since, or the memory of a freed one.
        The server's account is charged for all of it, once.
        """

    def when_kept_changes(self, callback: Callable[[], None]) -> None:
        """Call `callback` whenever `kept_bytes` has changed; it asks the store nothing.

        It may `cancel` this read or any other.
        """


class TakeablePayload(Protocol):
    """The memory that a long payload arrived in, whole."""

    length: int

    def take(self, replacement: mmap.mmap) -> mmap.mmap:
        """Keep that memory for good, and give `replacement`, of the same length, for it.

        The payload can't be looked at after that.
        """


class Store(Protocol):
    """Blocks of bytes (docs/protocol.md, "What a block promises").

    Sizes and offsets are in bytes, and every range lies inside its block.
    What is asked about one block is carried out in the order in which it is
    asked, whichever method it is; for `copy` that holds for both its blocks.
    Answers may come in any order, but no future is settled within a call to the
    store.  A request that raises RoomToCome may be made again once memory is back.
    After `resize` or `release` nothing is asked about the block until
    that is answered.  A request that fails, at once or later, has changed nothing.
    """

    outlives_process: bool
    """Whether blocks are still there when the store is opened again."""

    def open(self) -> Answer[StoreContents]:
        """Begin, before anything else is asked; returns what the store holds."""

    def allocate(self, size: int, identity: Identity) -> Answer[Ref]:
        """A zeroed block of `size` > 0 bytes; raises NoMemory."""

    def release(self, ref: Ref) -> Answer[None]:
        """Wipe the block and take its memory back."""

    def resize(self, ref: Ref, size: int) -> Answer[Ref]:
        """The same block with `size` > 0 bytes, perhaps under another ref; raises NoMemory."""

    def read(self, ref: Ref, offset: int, size: int) -> Answer[Buffer | StreamedRead]:
        """`size` bytes from `offset`.

        A store that answers at once may lend a view of its memory, which is let
        go of before the store is asked anything else.  What it gives away is
        best a bytearray, which is wiped when it has been sent.
        """

    def write(
        self, ref: Ref, offset: int, data: Buffer, payload: TakeablePayload | None = None
    ) -> Answer[None]:
        """Put `data` at `offset`, whole or not at all.

        `data` is only lent for the time of the call; where it is the whole of
        `payload`, the store may take that memory instead of copying.
        """

    def fill(self, ref: Ref, offset: int, size: int, byte: int) -> Answer[None]:
        """Set `size` bytes from `offset` to `byte`."""

    def copy(
        self, source: Ref, source_offset: int, target: Ref, offset: int, size: int
    ) -> Answer[None]:
        """Copy `size` bytes as `memmove` does, between blocks or within one."""

    def compare_swap(self, ref: Ref, offset: int, expected: bytes, desired: bytes) -> Answer[bytes]:
        """Replace `expected` at `offset` by `desired` if it is there; returns what was there."""

    def fetch_add(self, ref: Ref, offset: int, delta: int) -> Answer[int]:
        """Add to the big-endian u64 at `offset`, wrapping; returns what was there."""

    def close(self) -> Answer[None]:
        """End: done once everything acknowledged is safe, and memory is wiped and given back.

        What was asked before is answered first, and requests that waited for such
        an answer may still come until this one is there.
        """

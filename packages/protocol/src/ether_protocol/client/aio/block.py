"""A block of remote memory for asyncio programs.

Rule: it holds a handle and no bytes; each method is one of its client's verbs.
"""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self, SupportsIndex, overload

from ether_protocol.client.core import slices
from ether_protocol.client.core.operations import Progress
from ether_protocol.wire.bodies import BlockInfo
from ether_protocol.wire.errors import EtherError, NotFound
from ether_protocol.wire.messages import AnyBuffer

if TYPE_CHECKING:
    from .client import AsyncClient


class AsyncBlock:
    """A block of remote memory, by its handle.  In `async with` it is freed at the end.

    Each method is `Block`'s of the same name, awaited.
    """

    __slots__ = ("client", "handle")

    def __init__(self, client: AsyncClient, handle: int) -> None:
        self.client: AsyncClient = client
        self.handle: int = handle

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.client.closed:
            return
        # Freed already is as was wanted, and no failure is to hide the one that led here.
        with suppress(NotFound if error is None else EtherError):
            await self.free()

    def __repr__(self) -> str:
        return f"<AsyncBlock {self.handle} at {self.client.address}>"

    @overload
    def __getitem__(self, key: slice) -> Awaitable[bytes]: ...
    @overload
    def __getitem__(self, key: SupportsIndex) -> Awaitable[int]: ...
    def __getitem__(self, key: slice | SupportsIndex) -> Awaitable[bytes | int]:
        """`await block[10:20]`; to write into a slice, use `write`."""
        return self.client.perform(slices.get(self.handle, key))

    # With an index for each, Python would make coroutines without an end, and await none.
    __iter__ = None
    __contains__ = None

    async def size(self) -> int:
        """Its bytes."""
        return (await self.info()).size

    async def write(
        self, data: AnyBuffer, offset: int = 0, *, progress: Progress | None = None
    ) -> int:
        """Write `data` at `offset`; returns the bytes written."""
        return await self.client.write(self.handle, data, offset, progress=progress)

    async def read(
        self, size: int | None = None, offset: int = 0, *, progress: Progress | None = None
    ) -> bytes:
        """Read `size` bytes at `offset`, fewer where the block ends; None means to its end."""
        return await self.client.read(self.handle, size, offset, progress=progress)

    async def readinto(
        self, buffer: AnyBuffer, offset: int = 0, *, progress: Progress | None = None
    ) -> int:
        """Read into `buffer` as many bytes as it holds or the block has; returns how many."""
        return await self.client.readinto(self.handle, buffer, offset, progress=progress)

    async def fill(self, byte: int, offset: int = 0, size: int | None = None) -> int:
        """Set `size` bytes at `offset`, None for all to the end, to `byte`; returns how many."""
        return await self.client.fill(self.handle, byte, offset, size)

    async def copy_from(
        self, block: AsyncBlock, source_offset: int = 0, offset: int = 0, size: int | None = None
    ) -> int:
        """Copy `size` bytes, None for all to its end, of `block` to `offset`; returns how many."""
        return await self.client.copy(block.handle, source_offset, self.handle, offset, size)

    async def compare_swap(self, offset: int, expected: bytes, desired: bytes) -> bytes:
        """Put the 8 bytes `desired` at `offset` if `expected` stand there; returns what did."""
        return await self.client.compare_swap(self.handle, offset, expected, desired)

    async def fetch_add(self, offset: int, delta: int) -> int:
        """Add `delta` to the big-endian u64 at `offset`, wrapping; returns what was there."""
        return await self.client.fetch_add(self.handle, offset, delta)

    async def info(self) -> BlockInfo:
        """Size, flags and age."""
        return await self.client.info(self.handle)

    async def resize(self, size: int) -> None:
        """Resize to `size` bytes: what it held stays, growth is zeroed."""
        await self.client.realloc(self.handle, size)

    async def free(self) -> None:
        """Free and wipe the block."""
        await self.client.free(self.handle)

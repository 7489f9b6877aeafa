"""A block of remote memory as a Python object, nearly a `bytearray`.

Rule: it holds a handle and no bytes; each method is one of its client's verbs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self, SupportsIndex, overload

from ether_protocol.client.core import slices
from ether_protocol.client.core.operations import Progress
from ether_protocol.wire.bodies import BlockInfo
from ether_protocol.wire.errors import EtherError, NotFound
from ether_protocol.wire.messages import AnyBuffer

if TYPE_CHECKING:
    from .client import Client


class Block:
    """A block of remote memory, by its handle.  As a context manager it is freed at the end.

    Every method raises as the methods of `Client` do.  Nothing is cached: each
    is a request, `len` too.
    """

    __slots__ = ("client", "handle")

    def __init__(self, client: Client, handle: int) -> None:
        self.client: Client = client
        self.handle: int = handle

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.client.closed:
            return
        # Freed already is as was wanted, and no failure is to hide the one that led here.
        with suppress(NotFound if error is None else EtherError):
            self.free()

    def __repr__(self) -> str:
        return f"<Block {self.handle} at {self.client.address}>"

    def __bool__(self) -> bool:
        """True, without asking the server: no block is empty."""
        return True

    def __len__(self) -> int:
        return self.info().size

    def __bytes__(self) -> bytes:
        """All of it."""
        return self.read()

    # Python would ask for one byte after the other.

    def __iter__(self) -> Iterator[int]:
        """Its bytes as numbers, as they were when the first was asked for."""
        return iter(self.read())

    def __contains__(self, value: int | bytes) -> bool:
        """Whether a byte of that value, or those bytes in a row, are in it: all of it is read."""
        return value in self.read()

    @overload
    def __getitem__(self, key: slice) -> bytes: ...
    @overload
    def __getitem__(self, key: SupportsIndex) -> int: ...
    def __getitem__(self, key: slice | SupportsIndex) -> bytes | int:
        """The bytes of a slice, or one byte as a number; raises IndexError as `bytes` does."""
        return self.client.perform(slices.get(self.handle, key))

    def __setitem__(self, key: slice | SupportsIndex, value: AnyBuffer | int) -> None:
        """Write into a slice as many bytes as it has, or one byte at an index.

        Raises ValueError where the sizes differ, since a block does not grow by
        this, and IndexError as a `bytearray` does.
        """
        self.client.perform(slices.set_(self.handle, key, value))

    def write(self, data: AnyBuffer, offset: int = 0, *, progress: Progress | None = None) -> int:
        """Write `data` at `offset`; returns the bytes written.  See `Client.write`."""
        return self.client.write(self.handle, data, offset, progress=progress)

    def read(
        self, size: int | None = None, offset: int = 0, *, progress: Progress | None = None
    ) -> bytes:
        """Read `size` bytes at `offset`, fewer where the block ends; None means to its end."""
        return self.client.read(self.handle, size, offset, progress=progress)

    def readinto(
        self, buffer: AnyBuffer, offset: int = 0, *, progress: Progress | None = None
    ) -> int:
        """Read into `buffer` as many bytes as it holds or the block has; returns how many."""
        return self.client.readinto(self.handle, buffer, offset, progress=progress)

    def fill(self, byte: int, offset: int = 0, size: int | None = None) -> int:
        """Set `size` bytes at `offset`, None for all to the end, to `byte`; returns how many."""
        return self.client.fill(self.handle, byte, offset, size)

    def copy_from(
        self, block: Block, source_offset: int = 0, offset: int = 0, size: int | None = None
    ) -> int:
        """Copy `size` bytes, None for all to its end, of `block` to `offset`; returns how many.

        The bytes never leave the server.  Up to 16 MiB; an overlap is as with `memmove`.
        """
        return self.client.copy(block.handle, source_offset, self.handle, offset, size)

    def compare_swap(self, offset: int, expected: bytes, desired: bytes) -> bytes:
        """Put the 8 bytes `desired` at `offset` if `expected` stand there; returns what did."""
        return self.client.compare_swap(self.handle, offset, expected, desired)

    def fetch_add(self, offset: int, delta: int) -> int:
        """Add `delta` to the big-endian u64 at `offset`, wrapping; returns what was there."""
        return self.client.fetch_add(self.handle, offset, delta)

    def info(self) -> BlockInfo:
        """Size, flags and age."""
        return self.client.info(self.handle)

    def resize(self, size: int) -> None:
        """Resize to `size` bytes: what it held stays, growth is zeroed."""
        self.client.realloc(self.handle, size)

    def free(self) -> None:
        """Free and wipe the block."""
        self.client.free(self.handle)

"""A block of remote memory as a Python object, nearly a `bytearray`.

Rule: it holds a handle and no bytes; each method calls one of its client.
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
    """A block of remote memory, by its handle; it can be used much like a `bytearray`.

    Nothing is cached: each method is a request, and `len(block)` is one too.
    `block[3:8]` and `block[3]` read, and may be assigned to; `bytes(block)` and
    a loop read the whole block at once.  `Client.alloc` and `Client.block` make
    blocks.  As a context manager a block is freed at the end.

    Every method may raise what is said at `Client`.

    See "What a block promises" in docs/protocol.md.
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
        # Freed already is fine, and an error of the body must not be hidden by a second one.
        with suppress(NotFound if error is None else EtherError):
            self.free()

    def __repr__(self) -> str:
        return f"<Block {self.handle} at {self.client.address}>"

    def __bool__(self) -> bool:
        """True; no block is empty, so the server is not asked."""
        return True

    def __len__(self) -> int:
        return self.info().size

    def __bytes__(self) -> bytes:
        """The whole block."""
        return self.read()

    # By default Python would read one byte at a time.

    def __iter__(self) -> Iterator[int]:
        """Its bytes as numbers; they are all read at once, with the first."""
        return iter(self.read())

    def __contains__(self, value: int | bytes) -> bool:
        """Whether the block has a byte of this value, or these bytes; the whole block is read."""
        return value in self.read()

    @overload
    def __getitem__(self, key: slice) -> bytes: ...
    @overload
    def __getitem__(self, key: SupportsIndex) -> int: ...
    def __getitem__(self, key: slice | SupportsIndex) -> bytes | int:
        """The bytes of a slice, or one byte as a number; raises IndexError as `bytes` does."""
        return self.client.perform(slices.get(self.handle, key))

    def __setitem__(self, key: slice | SupportsIndex, value: AnyBuffer | int) -> None:
        """Write the bytes of a slice, or one byte.

        Raises ValueError if the sizes differ, since this does not resize a
        block, and IndexError as a `bytearray` does.
        """
        self.client.perform(slices.set_(self.handle, key, value))

    def write(self, data: AnyBuffer, offset: int = 0, *, progress: Progress | None = None) -> int:
        """Write bytes into the block.

        See `Client.write`.

        Args:
            data: Any object with a buffer.
            offset: Where to write, in bytes from the start of the block.
            progress: Called with the bytes done and the bytes in all, after every message.

        Returns:
            How many bytes were written.

        Raises:
            NotFound: The block was freed.
            OutOfRange: The range is not inside the block.

        See "What a block promises" in docs/protocol.md.
        """
        return self.client.write(self.handle, data, offset, progress=progress)

    def read(
        self, size: int | None = None, offset: int = 0, *, progress: Progress | None = None
    ) -> bytes:
        """Read bytes from the block.

        See `Client.read`.

        Args:
            size: How many bytes; None means to the end of the block.
            offset: Where to begin, in bytes from the start of the block.
            progress: Called with the bytes done and the bytes in all, after every message.

        Returns:
            The bytes, fewer than `size` if the block ends earlier.

        Raises:
            NotFound: The block was freed.
            OutOfRange: `offset` is past the end of the block.

        See "What a block promises" in docs/protocol.md.
        """
        return self.client.read(self.handle, size, offset, progress=progress)

    def readinto(
        self, buffer: AnyBuffer, offset: int = 0, *, progress: Progress | None = None
    ) -> int:
        """Read from the block into a buffer, without a copy.

        See `Client.readinto`.

        Args:
            buffer: As many bytes are read as it holds.
            offset: Where to begin, in bytes from the start of the block.
            progress: Called with the bytes done and the bytes in all, after every message.

        Returns:
            How many bytes were read, fewer if the block ends earlier.

        Raises:
            NotFound: The block was freed.
            OutOfRange: `offset` is past the end of the block.
            TypeError: The buffer is read-only or not contiguous.

        See "What a block promises" in docs/protocol.md.
        """
        return self.client.readinto(self.handle, buffer, offset, progress=progress)

    def fill(self, byte: int, offset: int = 0, size: int | None = None) -> int:
        """Set bytes of the block to one value.

        Args:
            byte: The value of each byte, 0 to 255.
            offset: Where to begin, in bytes from the start of the block.
            size: How many bytes; None means to the end of the block.

        Returns:
            How many bytes were set.

        Raises:
            NotFound: The block was freed.
            OutOfRange: The range is not inside the block.
            LocalProtocolError: `byte` is not a byte.

        See "Commands" in docs/protocol.md.
        """
        return self.client.fill(self.handle, byte, offset, size)

    def copy_from(
        self, block: Block, source_offset: int = 0, offset: int = 0, size: int | None = None
    ) -> int:
        """Copy bytes of a block into this one; the ranges may overlap.

        The bytes do not leave the server.

        Args:
            block: The block to copy from; it may be this one.
            source_offset: Where to begin there, in bytes.
            offset: Where to write in this block, in bytes.
            size: How many bytes, at most 16 MiB; None means to the end of `block`.

        Returns:
            How many bytes were copied.

        Raises:
            NotFound: A block was freed.
            OutOfRange: A range is not inside its block; nothing was changed.
            TooLarge: `size` is more than 16 MiB.

        See "Commands" in docs/protocol.md.
        """
        return self.client.copy(block.handle, source_offset, self.handle, offset, size)

    def compare_swap(self, offset: int, expected: bytes, desired: bytes) -> bytes:
        """Replace 8 bytes if they are what is expected, in one step.

        Args:
            offset: Where the 8 bytes are, in bytes from the start of the block.
            expected: The 8 bytes that must be there.
            desired: The 8 bytes to write.

        Returns:
            The 8 bytes that were there; equal to `expected` if they were replaced.

        Raises:
            NotFound: The block was freed.
            OutOfRange: The 8 bytes are not inside the block.
            LocalProtocolError: `expected` or `desired` are not 8 bytes.

        See "Commands" in docs/protocol.md.
        """
        return self.client.compare_swap(self.handle, offset, expected, desired)

    def fetch_add(self, offset: int, delta: int) -> int:
        """Add to a number of 8 bytes, in one step.

        The number is unsigned and big-endian, and wraps at 2**64.

        Args:
            offset: Where the number is, in bytes from the start of the block.
            delta: What to add, -2**63 to 2**63 - 1.

        Returns:
            The number that was there before.

        Raises:
            NotFound: The block was freed.
            OutOfRange: The 8 bytes are not inside the block.
            LocalProtocolError: `delta` does not fit 64 bits.

        See "Commands" in docs/protocol.md.
        """
        return self.client.fetch_add(self.handle, offset, delta)

    def info(self) -> BlockInfo:
        """Size, flags and time of creation of the block.

        Raises:
            NotFound: The block was freed.

        See "Commands" in docs/protocol.md.
        """
        return self.client.info(self.handle)

    def resize(self, size: int) -> None:
        """Resize the block.

        What it held stays; bytes that are added are zeroed.

        Args:
            size: The new size in bytes, at least 1.

        Raises:
            NotFound: The block was freed.
            NoMemory: The server's memory limit is reached.
            InvalidRequest: `size` is 0.

        See "Commands" in docs/protocol.md.
        """
        self.client.realloc(self.handle, size)

    def free(self) -> None:
        """Free the block and wipe its bytes.

        Raises:
            NotFound: The block was freed already.

        See "Commands" in docs/protocol.md.
        """
        self.client.free(self.handle)

"""What blocks are, in the simplest words: bytearrays under handles.

Rule: the one model of a block for all stateful tests.  It refuses as a server
does, and knows no store, no order of answers and no limit.
"""

from __future__ import annotations

from ether_protocol import NotFound, OutOfRange

WORD_BYTES = 8


class BlockModel:
    """Blocks by handle, carried out at once."""

    def __init__(self) -> None:
        self.blocks: dict[int, bytearray] = {}

    def add(self, handle: int, size: int) -> None:
        """A zeroed block; whoever is modelled chose the handle."""
        assert handle not in self.blocks
        self.blocks[handle] = bytearray(size)

    def block(self, handle: int) -> bytearray:
        """The bytes under `handle`; raises NotFound."""
        if handle not in self.blocks:
            raise NotFound(f"no block has handle {handle}")
        return self.blocks[handle]

    def range(self, handle: int, offset: int, size: int) -> bytearray:
        """The block, if the range lies inside it; raises NotFound and OutOfRange."""
        block = self.block(handle)
        if offset + size > len(block):
            raise OutOfRange(f"{size} bytes at {offset} are not inside {len(block)}")
        return block

    def total_bytes(self) -> int:
        """The size of all blocks together."""
        return sum(map(len, self.blocks.values()))

    def free(self, handle: int) -> int:
        """Returns the handle."""
        self.block(handle)
        del self.blocks[handle]
        return handle

    def realloc(self, handle: int, size: int) -> int:
        """Returns the new size."""
        block = self.block(handle)
        block[:] = block[:size].ljust(size, b"\0")
        return size

    def list(self) -> list[tuple[int, int]]:
        """(handle, size) of all blocks."""
        return [(handle, len(block)) for handle, block in sorted(self.blocks.items())]

    def read(self, handle: int, offset: int, size: int) -> bytes:
        """The bytes, cut at the end of the block."""
        block = self.range(handle, offset, 0)
        return bytes(block[offset : offset + size])

    def write(self, handle: int, offset: int, data: bytes) -> int:
        """Returns how many bytes."""
        self.range(handle, offset, len(data))[offset : offset + len(data)] = data
        return len(data)

    def fill(self, handle: int, offset: int, size: int, byte: int) -> int:
        """Returns how many bytes."""
        self.range(handle, offset, size)[offset : offset + size] = bytes([byte]) * size
        return size

    def copy(self, source: int, source_offset: int, target: int, offset: int, size: int) -> int:
        """Returns how many bytes."""
        self.block(target)
        taken = self.range(source, source_offset, size)[source_offset : source_offset + size]
        self.range(target, offset, size)[offset : offset + size] = taken
        return size

    def compare_swap(self, handle: int, offset: int, expected: bytes, desired: bytes) -> bytes:
        """Returns what stood there."""
        block = self.range(handle, offset, WORD_BYTES)
        found = bytes(block[offset : offset + WORD_BYTES])
        if found == expected:
            block[offset : offset + WORD_BYTES] = desired
        return found

    def fetch_add(self, handle: int, offset: int, delta: int) -> int:
        """Returns what stood there."""
        block = self.range(handle, offset, WORD_BYTES)
        found = int.from_bytes(block[offset : offset + WORD_BYTES], "big")
        block[offset : offset + WORD_BYTES] = ((found + delta) % 2**64).to_bytes(WORD_BYTES, "big")
        return found

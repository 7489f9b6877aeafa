"""What commands give back, as plain values.

Rule: data only; how a result looks is `render`'s and `jsonlines`' business.
The fields of each class are, in their order, the keys of its JSON line.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .declaration import Command


@dataclass(frozen=True, slots=True)
class Piece:
    """Some bytes of a block, from `offset` on."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """Bytes of a block that were left out, from `offset` on."""

    offset: int
    size: int


Part = Piece | Gap


@dataclass(frozen=True, slots=True)
class Pong:
    """The server answered within `ms` milliseconds."""

    ms: float


@dataclass(frozen=True, slots=True)
class Greeting:
    """What the server says of itself."""

    server: str
    version: str
    max_payload_bytes: int
    max_memory_bytes: int
    max_handles: int
    auth_needed: bool
    features: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counters:
    """The server's counters by name."""

    stats: dict[str, int]


@dataclass(frozen=True, slots=True)
class Allocated:
    """A new block of `size` zeroed bytes."""

    handle: int
    size: int


@dataclass(frozen=True, slots=True)
class Freed:
    """A block is gone."""

    handle: int


@dataclass(frozen=True, slots=True)
class Resized:
    """A block now has `size` bytes."""

    handle: int
    size: int


@dataclass(frozen=True, slots=True)
class Described:
    """A block's size in bytes, whether it dies with its connection, and its birth."""

    handle: int
    size: int
    session: bool
    created_ms: int


@dataclass(frozen=True, slots=True)
class Listing:
    """`count` blocks exist; (handle, size) of those asked for, fetched as they are taken."""

    count: int
    blocks: Iterable[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Written:
    """`size` bytes were written at `offset`."""

    handle: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Filled:
    """`size` bytes from `offset` on were set to `byte`."""

    handle: int
    offset: int
    size: int
    byte: int


@dataclass(frozen=True, slots=True)
class Copied:
    """`size` bytes went from one range to another."""

    source: int
    source_offset: int
    handle: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes of a block, to be shown as `form` says; `parts` are fetched as they are taken."""

    handle: int
    offset: int
    size: int
    parts: Iterable[Part]
    form: str


@dataclass(frozen=True, slots=True)
class Compared:
    """`found` are the 8 bytes that stood there; if they were as expected they are no more."""

    handle: int
    offset: int
    swapped: bool
    found: bytes


@dataclass(frozen=True, slots=True)
class Added:
    """The number at `offset` was `before` and is `after`."""

    handle: int
    offset: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Manual:
    """Help on one command, or on all."""

    commands: tuple[Command, ...]
    topic: Command | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """The shell is to end."""


Result = (
    Pong
    | Greeting
    | Counters
    | Allocated
    | Freed
    | Resized
    | Described
    | Listing
    | Written
    | Filled
    | Copied
    | Bytes
    | Compared
    | Added
    | Manual
    | Leave
)

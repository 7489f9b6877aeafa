"""Sizes, moments and counts in words that people read.

Rule: a value in, a few words out.
"""

from __future__ import annotations

from datetime import UTC, datetime

from ether_protocol import format_size


def moment(milliseconds: int) -> str:
    """A time in milliseconds since 1970 UTC, as ISO 8601; the number where it is no date."""
    try:
        when = datetime.fromtimestamp(milliseconds // 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return str(milliseconds)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}Z"


def size_of(size: int) -> str:
    """Bytes for a person: `5 B`, and with the exact number where the unit hides it."""
    return format_size(size) if size < 1024 else f"{format_size(size)} ({size:,} bytes)"


def blocks(count: int) -> str:
    """`1 block`, `2 blocks`."""
    return f"{count:,} block{'' if count == 1 else 's'}"

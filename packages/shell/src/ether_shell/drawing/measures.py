"""Sizes, times and counts as users read them.

Rule: pure; a value in, a few words out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from ether_protocol import format_size


def moment(milliseconds: int) -> str:
    """A time in milliseconds since 1970 UTC as ISO 8601; the number where it is out of range."""
    try:
        when = datetime.fromtimestamp(milliseconds // 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return str(milliseconds)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}Z"


def size_of(size: int) -> str:
    """A number of bytes: `5 B`, with the exact number where the unit hides it."""
    return format_size(size) if size < 1024 else f"{format_size(size)} ({size:,} bytes)"


def blocks(count: int) -> str:
    """`1 block`, `2 blocks`."""
    return f"{count:,} block{'' if count == 1 else 's'}"


def duration(nanoseconds: float) -> str:
    """A short time: `48.2 µs`, `1.23 ms`, `2.00 s`."""
    for least, unit in ((1e9, "s"), (1e6, "ms"), (1e3, "µs")):
        if nanoseconds >= least:
            value = nanoseconds / least
            return f"{value:.2f} {unit}" if value < 10 else f"{value:.4g} {unit}"
    return f"{nanoseconds:.0f} ns"


def bar(share: float, columns: int) -> str:
    """A bar over a `share` of `columns`, to an eighth of a column; empty only for 0."""
    eighths = round(share * columns * 8) or (1 if share > 0 else 0)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def sparkline(values: Sequence[int]) -> str:
    """A row of bars as high as `values`; the highest fills the line."""
    most = max(values, default=0)
    return "".join("▁▂▃▄▅▆▇█"[round(value / most * 7)] if most else "▁" for value in values)


def span(seconds: int) -> str:
    """A long time in its two largest units: `3 d 4 h`, `2 m 5 s`."""
    units = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))
    index = next((i for i, (_, size) in enumerate(units) if seconds >= size), len(units) - 1)
    words = []
    for name, size in units[index : index + 2]:
        count, seconds = divmod(seconds, size)
        words.append(f"{count} {name}")
    return " ".join(words)

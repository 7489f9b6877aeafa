"""Sizes as people write them: `64MiB` is 67,108,864 bytes.

Rule: one grammar for flags, configuration files and the shell.  Units are
powers of 1024, with or without the `i`.
"""

from __future__ import annotations

import re

_UNITS = "kmgtpe"
_SIZE = re.compile(r"(\d{1,30}(?:\.\d{1,30})?)\s*(?:([kmgtpe])(?:i?b)?|b)?", re.I | re.ASCII)


def parse_size(text: str) -> int:
    """Parse a size.

    Args:
        text: A number of bytes such as `4096` or `0x1000`, or a number with a
            unit such as `64KiB`, `64k` or `1.5g`.  Units are powers of 1024
            from K to E; case, spaces and underscores do not matter.

    Returns:
        The size in bytes.

    Raises:
        ValueError: `text` is not a size, or not a whole number of bytes; the
            message can be shown to users.
    """
    words = text.strip().replace("_", "")
    if re.fullmatch(r"0x[0-9a-f]+", words, re.I | re.ASCII):
        return int(words, 16)
    match = _SIZE.fullmatch(words)
    if match is None:
        raise ValueError(f"{text!r} is not a size: write bytes or a unit, such as 4096 or 64MiB")
    number, unit = match.groups()
    factor = 1 << (10 * (1 + _UNITS.index(unit.lower())) if unit else 0)
    whole, _, part = number.partition(".")
    size = int(whole) * factor
    if part:
        fraction = int(part) * factor
        if fraction % 10 ** len(part):
            raise ValueError(f"{text!r} is not a whole number of bytes")
        size += fraction // 10 ** len(part)
    return size


def format_size(size: int) -> str:
    """Format a size for people, rounded to at most six characters and a unit: `4.0 KiB`.

    Args:
        size: A number of bytes, from 0 on.

    Returns:
        The size in bytes below 1,024, else in KiB to EiB with one decimal.
    """
    if size < 1024:
        return f"{size} B"
    amount = float(size)
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB"):
        amount /= 1024
        # 1023.95 and more would be printed as 1024.0.
        if amount < 1023.95 or unit == "EiB":
            break
    return f"{amount:.1f} {unit}"

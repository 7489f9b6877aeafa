"""Sizes as people write them: `64MiB` is 67,108,864 bytes.

Rule: one grammar for flags, configuration files and the shell; units are
powers of 1024 with or without the `i`, as in redis.conf and `malloc` talk.
"""

from __future__ import annotations

import re

_UNITS = "kmgtpe"
_SIZE = re.compile(r"(\d{1,30}(?:\.\d{1,30})?)\s*(?:([kmgtpe])(?:i?b)?|b)?", re.I | re.ASCII)


def parse_size(text: str) -> int:
    """The number of bytes that `text` names: `4096`, `0x1000`, `64KiB`, `1.5g`.

    Raises ValueError with a sentence for a person.
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
    """`size` bytes for a person, in at most six characters and a unit: `4.0 KiB`."""
    if size < 1024:
        return f"{size} B"
    amount = float(size)
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB"):
        amount /= 1024
        # From 1023.95 on it would be printed as 1024.0.
        if amount < 1023.95 or unit == "EiB":
            break
    return f"{amount:.1f} {unit}"

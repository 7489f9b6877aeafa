"""Names of files that begin with what was typed.

Rule: completion looks at the disk only here, and the cost is bounded: one folder, and no more
of its entries than `most`. A folder that can't be read has no entries.
"""

from __future__ import annotations

import os
from itertools import islice
from typing import Final

MOST_ENTRIES: Final = 2_000
"""Entries of a folder that are looked at; a longer menu would not help."""

_NOT_IN_A_WORD: Final = frozenset("\"'#")


def paths(typed: str, most: int = MOST_ENTRIES) -> list[str]:
    """The paths that begin with `typed`, sorted; that of a folder ends in `/`.

    Hidden files are included where a dot was typed. Names that can't be written as a bare
    word are left out. At most `most` entries of the folder are looked at.
    """
    folder, name = os.path.split(typed)
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:
            found = [
                entry.name + ("/" if entry.is_dir() else "")
                for entry in islice(entries, most)
                if entry.name.startswith(name)
                and (name.startswith(".") or not entry.name.startswith("."))
                and _is_word(entry.name)
            ]
    except (OSError, ValueError):
        return []
    before = typed[: len(typed) - len(name)]
    return sorted(before + each for each in found)


def _is_word(name: str) -> bool:
    return name.isprintable() and " " not in name and not _NOT_IN_A_WORD & set(name)

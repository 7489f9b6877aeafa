"""Names of files that begin as what was typed.

Rule: the one look at the disk that a key may cause, and it is bounded: one
folder, not more of it than a moment allows, and what can't be read is empty.
"""

from __future__ import annotations

import os
from itertools import islice
from typing import Final

MOST_ENTRIES: Final = 2_000
"""Entries of a folder that are looked at; nobody picks one of more from a menu."""

_OUT_OF_PLACE: Final = frozenset("\"'#")


def paths(typed: str) -> list[str]:
    """The paths that `typed` is the beginning of, sorted; a folder's ends in `/`.

    Hidden files are among them where a dot was typed.  Names that a bare word
    can't spell are left out.
    """
    folder, name = os.path.split(typed)
    try:
        with os.scandir(os.path.expanduser(folder) or ".") as entries:
            found = [
                entry.name + ("/" if entry.is_dir() else "")
                for entry in islice(entries, MOST_ENTRIES)
                if entry.name.startswith(name)
                and (name.startswith(".") or not entry.name.startswith("."))
                and _is_word(entry.name)
            ]
    except (OSError, ValueError):
        return []
    before = typed[: len(typed) - len(name)]
    return sorted(before + each for each in found)


def _is_word(name: str) -> bool:
    return name.isprintable() and " " not in name and not _OUT_OF_PLACE & set(name)

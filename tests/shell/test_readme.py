"""The README of the package names every file, and no others."""

from __future__ import annotations

import re
from pathlib import Path

import ether_shell

README = Path(__file__).parents[2] / "packages" / "shell" / "README.md"
SOURCE = Path(ether_shell.__file__).parent


def test_every_file_has_its_place_in_the_readme() -> None:
    table = README.read_text("utf-8").partition("From the bottom to the top:")[2]
    named = set(re.findall(r"([\w/]+\.py)", table))
    files = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if path.name != "__init__.py"
    }
    # A file is named with its folder, or after another file of the same row.
    assert {name for name in files if not _is_named(name, named, table)} == set()
    names = {Path(name).name for name in files}
    assert {name for name in named if Path(name).name not in names} == set()


def _is_named(file: str, named: set[str], table: str) -> bool:
    if file in named:
        return True
    folder, _, name = file.rpartition("/")
    rows = [row for row in table.splitlines() if f"`{folder}/" in row]
    # The themes of `views` have the names of those of `commands`.
    listed = any(f"`{name}`" in row for row in rows)
    return listed or (folder == "views" and f"`{name}`" in table)

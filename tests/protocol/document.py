"""docs/protocol.md, as data.

Rule: nothing here knows the code; the tests compare the two.
"""

from __future__ import annotations

from pathlib import Path

_DOCUMENT = Path(__file__).parents[2] / "docs" / "protocol.md"


def section(title: str) -> str:
    """The text under the heading `title`, up to the next heading of any level."""
    lines = iter(_DOCUMENT.read_text(encoding="utf-8").splitlines())
    for line in lines:
        if line.startswith("#") and line.lstrip("# ") == title:
            break
    else:
        raise LookupError(f"{_DOCUMENT} has no section {title!r}")
    body: list[str] = []
    for line in lines:
        if line.startswith("#"):
            break
        body.append(line)
    return "\n".join(body)


def rows(title: str) -> list[list[str]]:
    """The cells of every table row under the heading `title`, without the head of a table."""
    found: list[list[str]] = []
    for line in section(title).splitlines():
        if not line.startswith("|"):
            continue
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if set("".join(cells)) <= set("- "):
            found.pop()  # the line above was the head
        else:
            found.append(cells)
    return found

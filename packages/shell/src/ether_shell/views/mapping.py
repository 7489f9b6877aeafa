"""How all blocks look in one picture: as many cells as their share of the bytes.

    *1██████████████████4▒▒▒▒▒▒▒5░░░░░░░░░░░▒

or, where a picture is of no use, as a list.

Rule: pure.  One's own blocks have another sign than others', not only another colour.
"""

from __future__ import annotations

from typing import Any, Final

from ether_protocol import format_size
from ether_shell.commands.mapping import Mapped, Share

from .look import Look, Looks, Note, Output, View
from .measures import blocks

ROWS: Final = 8
_OWN, _OTHERS = "█▓", "░▒"
"""What fills the cells of blocks, by turns, so that neighbours differ."""


def _mapped(result: Mapped, view: View) -> Output:
    columns = max(10, view.columns - 1)  # a full line would wrap on some terminals
    total = sum(block.size for block in result.blocks)
    used = format_size(result.used_bytes)
    limit = f" of {format_size(result.limit_bytes)}" if result.limit_bytes else ""
    yield view.paint("heading", f"{blocks(len(result.blocks))}, {used}{limit} in use")
    if not total:
        return
    if not view.pictures:
        yield from _list(result.blocks, total)
        return
    runs = placed(result.blocks, columns * ROWS)
    yield from _lines(runs, columns, view)
    unseen = len(result.blocks) - len(runs)
    cell = format_size(max(1, total // (columns * ROWS)))
    less = f"; {blocks(unseen)} too small to be seen" if unseen else ""
    yield Note(f"{_OWN} and * yours, {_OTHERS} others; a cell is about {cell}{less}")


def _list(shares: tuple[Share, ...], total: int) -> Output:
    """The same in words, for a screen reader, a dumb terminal or a pipe: largest first."""
    for share in sorted(shares, key=lambda share: -share.size):
        whose = "yours" if share.own else "another's"
        part = 100 * share.size / total
        yield f"{share.handle} {share.size} {part:.1f}% {whose}"


def placed(shares: tuple[Share, ...], cells: int) -> list[tuple[Share, int]]:
    """Blocks with the number of cells that each gets; those that would get none are left out."""
    total = sum(share.size for share in shares)
    runs = []
    before = drawn = 0
    for share in shares:
        before += share.size
        end = (before * cells + total // 2) // total
        if end > drawn:
            runs.append((share, end - drawn))
            drawn = end
    return runs


def _lines(runs: list[tuple[Share, int]], columns: int, view: View) -> Output:
    line, room = "", columns
    for index, (share, count) in enumerate(runs):
        fill = (_OWN if share.own else _OTHERS)[index % 2]
        label = f"{'*' if share.own else ''}{share.handle}"
        text = (label if len(label) < min(count, room) else "").ljust(count, fill)
        while text:
            part, text = text[:room], text[room:]
            line += view.paint("own", part) if share.own else part
            room -= len(part)
            if not room:
                yield line
                line, room = "", columns
    if line:
        yield line


def _mapped_json(result: Mapped) -> dict[str, Any]:
    return {
        "used_bytes": result.used_bytes,
        "limit_bytes": result.limit_bytes,
        "blocks": [
            {"handle": each.handle, "size": each.size, "own": each.own} for each in result.blocks
        ],
    }


LOOKS: Final[Looks] = {Mapped: Look(_mapped, _mapped_json)}

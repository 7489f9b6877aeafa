"""How the map of all blocks looks: each takes cells in proportion to its size.

    *1██████████████████4▒▒▒▒▒▒▒5░░░░░░░░░░░▒

or, where nothing can be redrawn, a list.

Rule: pure. Blocks of this session differ from others by a sign, not only by colour.
"""

from __future__ import annotations

from typing import Any, Final

from ether_protocol import format_size
from ether_shell.commands.block_map import BlockMap, BlockShare
from ether_shell.drawing.measures import blocks

from .renderer import Note, Renderer, Renderers, Rendering, View

ROWS: Final = 8
_OWN, _OTHERS = "█▓", "░▒"
"""The two shades of cells, in turn, so that neighbours differ."""


def _mapped(result: BlockMap, view: View) -> Rendering:
    columns = max(10, view.columns - 1)  # a full line would wrap on some terminals
    total = sum(block.size for block in result.blocks)
    used = format_size(result.used_bytes)
    limit = f" of {format_size(result.limit_bytes)}" if result.limit_bytes else ""
    yield view.paint("heading", f"{blocks(len(result.blocks))}, {used}{limit} in use")
    if not total:
        return
    if not view.redraws:
        yield from _list(result.blocks, total)
        return
    runs = placed(result.blocks, columns * ROWS)
    yield from _lines(runs, columns, view)
    unseen = len(result.blocks) - len(runs)
    cell = format_size(max(1, total // (columns * ROWS)))
    less = f"; {blocks(unseen)} too small to be seen" if unseen else ""
    yield Note(f"{_OWN} and * yours, {_OTHERS} others; a cell is about {cell}{less}")


def _list(shares: tuple[BlockShare, ...], total: int) -> Rendering:
    """The blocks as a list, for screen readers, dumb terminals and pipes; largest first."""
    for share in sorted(shares, key=lambda share: -share.size):
        whose = "yours" if share.own else "another's"
        part = 100 * share.size / total
        yield f"{share.handle} {share.size} {part:.1f}% {whose}"


def placed(shares: tuple[BlockShare, ...], cells: int) -> list[tuple[BlockShare, int]]:
    """Blocks with their number of cells; blocks without a cell are left out."""
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


def _lines(runs: list[tuple[BlockShare, int]], columns: int, view: View) -> Rendering:
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


def _mapped_json(result: BlockMap) -> dict[str, Any]:
    return {
        "used_bytes": result.used_bytes,
        "limit_bytes": result.limit_bytes,
        "blocks": [
            {"handle": each.handle, "size": each.size, "own": each.own} for each in result.blocks
        ],
    }


RENDERERS: Final[Renderers] = {BlockMap: Renderer(_mapped, _mapped_json)}

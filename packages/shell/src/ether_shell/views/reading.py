"""How bytes look that were read: as hex, text, base64, or as they are.

Rule: pure, and lazy: no more than one part is held.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from typing import Any, Final

from ether_shell.commands.reading import Bytes
from ether_shell.drawing import hex_rows
from ether_shell.drawing.safe_text import safe_text
from ether_shell.operations.ranges import DataPart

from .renderer import Note, Renderer, Renderers, Rendering, View, encoded


def _bytes(result: Bytes, view: View) -> Rendering:
    return _FORMS[result.form](result, view)


def _as_hex(result: Bytes, view: View) -> Rendering:
    each = hex_rows.row_bytes(view.columns)
    yield from hex_rows.rows(result.parts, view.paint, each, result.changed)
    if not result.size:
        yield Note("0 bytes")


def _as_text(result: Bytes, view: View) -> Rendering:
    if view.terminal:
        yield from _safely(result, view)
        return
    last = b"\n"
    for data in _pieces(result):
        yield data
        last = data[-1:] or last
    if last != b"\n":
        yield b"\n"


def _safely(result: Bytes, view: View) -> Rendering:
    for text in safe_text(result.parts, view.paint):
        yield text.encode("utf-8", "backslashreplace")


def _as_raw(result: Bytes, view: View) -> Rendering:
    if not view.terminal:
        yield from _pieces(result)
        return
    yield from _safely(result, view)
    yield Note("escaped, because this is a terminal: raw bytes go to a pipe or a file")


def _as_base64(result: Bytes, view: View) -> Rendering:
    for part in result.parts:
        if isinstance(part, DataPart):
            yield base64.b64encode(part.data)
        else:
            yield f"\n{hex_rows.gap_line(part, view.paint)}"
    yield b"\n"


def _pieces(result: Bytes) -> Iterator[bytes]:
    for part in result.parts:
        if isinstance(part, DataPart):
            yield part.data


def _bytes_json(result: Bytes) -> dict[str, Any]:
    data = b"".join(_pieces(result))
    return {
        "handle": result.handle,
        "offset": result.offset,
        "size": len(data),
        "data": encoded(data),
    }


_FORMS: dict[str, Callable[[Bytes, View], Rendering]] = {
    "hex": _as_hex,
    "text": _as_text,
    "base64": _as_base64,
    "raw": _as_raw,
}
"""The forms of `read --as`, and how each shows bytes."""

RENDERERS: Final[Renderers] = {Bytes: Renderer(_bytes, _bytes_json)}

"""The text view for a terminal: printable characters as they are, all others escaped.

Rule: the content of a block never reaches a terminal as a control character, and a character
that was cut in two by a step is put together again. Long runs of zero bytes, which are common
in blocks, are counted: `⟨1,024 × \\0⟩`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

from ether_shell.language.escapes import escape
from ether_shell.operations.ranges import Gap, Part

from .hex_rows import gap_line
from .style import Paint, plain

_NOT_ESCAPED = '\n\t"'
_ZEROS = re.compile("(\0{8,})")


def safe_text(parts: Iterable[Part], paint: Paint = plain) -> Iterator[str]:
    """`parts` as text that ends in a newline."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    last = ""
    for part in parts:
        if isinstance(part, Gap):
            shown = _safe(decoder.decode(b"", True), paint)
            decoder.reset()
            if (shown[-1:] or last) != "\n":
                shown += "\n"
            shown += f"{gap_line(part, paint)}\n"
        else:
            shown = _safe(decoder.decode(part.data), paint)
        last = shown[-1:] or last
        yield shown
    rest = _safe(decoder.decode(b"", True), paint)
    yield rest if (rest[-1:] or last) == "\n" else f"{rest}\n"


def _safe(text: str, paint: Paint) -> str:
    pieces = _ZEROS.split(text)
    for index, piece in enumerate(pieces):
        run = index % 2  # split() puts the matches of the group at odd indices
        pieces[index] = (
            paint("zero", f"⟨{len(piece):,} × \\0⟩") if run else escape(piece, _NOT_ESCAPED)
        )
    return "".join(pieces)

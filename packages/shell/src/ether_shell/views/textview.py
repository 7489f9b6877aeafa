"""The text view for a terminal: printable characters as they are, all others escaped.

Rule: what a block holds never reaches a terminal as a control character, and
never as half a character where one was cut in two by a step.  Long runs of
zero bytes, which blocks are full of, are counted: `⟨1,024 × \\0⟩`.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable, Iterator

from ether_shell.commands.ranges import Gap, Part
from ether_shell.language.escapes import escape

from .hexview import gap_line
from .style import Paint, plain

_AS_THEY_ARE = '\n\t"'
_ZEROS = re.compile("(\0{8,})")


def safe_text(parts: Iterable[Part], paint: Paint = plain) -> Iterator[str]:
    """`parts` as text, ending in a newline."""
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
        run = index % 2  # what stands in the group of a split pattern comes second
        pieces[index] = (
            paint("zero", f"⟨{len(piece):,} × \\0⟩") if run else escape(piece, _AS_THEY_ARE)
        )
    return "".join(pieces)

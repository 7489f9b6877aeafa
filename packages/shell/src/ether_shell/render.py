"""Results as text for people.

Rule: pure.  A result goes in, output comes out: a `str` is a line of data,
`bytes` are data to the letter, a `Note` is for the person and not data.
What a program may want from a pipe is never inside a sentence there.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ether_protocol import format_size

from . import hexview, manual, results
from .results import Piece, Result
from .style import Paint, plain
from .textview import safe_text


@dataclass(frozen=True, slots=True)
class Note:
    """A line for a person, beside the data."""

    text: str


@dataclass(frozen=True, slots=True)
class View:
    """How the output is looked at: by a person on a `terminal` or by a program, in what colour.

    A line has `columns`; what is not for a terminal never gets narrower than by default.
    """

    terminal: bool = False
    paint: Paint = plain
    columns: int = 80


Output = Iterator[str | bytes | Note]


def render(result: Result, view: View) -> Output:
    """What to write for `result`."""
    return _RENDERERS[type(result)](result, view)


def moment(milliseconds: int) -> str:
    """A time in milliseconds since 1970 UTC, as ISO 8601; the number where it is no date."""
    try:
        when = datetime.fromtimestamp(milliseconds // 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return str(milliseconds)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03}Z"


def size_of(size: int) -> str:
    """Bytes for a person: `5 B`, and with the exact number where the unit hides it."""
    return format_size(size) if size < 1024 else f"{format_size(size)} ({size:,} bytes)"


def _pong(result: results.Pong, _: View) -> Output:
    yield f"pong, {result.ms:.2f} ms"


def _table(rows: dict[str, str]) -> Output:
    width = max(map(len, rows), default=0)
    for name, value in rows.items():
        yield f"{name:<{width}}  {value}"


def _greeting(result: results.Greeting, _: View) -> Output:
    rows = {
        "server": f"{result.server} {result.version}",
        "largest payload": size_of(result.max_payload_bytes),
        "memory limit": size_of(result.max_memory_bytes) if result.max_memory_bytes else "none",
        "handle limit": f"{result.max_handles:,}" if result.max_handles else "none",
        "authentication": "needed" if result.auth_needed else "not needed",
    }
    if result.features:
        rows["features"] = ", ".join(result.features)
    return _table(rows)


def _counters(result: results.Counters, _: View) -> Output:
    width = max(map(len, result.stats), default=0)
    for name, value in result.stats.items():
        human = f"  {format_size(value)}" if name.endswith("_bytes") and value >= 1024 else ""
        yield f"{name:<{width}}  {value}{human}"


def _allocated(result: results.Allocated, view: View) -> Output:
    yield f"handle {result.handle}, {size_of(result.size)}" if view.terminal else f"{result.handle}"


def _freed(result: results.Freed, _: View) -> Output:
    yield Note(f"freed {result.handle}")


def _resized(result: results.Resized, _: View) -> Output:
    yield Note(f"handle {result.handle} now has {size_of(result.size)}")


def _described(result: results.Described, _: View) -> Output:
    return _table(
        {
            "handle": f"{result.handle}",
            "size": size_of(result.size),
            "session": "yes, freed with its connection" if result.session else "no",
            "created": moment(result.created_ms),
        }
    )


def _listing(result: results.Listing, view: View) -> Output:
    shown = total = width = 0
    for handle, size in result.blocks:
        width = width or len(str(handle)) + 4
        line = f"{handle:>{width}}  {size:>15,}  {format_size(size)}"
        yield line if view.terminal else f"{handle} {size}"
        shown += 1
        total += size
    if shown < result.count:
        yield Note(f"… {result.count - shown:,} more of {result.count:,} blocks; list --all")
    else:
        yield Note(f"{blocks(shown)}, {format_size(total)}" if shown else "no blocks")


def blocks(count: int) -> str:
    """`1 block`, `2 blocks`."""
    return f"{count:,} block{'' if count == 1 else 's'}"


def _written(result: results.Written, _: View) -> Output:
    yield Note(f"wrote {size_of(result.size)} at {result.offset} in {result.handle}")


def _filled(result: results.Filled, _: View) -> Output:
    yield Note(
        f"filled {size_of(result.size)} at {result.offset} in {result.handle}"
        f" with 0x{result.byte:02x}"
    )


def _copied(result: results.Copied, _: View) -> Output:
    yield Note(
        f"copied {size_of(result.size)} from {result.source_offset} in {result.source}"
        f" to {result.offset} in {result.handle}"
    )


def _compared(result: results.Compared, view: View) -> Output:
    found = f"0x{result.found.hex()}"
    if not view.terminal:
        yield found
        yield Note("swapped" if result.swapped else "not swapped")
    else:
        yield f"swapped, {found} stood there" if result.swapped else f"not swapped: it is {found}"


def _added(result: results.Added, view: View) -> Output:
    yield f"was {result.before}, is {result.after}" if view.terminal else f"{result.before}"


def _manual(result: results.Manual, view: View) -> Output:
    if result.topic is not None:
        yield from manual.page(result.topic, view.paint, view.columns)
    else:
        yield from manual.overview(result.commands, view.paint, view.columns)


def _leave(_: results.Leave, __: View) -> Output:
    return iter(())


def _bytes(result: results.Bytes, view: View) -> Output:
    return _FORMS[result.form](result, view)


def _as_hex(result: results.Bytes, view: View) -> Output:
    yield from hexview.rows(result.parts, view.paint, hexview.row_bytes(view.columns))
    if not result.size:
        yield Note("0 bytes")


def _as_text(result: results.Bytes, view: View) -> Output:
    if view.terminal:
        yield from _safely(result, view)
        return
    last = b"\n"
    for data in _pieces(result):
        yield data
        last = data[-1:] or last
    if last != b"\n":
        yield b"\n"


def _safely(result: results.Bytes, view: View) -> Output:
    for text in safe_text(result.parts, view.paint):
        yield text.encode("utf-8", "backslashreplace")


def _as_raw(result: results.Bytes, view: View) -> Output:
    if not view.terminal:
        yield from _pieces(result)
        return
    yield from _safely(result, view)
    yield Note("escaped, because this is a terminal: raw bytes go to a pipe or a file")


def _as_base64(result: results.Bytes, view: View) -> Output:
    for part in result.parts:
        if isinstance(part, Piece):
            yield base64.b64encode(part.data)
        else:
            yield f"\n{hexview.gap_line(part, view.paint)}"
    yield b"\n"


def _pieces(result: results.Bytes) -> Iterator[bytes]:
    for part in result.parts:
        if isinstance(part, Piece):
            yield part.data


_FORMS: dict[str, Callable[[results.Bytes, View], Output]] = {
    "hex": _as_hex,
    "text": _as_text,
    "base64": _as_base64,
    "raw": _as_raw,
}
"""The words that `read --as` takes, and how each shows bytes."""

_RENDERERS: dict[type[Any], Callable[[Any, View], Output]] = {
    results.Pong: _pong,
    results.Greeting: _greeting,
    results.Counters: _counters,
    results.Allocated: _allocated,
    results.Freed: _freed,
    results.Resized: _resized,
    results.Described: _described,
    results.Listing: _listing,
    results.Written: _written,
    results.Filled: _filled,
    results.Copied: _copied,
    results.Bytes: _bytes,
    results.Compared: _compared,
    results.Added: _added,
    results.Manual: _manual,
    results.Leave: _leave,
}

"""The progress of a long transfer in one line: bar, bytes, rate, time left.

    load ━━━━━━━━━━━━╸           52%   512.0 MiB of 1.0 GiB   640.2 MiB/s   0:01 left

Rule: pure; when it is drawn is decided in `execution.output`.
"""

from __future__ import annotations

from typing import Final

from ether_protocol import format_size

_WIDEST_BAR: Final = 30
_NARROWEST_BAR: Final = 8


def progress_line(verb: str, done: int, total: int | None, seconds: float, columns: int) -> str:
    """The line after `done` of `total` bytes and `seconds`, at most `columns` wide."""
    rate = done / seconds if seconds > 0 else 0.0
    words = [f"{format_size(done)} of {format_size(total)}" if total else format_size(done)]
    if rate:
        words.append(f"{format_size(int(rate))}/s")
        if total:
            words.append(f"{_clock((total - done) / rate)} left")
    said = "   ".join(words)
    if total:
        said = f"{done * 100 // total:>3}%   {said}"
        width = min(_WIDEST_BAR, columns - len(verb) - len(said) - 4)
        if width >= _NARROWEST_BAR:
            said = f"{_bar(done / total, width)}  {said}"
    return f"{verb} {said}"[: max(0, columns - 1)]


def _bar(share: float, width: int) -> str:
    halves = int(min(1.0, share) * width * 2)
    return ("━" * (halves // 2) + "╸" * (halves % 2)).ljust(width)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(min(seconds, 359_999)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

"""How far a long transfer has come, as one line."""

from __future__ import annotations

import pytest

from ether_shell.drawing.progress_line import progress_line

MIB = 1 << 20


@pytest.mark.parametrize(
    ("done", "total", "seconds", "columns", "line"),
    [
        (
            512 * MIB, 1024 * MIB, 4.0, 80,
            "load ━━━━━━━━━╸            50%   512.0 MiB of 1.0 GiB   128.0 MiB/s   0:04 left",
        ),
        (0, 8, 0.0, 80, "load                                   0%   0 B of 8 B"),
        (MIB, None, 2.0, 80, "load 1.0 MiB   512.0 KiB/s"),
        (1, 7200, 1.0, 60, "load             0%   1 B of 7.0 KiB   1 B/s   1:59:59 left"),
        (MIB, 2 * MIB, 1.0, 50, "load  50%   1.0 MiB of 2.0 MiB   1.0 MiB/s   0:01"),
    ],
)  # fmt: skip
def test_the_line(done: int, total: int | None, seconds: float, columns: int, line: str) -> None:
    shown = progress_line("load", done, total, seconds, columns)
    assert (shown, len(shown) < columns) == (line[: columns - 1], True)

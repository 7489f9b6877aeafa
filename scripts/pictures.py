"""Pictures of the real shell in a real terminal, for docs/shell.md.

Each scene of `scenes.py` is played in a pty, and the cells of the terminal at its other end
become an SVG that needs no font of its own.

Rule: what is drawn was on the screen. Only the port and the round trip, which are different each
time, are replaced by a text of the same length. In the pictures of `top`, `watch` and `bench`,
which are about such figures, they stay.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from html import escape
from itertools import groupby
from pathlib import Path

from pyte.screens import Char
from scenes import QUESTION, SCENES, Scene

from harness import Etherd, until
from shell.program import ether_shell
from shell.screen import Screen

FOLDER = Path(__file__).parent.parent / "docs" / "pictures"

CELL_WIDTH, CELL_HEIGHT, MARGIN = 8.4, 18, 12
"""In pixels; the width is that of a monospaced font of 14 pixels."""

BACKGROUND, FOREGROUND = "#1b1e24", "#d8dbe0"
COLOURS = {
    "black": "#1b1e24",
    "red": "#d0474f",
    "green": "#8fbf6a",
    "brown": "#dcb45c",
    "blue": "#5c9fe0",
    "magenta": "#c184d6",
    "cyan": "#58b9c0",
    "white": "#e8eaee",
    "brightblack": "#747c8a",
    "brightred": "#ef6d75",
    "brightgreen": "#a9d886",
    "brightbrown": "#f0cc7a",
    "brightyellow": "#f0cc7a",
    "brightblue": "#82b9f0",
    "brightmagenta": "#d6a4e6",
    "brightcyan": "#7fd3d9",
    "brightwhite": "#ffffff",
}
"""The colours of a terminal by name; all others come as `rrggbb`."""

Row = list[Char]

LINE_ENDS = ("\r", "\n")


def main() -> int:
    """Play the scenes named on the command line, or all, and write their pictures."""
    wanted = set(sys.argv[1:])
    FOLDER.mkdir(exist_ok=True)
    for scene in SCENES:
        if not wanted or scene.name in wanted:
            (FOLDER / f"{scene.name}.svg").write_text(svg(scene.title, play(scene)), "utf-8")
            print(f"docs/pictures/{scene.name}.svg")
    if not wanted:
        for obsolete in set(FOLDER.glob("*.svg")) - {
            FOLDER / f"{each.name}.svg" for each in SCENES
        }:
            obsolete.unlink()
    return 0


def play(scene: Scene) -> list[Row]:
    """The rows of the screen at the end of `scene`."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        daemon = Etherd(home, "--max-memory", "64MiB")
        try:
            return _played(scene, home, daemon.address)
        finally:
            daemon.stop()


def _played(scene: Scene, home: Path, address: str) -> list[Row]:
    for name, data in scene.files.items():
        (home / name).write_bytes(data)
    config = home / ".config" / "ether" / "shell.toml"
    config.parent.mkdir(parents=True)
    config.write_text(scene.config.replace("ADDRESS", address))
    for line in scene.others:
        ether_shell(address, "-c", line, home=home).check_returncode()
    arguments = scene.arguments or (address,)
    with Screen(
        *arguments, home=home, columns=scene.columns, lines=scene.lines, cwd=home
    ) as screen:
        _is_asked(screen, "")
        for keys, seen in scene.steps:
            screen.type(keys)
            screen.sees(seen)
            if keys.endswith(LINE_ENDS) and seen != QUESTION and not scene.ends:
                _is_asked(screen, keys.strip())
        return list(_stable(screen.rows(), address))


def _is_asked(screen: Screen, typed: str) -> None:
    """Wait for the next prompt after the line with `typed`, and its toolbar.

    Keys that come earlier would be echoed by the terminal, not by the program.
    """

    def asked() -> bool:
        screen.take()
        *above, line, toolbar = ["", "", *screen.lines]
        answered = any(each.endswith(typed) for each in above)
        return answered and "> " in f"{line} " and "F1 keys" in toolbar

    until(asked, f"be asked after {typed!r}")


def _stable(rows: list[Row], address: str) -> Iterator[Row]:
    """The rows up to the last that is not empty, without what is different each time."""
    while rows and not any(cell.data.strip() for cell in rows[-1]):
        rows.pop()
    for row in rows:
        text = "".join(cell.data for cell in row)
        text = text.replace(address, "ether.test:9999".ljust(len(address)))
        if "F1 keys" in text or text.startswith("<"):  # the toolbar, a traced reply
            text = re.sub(r"\b\d\.\d\d ms", "0.12 ms", text)
        yield [cell._replace(data=data) for cell, data in zip(row, text, strict=True)]


def svg(title: str, rows: list[Row]) -> str:
    """A picture of `rows`."""
    width = len(rows[0]) * CELL_WIDTH + 2 * MARGIN
    height = len(rows) * CELL_HEIGHT + 2 * MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="100%" height="100%" rx="6" fill="{BACKGROUND}"/>',
        '<g font-family="ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"'
        ' font-size="14" xml:space="preserve">',
    ]
    for number, row in enumerate(rows):
        lines += _drawn(row, MARGIN + number * CELL_HEIGHT)
    return "\n".join([*lines, "</g>", "</svg>", ""])


def _drawn(row: Row, top: int) -> Iterator[str]:
    """Runs of cells with the same style: their background and their text."""
    at = 0
    for style, run in groupby(row, key=_style):
        text = "".join(cell.data for cell in run)
        fore, back, bold, underlined = style
        left, long = MARGIN + at * CELL_WIDTH, len(text) * CELL_WIDTH
        at += len(text)
        if back != BACKGROUND:
            yield (
                f'<rect x="{left:.1f}" y="{top}" width="{long:.1f}" height="{CELL_HEIGHT}"'
                f' fill="{back}"/>'
            )
        if text.strip():
            weight = ' font-weight="bold"' * bold + ' text-decoration="underline"' * underlined
            yield (
                f'<text x="{left:.1f}" y="{top + 13}" textLength="{long:.1f}"'
                f' lengthAdjust="spacingAndGlyphs" fill="{fore}"{weight}>'
                f"{escape(text)}</text>"
            )


def _style(cell: Char) -> tuple[str, str, bool, bool]:
    fore = _colour(cell.fg, FOREGROUND)
    back = _colour(cell.bg, BACKGROUND)
    if cell.reverse:
        fore, back = back, fore
    return fore, back, cell.bold, cell.underscore


def _colour(name: str, default: str) -> str:
    if name == "default":
        return default
    return COLOURS.get(name) or f"#{name}"


if __name__ == "__main__":
    sys.exit(main())

"""docs/shell.md shows every scene there is, and nothing else."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]


def test_every_scene_has_its_picture_and_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(PROJECT / "scripts"))
    names = [scene.name for scene in importlib.import_module("scenes").SCENES]
    shown = re.findall(r"\(pictures/(\w+)\.svg\)", (PROJECT / "docs" / "shell.md").read_text())
    drawn = [path.stem for path in (PROJECT / "docs" / "pictures").glob("*.svg")]
    assert len(names) == len(set(names))
    assert sorted(shown) == sorted(names)
    assert sorted(drawn) == sorted(names)


def test_a_picture_needs_nothing_from_elsewhere() -> None:
    for path in (PROJECT / "docs" / "pictures").glob("*.svg"):
        text = path.read_text("utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "http" not in text
        assert "127.0.0.1" not in text

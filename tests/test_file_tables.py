"""The documents name every folder of the source, and no file that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("protocol", "daemon", "shell")


def folders(package: str) -> set[str]:
    source = ROOT / "packages" / package / "src" / f"ether_{package}"
    return {file.parent.relative_to(source).as_posix() for file in source.rglob("__init__.py")} - {
        "."
    }


def file_names() -> set[str]:
    kinds = ("packages/*/src", "tests", "bench", "scripts", "examples", "torture")
    return {
        file.name for kind in kinds for folder in ROOT.glob(kind) for file in folder.rglob("*.py")
    } | {"noxfile.py"}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_readme_names_every_folder_of_its_package(package: str) -> None:
    text = (ROOT / "packages" / package / "README.md").read_text("utf-8")
    unnamed = {folder for folder in folders(package) if f"{folder.split('/')[-1]}/" not in text}
    assert unnamed == set()


def test_the_architecture_names_every_floor_of_the_daemon_and_the_protocol() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    floors = {
        folder
        for package in ("protocol", "daemon")
        for folder in folders(package)
        if "/" not in folder
    }
    assert {floor for floor in floors if f"{floor}/" not in text} == set()


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "CONTRIBUTING.md",
        "docs/architecture.md",
        "docs/tools.md",
        "docs/performance.md",
        "docs/torture.md",
        "docs/security.md",
        "SECURITY.md",
        *(f"packages/{package}/README.md" for package in PACKAGES),
    ],
)
def test_a_document_names_only_files_that_exist(document: str) -> None:
    named = set(re.findall(r"[\w/]*?(\w+\.py)\b", (ROOT / document).read_text("utf-8")))
    assert named - file_names() == set()

"""What each package takes with it: its licence, its version, a README that needs no repository.

Rule: this reads the files that packages are built from; `nox -s build` builds them.
"""

from __future__ import annotations

import re
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(file.parent for file in ROOT.glob("packages/*/pyproject.toml"))
each_package = pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)

LINK = re.compile(r"\]\((?!https?://)([^)]*)\)")
"""A link of Markdown to anything but an address."""


def project(folder: Path) -> dict[str, Any]:
    """What a package's pyproject.toml says of it."""
    found: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    return found


@each_package
def test_a_package_has_the_licence_in_its_folder(folder: Path) -> None:
    assert project(folder)["license-files"] == ["LICENSE"]
    assert (folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


@each_package
def test_a_readme_has_no_link_that_an_index_could_not_follow(folder: Path) -> None:
    assert LINK.findall((folder / "README.md").read_text()) == []


def test_packages_are_released_together() -> None:
    versions = {project(folder)["version"] for folder in PACKAGES}
    modules = [import_module(f"ether_{folder.name}") for folder in PACKAGES]

    assert {module.__version__ for module in modules} == versions
    (version,) = versions
    for folder in PACKAGES:
        needed = [name for name in project(folder)["dependencies"] if name.startswith("ether-")]
        assert needed == ([] if folder.name == "protocol" else [f"ether-protocol=={version}"])

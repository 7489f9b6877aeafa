"""What the folders of client/ import, and what a program loads that uses one of its names."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import ether_protocol

CLIENT = Path(ether_protocol.__file__).parent / "client"
PACKAGE = "ether_protocol.client"
FORBIDDEN = {
    "core": ("asyncio", "select", "socket", "ssl", f"{PACKAGE}.transports"),
    "transports": ("asyncio",),
    "blocking": ("asyncio", f"{PACKAGE}.aio"),
    "aio": (f"{PACKAGE}.blocking",),
}
FOLDERS_BELOW = {
    "core": ("transports", "blocking", "aio"),
    "transports": ("core", "blocking", "aio"),
}


def imports(path: Path) -> Iterator[str]:
    """What a file imports when it runs; what only a type checker imports is left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for_types = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module
            if not module.endswith("."):
                yield from (f"{module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_a_folder_imports_nothing_that_it_must_not(folder: str) -> None:
    files = sorted((CLIENT / folder).glob("*.py"))
    assert files
    wrong = [*FORBIDDEN[folder], *(f"{PACKAGE}.{name}" for name in FOLDERS_BELOW.get(folder, ()))]
    for path in files:
        for name in imports(path):
            assert not name.startswith(".."), f"{path}: {name}"
            assert not [each for each in wrong if within(name, each)], f"{path} imports {name}"


def within(module: str, package: str) -> bool:
    """Whether `module` is `package` or inside it."""
    return f"{module}.".startswith(f"{package}.")


LOADED = {
    "ether_protocol": (
        *("ether_protocol.client", "ether_protocol.inspect", "ether_protocol.sansio"),
        *("ether_protocol.wire", "asyncio", "construct", "socket"),
    ),
    "ether_protocol.connect": ("asyncio", "construct", "dpkt", "ether_protocol.client.aio", "ssl"),
    "ether_protocol.Pool": ("asyncio", "dpkt", "ether_protocol.client.aio", "ssl"),
    "ether_protocol.connect_async": ("dpkt", "ether_protocol.client.blocking"),
    "ether_protocol.ServerConnection": ("asyncio", "ether_protocol.client", "socket"),
    "ether_protocol.Retry": ("asyncio", "construct", "socket"),
    "ether_protocol.Traced": ("asyncio", "construct", "socket"),
    "ether_protocol.format_fields": ("asyncio", "construct", "socket"),
    "ether_protocol.wire": ("ether_protocol.client", "asyncio", "construct", "socket"),
}


@pytest.mark.parametrize("name", LOADED)
def test_a_program_loads_only_what_its_names_need(name: str) -> None:
    program = f"import sys, ether_protocol; {name}; print(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = ran.stdout.split()
    assert "ether_protocol" in loaded
    assert not [m for m in loaded if any(within(m, unneeded) for unneeded in LOADED[name])]

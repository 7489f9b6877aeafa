"""Imports run one way, and `nox -s lint` finds one that does not."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from harness import command

ROOT = Path(__file__).parents[1]
PACKAGES = ("protocol", "daemon", "shell")


class Tree:
    """A copy of the three packages' sources, with the contracts of their imports."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        shutil.copy(ROOT / "pyproject.toml", folder)
        for name in PACKAGES:
            shutil.copytree(
                ROOT / "packages" / name / "src",
                folder / name,
                ignore=shutil.ignore_patterns("__pycache__"),
            )

    def plant(self, module: str, line: str) -> None:
        """Add an import to `module`."""
        package = module.partition(".")[0].removeprefix("ether_")
        file = self._folder / package / f"{module.replace('.', '/')}.py"
        with file.open("a", encoding="utf-8") as source:
            source.write(f"\n{line}\n")

    def check(self) -> tuple[int, str]:
        """Check the contracts; returns the exit status and what was printed, on one line."""
        ran = subprocess.run(
            [command("lint-imports"), "--no-cache"],
            cwd=self._folder,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(PACKAGES), "COLUMNS": "200"},
            capture_output=True,
            text=True,
        )
        return ran.returncode, " ".join((ran.stdout + ran.stderr).split())


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_every_contract_is_kept(tree: Tree) -> None:
    status, output = tree.check()

    assert "BROKEN" not in output
    assert status == 0


@pytest.mark.parametrize(
    ("module", "line", "broken", "arrow"),
    [
        pytest.param(
            "ether_daemon.stores.contract",
            "from ether_daemon.service import commands",
            "daemon: imports run from command down to settings",
            "ether_daemon.stores.contract -> ether_daemon.service.commands",
            id="upward in the daemon",
        ),
        pytest.param(
            "ether_daemon.stores.contract",
            "from ether_daemon.stores.memory import store",
            "stores: the contract of a store knows no store",
            "ether_daemon.stores.contract -> ether_daemon.stores.memory.store",
            id="from the contract to a store",
        ),
        pytest.param(
            "ether_daemon.service.commands",
            "from ether_protocol.client.blocking import client",
            "daemon: it needs no client and no tool",
            "ether_daemon.service.commands -> ether_protocol.client.blocking.client",
            id="from the daemon to a client",
        ),
        pytest.param(
            "ether_shell.problems",
            "import ether_daemon.settings",
            "packages: the daemon and the shell import the protocol, and never each other",
            "ether_shell.problems -> ether_daemon.settings",
            id="from the shell to the daemon",
        ),
        pytest.param(
            "ether_protocol.wire.codec",
            "from ether_protocol.sansio import receiver",
            "protocol: imports run from the tools down to the wire format",
            "ether_protocol.wire.codec -> ether_protocol.sansio.receiver",
            id="upward in the protocol",
        ),
        pytest.param(
            "ether_protocol.client.blocking.client",
            "from ether_protocol.client.aio import channel",
            "protocol: the blocking and the asyncio client share core and transports, "
            "not each other",
            "ether_protocol.client.blocking.client -> ether_protocol.client.aio.channel",
            id="between the clients",
        ),
        pytest.param(
            "ether_protocol.client.core.operations",
            "def late(): import asyncio",
            "protocol: what is sans-IO opens no socket and knows no event loop",
            "ether_protocol.client.core.operations -> asyncio",
            id="from the core to asyncio, inside a function",
        ),
        pytest.param(
            "ether_protocol.wire.messages",
            "from ether_protocol.wire import bodies",
            "circles: there is none, in any folder",
            "No cycles are allowed in ether_protocol.wire.",
            id="a circle",
        ),
    ],
)
def test_a_planted_import_is_found(
    tree: Tree, module: str, line: str, broken: str, arrow: str
) -> None:
    tree.plant(module, line)

    status, output = tree.check()

    assert status == 1
    assert f"{broken} BROKEN" in output
    assert arrow in output

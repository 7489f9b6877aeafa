"""What another Python may break that no test of a part notices: every import, every program.

Rule: short, because it runs on every Python; noxfile.py names the tests that do
not, and this file has one of each kind of what those leave out.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ether_protocol import Client
from harness import DEADLINE_SECONDS, Etherd
from shell.program import ether_shell
from shell.screen import Screen

IMPORT_ALL = """
import importlib, pkgutil, sys

package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
    importlib.import_module(module.name)
    print(module.name)
"""


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run this Python, every warning an error."""
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


@pytest.mark.parametrize("package", ["ether_protocol", "ether_daemon", "ether_shell"])
def test_every_module_can_be_imported(package: str) -> None:
    if package == "ether_protocol":
        pytest.importorskip("dpkt", reason="dpkt is not installed: one module needs it")
    done = python("-c", IMPORT_ALL, package)

    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) > 20


@pytest.mark.parametrize("program", ["ether_protocol", "ether_shell"])
def test_a_package_can_be_run(program: str) -> None:
    done = python("-m", program, "--help")

    assert (done.returncode, done.stderr) == (0, "")
    assert "usage:" in done.stdout.lower()


def test_etherd_holds_every_rule_of_the_protocol(etherd: Etherd, client: Client) -> None:
    done = python("-m", "ether_protocol", "conformance", etherd.address, "--json")

    findings = [json.loads(line) for line in done.stdout.splitlines()]
    not_held = [finding for finding in findings if finding["verdict"] != "held"]
    assert {(each["verdict"], each["reason"]) for each in not_held} == {
        ("skipped", "the server wants no token")
    }
    assert (done.returncode, done.stderr) == (0, "")
    assert client.list() == (0, [])
    assert "Traceback" not in etherd.log


def test_a_script_of_the_shell(etherd: Etherd, home: Path) -> None:
    commands = ["alloc 16", "write $_ hello --at 3", "read $_ --as raw", "free $_"]
    flags = [word for command in commands for word in ("-c", command)]

    done = ether_shell(etherd.address, *flags, home=home)

    assert (done.returncode, done.stdout) == (0, b"1\n" + b"\0\0\0hello".ljust(16, b"\0"))


def test_a_prompt_of_the_shell(etherd: Etherd, home: Path) -> None:
    with Screen(etherd.address, home=home) as screen:
        screen.sees(f"{etherd.address}>", "etherd 0.1.0 · 0 blocks")
        screen.type("alloc 16\r")
        screen.sees("handle 1, 16 B", "1 block, 16 B")
        screen.type("free 1\r")
        screen.sees("freed 1", "0 blocks, 0 B")
        screen.type("quit\r")
        assert screen.ends() == 0

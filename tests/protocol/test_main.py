from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from ether_protocol import tools
from ether_protocol.__main__ import TOOLS, main
from protocol.samples import REQUESTS


def test_a_tool_is_run_by_its_name(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "ping"
    file.write_bytes(REQUESTS[0].wire)

    assert main(["decode", str(file)]) == 0
    assert capsys.readouterr().out.startswith("at 0 · 24 bytes · PING v1\n")


def test_help_names_every_tool(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    assert ended.value.code == 0
    shown = capsys.readouterr().out
    for name, what in TOOLS.items():
        assert name in shown
        assert what in shown


@pytest.mark.parametrize("name", TOOLS)
def test_every_tool_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])

    assert ended.value.code == 0
    assert f"usage: python -m ether_protocol {name}" in capsys.readouterr().out
    assert callable(import_module(f"ether_protocol.tools.{name}").main)


@pytest.mark.parametrize("arguments", [[], ["no-such-tool"], ["--no-such-flag"]])
def test_anything_else_is_a_usage_error(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "many"
    file.write_bytes(REQUESTS[0].wire * 5000)
    with subprocess.Popen(
        [sys.executable, "-m", "ether_protocol", "decode", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as decode:
        assert decode.stdout is not None
        assert decode.stderr is not None

        decode.stdout.readline()
        decode.stdout.close()

        assert decode.stderr.read() == b""
    assert decode.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("tool", [["wireshark"], ["conformance", "--list"]], ids=" ".join)
def test_a_full_disk_is_an_error_on_one_line(tool: list[str]) -> None:
    with open("/dev/full", "w") as full:
        run = subprocess.run(
            [sys.executable, "-m", "ether_protocol", *tool],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert run.returncode == 1
    assert run.stderr == f"{tool[0]}: No space left on device\n"


def test_a_terminal_of_few_characters_is_no_error() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "ether_protocol", "decode"],
        input=REQUESTS[0].wire,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )

    assert run.returncode == 0
    assert run.stdout.startswith(b"at 0 \\xb7 24 bytes")


def test_the_library_imports_no_tool() -> None:
    folder = Path(tools.__file__).parent
    package = folder.parent
    checked = 0
    for path in package.rglob("*.py"):
        if folder in path.parents:
            continue
        imported = {
            word
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom)
            for word in (node.module or "").split(".") + [alias.name for alias in node.names]
        }
        assert "tools" not in imported, path
        checked += 1
    assert checked > 30

"""The README's examples run as they stand, and print what they say they print."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness import DEADLINE_SECONDS, Etherd

README = Path(__file__).parents[2] / "packages" / "protocol" / "README.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", README.read_text("utf-8"), re.M | re.S)
TALKING = [example for example in EXAMPLES if "localhost:9999" in example]
ALONE = [example for example in EXAMPLES if "localhost:9999" not in example]
PRINTED = re.compile(r"print\(.*  # (.*)$", re.M)


def _run(program: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert ran.stderr == ""
    return ran.stdout


def test_there_are_examples_of_everything() -> None:
    for name in ("connect(", "connect_async(", "pipeline()", "Pool(", "trace="):
        assert any(name in example for example in TALKING), name


@pytest.mark.parametrize("example", TALKING, ids=range(len(TALKING)))
def test_an_example_prints_what_it_says(etherd: Etherd, example: str) -> None:
    printed = _run(example.replace("localhost:9999", etherd.address))
    if "trace=print" in example:
        shown = re.findall(r"# ([<>].*)", example)
        lines = [re.sub(r"\d+\.\d+ ms", "… ms", line) for line in printed.splitlines()]
        assert [re.sub(r"\d+\.\d+ ms", "… ms", line) for line in shown] == lines[2:]
    else:
        assert printed.splitlines() == PRINTED.findall(example)


@pytest.mark.parametrize("example", ALONE, ids=range(len(ALONE)))
def test_an_example_without_a_server_runs(example: str) -> None:
    ping = "bytes.fromhex('e7e7e7e702010000' + '00' * 27 + '01' + '00' * 4)"
    printed = _run(example.replace("bytes_from_somewhere", ping))
    assert printed
    for said in PRINTED.findall(example):
        assert said in printed.splitlines()

"""The README: its example runs, its two commands are there, its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from harness import DEADLINE_SECONDS, Etherd

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def test_the_example_prints_what_it_says(etherd: Etherd) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)
    (says,) = re.findall(r"print\(.*  # (.*)$", example, re.M)

    ran = subprocess.run(
        [sys.executable, "-c", example.replace("localhost:9999", etherd.address)],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )

    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{says}\n", "")


def test_the_two_commands() -> None:
    commands = re.findall(r"^    (python -m pip install nox .*)$", README, re.M)

    assert commands == [
        "python -m pip install nox && nox -s demo",
        "python -m pip install nox && nox",
    ]


def test_links_to_files_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)]+)\)", README)

    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("document", ["SECURITY.md", "docs/security.md"])
def test_so_do_those_about_security(document: str) -> None:
    path = ROOT / document
    links = re.findall(r"\]\((?!https?://|#)([^)]+)\)", path.read_text("utf-8"))

    assert links
    assert [link for link in links if not (path.parent / link).exists()] == []

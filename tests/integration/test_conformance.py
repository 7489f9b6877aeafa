"""A real etherd keeps every rule of the protocol, and has no block left afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from certificates import server_files
from ether_protocol import Client
from harness import Etherd, StartEtherd, command

SKIPPED = {
    "tls": ["commands/auth-unneeded", "connections/half-closed", "connections/half-a-request"],
    "unix": ["commands/auth-unneeded"],
}
"""The rules that are not for a server with tokens, or for what it is reached over."""


def check(address: str, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ether_protocol", "conformance", address, *flags],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def not_held(output: str) -> list[dict[str, str]]:
    """What was not held, but for the rules about AUTH where no token is needed."""
    findings = [json.loads(line) for line in output.splitlines()]
    return [
        finding
        for finding in findings
        if finding["verdict"] != "held"
        and not (finding["verdict"] == "skipped" and finding["rule"].startswith("auth/"))
    ]


def test_etherd_holds_every_rule(etherd: Etherd, client: Client) -> None:
    done = check(etherd.address, "--json", "--timeout", "10")
    assert not_held(done.stdout) == []
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) > 100
    assert client.list() == (0, [])
    assert etherd.log.count("Traceback") == 0


@pytest.mark.parametrize("flags", [("--log-level", "debug")], ids=["without the short way"])
def test_so_does_one_that_takes_no_short_way(start_etherd: StartEtherd, flags: list[str]) -> None:
    done = check(start_etherd(*flags).address, "--json", "--timeout", "10")
    assert not_held(done.stdout) == []


def test_an_etherd_with_little_memory_skips_what_needs_more(start_etherd: StartEtherd) -> None:
    etherd = start_etherd("--max-memory", "12MiB", "--max-handles", "1000")
    done = check(etherd.address, "--json", "--timeout", "10")
    assert {finding["verdict"] for finding in not_held(done.stdout)} == {"skipped"}
    assert {finding["rule"] for finding in not_held(done.stdout)} >= {
        "limits/sixteen-mebibytes",
        "list/never-more-than-4096",
    }
    assert done.returncode == 0


def test_so_does_one_that_knows_who_is_there(start_etherd: StartEtherd, tmp_path: Path) -> None:
    auth_file = tmp_path / "auth.toml"
    auth_file.touch(0o600)
    auth_file.write_text(f"[principals.ada]\nuids = [{os.getuid()}]\n")
    etherd = start_etherd("--auth-file", str(auth_file), transport="unix")
    done = check(etherd.address, "--json", "--timeout", "10")
    assert not_held(done.stdout) == []


@pytest.mark.parametrize("transport", ["tls", "unix"])
def test_so_does_one_that_wants_a_token(
    start_etherd: StartEtherd, tmp_path: Path, transport: str
) -> None:
    token, auth_file = tmp_path / "token", tmp_path / "auth.toml"
    made = subprocess.run(
        [command("etherd"), "token", "ada"], capture_output=True, text=True, check=True
    )
    for file, text in ((token, made.stdout), (auth_file, made.stderr)):
        file.touch(0o600)
        file.write_text(text)
    etherd = start_etherd("--auth-file", str(auth_file), transport=transport)
    flags = ["--token-file", str(token)]
    if transport == "tls":
        flags += ["--tls-ca", str(server_files(tmp_path).ca)]
        address = f"ethers://{etherd.address}"
    else:
        address = etherd.address
    done = check(address, "--json", "--timeout", "10", *flags)
    assert [finding["rule"] for finding in not_held(done.stdout)] == SKIPPED[transport]
    assert done.returncode == 0
    assert etherd.log.count("Traceback") == 0

"""The check over every kind of connection: the same rules, with the same verdicts."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from ether_protocol.client.core.options import ConnectOptions
from ether_protocol.tools.conformance.runner import Run
from ether_protocol.tools.conformance.verdicts import Verdict
from ether_protocol.wire.address import UnixAddress
from protocol.client.doors import Certificates, tls_door, unix_door
from protocol.faulty_server import faulty_server
from protocol.tools.conformance.selection import RULES, TIMEOUT_SECONDS, quick

_ENDS = ("half", "connections/", "write-then-death", "-end", "replies-in", "no-magic")
"""Rules about ends and floods, which a relay between both sides does not carry on as they are."""


def carried() -> list[str]:
    return [rule.name for rule in quick() if not any(part in rule.name for part in _ENDS)]


def test_the_rules_hold_over_tls(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    with faulty_server() as server, tls_door(server.port, certificates) as door:
        run = Run(door.address, TIMEOUT_SECONDS, ConnectOptions(tls_ca=certificates.ca))
        assert run.handshake() == ""
        findings = list(run.check([rule for rule in RULES if rule.name in carried()]))
    assert [found for found in findings if found.verdict is Verdict.BROKEN] == []
    assert len(findings) > 50


def test_the_rules_hold_over_a_unix_socket(tmp_path: Path) -> None:
    with faulty_server() as server, unix_door(server.port, tmp_path) as door:
        run = Run(door.address, TIMEOUT_SECONDS)
        assert run.handshake() == ""
        findings = list(run.check([rule for rule in RULES if rule.name in carried()]))
    assert [found for found in findings if found.verdict is Verdict.BROKEN] == []


def test_tls_has_no_half_closed_connections(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    rules = [rule for rule in RULES if rule.name.startswith("connections/half")]
    with faulty_server() as server, tls_door(server.port, certificates) as door:
        run = Run(door.address, TIMEOUT_SECONDS, ConnectOptions(tls_ca=certificates.ca))
        findings = list(run.check(rules))
    assert {(found.verdict, found.seen) for found in findings} == {
        (Verdict.SKIPPED, "TLS has no half-closed connections")
    }


@pytest.mark.parametrize("kind", ["tls", "unix"])
def test_no_connection_is_told_in_the_words_of_a_client(kind: str, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    with faulty_server() as server, tls_door(server.port, certificates) as door:
        if kind == "tls":
            assert "name it with tls_ca" in Run(door.address, TIMEOUT_SECONDS).handshake()
    if kind == "unix":
        path = str(tmp_path / "left.sock")
        with socket.socket(socket.AF_UNIX) as gone:
            gone.bind(path)
        address = UnixAddress(path)
        assert "no server listens" in Run(address, TIMEOUT_SECONDS).handshake()

from __future__ import annotations

import re
import socket
from collections.abc import Callable

import pytest

from ether_protocol import Command, ErrorCode, Message
from ether_protocol.tools.conformance.fixture import Fixture
from ether_protocol.tools.conformance.rules import Theme
from ether_protocol.tools.conformance.runner import Run
from ether_protocol.tools.conformance.verdicts import Verdict
from ether_protocol.wire.codec import encode
from protocol.faulty_server import ConnectionHandler, faulty_server, serve_connections
from protocol.scripted import refused, serving
from protocol.tools.conformance.selection import RULES, TIMEOUT_SECONDS, not_held, only, quick


def theme_of(rule: Callable[[Fixture], None]) -> Theme:
    theme = Theme("test")
    theme.rule("Commands")(rule)
    return theme


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (ErrorCode.BUSY, "the house is full"),
        (ErrorCode.FORBIDDEN, "the house is full"),
        (ErrorCode.UNAUTHENTICATED, "the house is full"),
        (ErrorCode.INVALID, ""),
    ],
)
def test_a_handshake_says_why_this_client_is_not_served(code: ErrorCode, reason: str) -> None:
    with serving(refused(code, "the house is full")) as server:
        assert Run(server.address, TIMEOUT_SECONDS).handshake() == reason
    assert server.seen == ["HELLO #1 [11 bytes]"]


def test_a_handshake_with_a_silent_server_says_what_was_asked() -> None:
    with serve_connections(stay_silent) as address:
        run = Run(address, 0.05)
        assert run.handshake() == "it answers neither HELLO nor PING: is it an etherd?"
    assert run.features is None


def test_each_finding_comes_when_its_rule_was_checked_and_all_are_kept() -> None:
    with faulty_server("cuts STATS") as address:
        run = Run(address, TIMEOUT_SECONDS)
        findings = run.check(only("bodies/stats-parses", "bodies/info-parses"))
        assert next(findings).verdict is Verdict.BROKEN
        assert len(run.findings) == 1
        assert next(findings).verdict is Verdict.HELD
    assert [run.count(verdict) for verdict in Verdict] == [1, 1, 0]
    assert run.findings[0].seconds > 0


def test_an_error_in_a_rule_breaks_that_rule_alone() -> None:
    def unexpected(fixture: Fixture) -> None:
        """A rule that raises what no rule should."""
        raise OSError("no route to host")

    with faulty_server() as address:
        rules = theme_of(unexpected).rules + only("headers/v2-ping")
        first, second = Run(address, TIMEOUT_SECONDS).check(rules)
    assert (first.verdict, first.expected, first.seen) == (
        Verdict.BROKEN,
        "a server that can be spoken to",
        "no route to host",
    )
    assert second.verdict is Verdict.HELD


def test_blocks_that_a_server_does_not_free_are_counted() -> None:
    def two_blocks(fixture: Fixture) -> None:
        """Two blocks are allocated."""
        fixture.blocks(fixture.connect(), 2, 8)

    for faults, left in ((), 0), (("refuses FREE",), 2):
        with faulty_server(*faults) as address:
            run = Run(address, TIMEOUT_SECONDS)
            assert [finding.verdict for finding in run.check(theme_of(two_blocks).rules)] == [
                Verdict.HELD
            ]
        assert run.left_behind == left


def test_rules_of_features_that_hello_does_not_name_are_skipped() -> None:
    with faulty_server("has no optional features") as address:
        run = Run(address, TIMEOUT_SECONDS)
        assert run.handshake() == ""
        findings = {finding.name: finding for finding in run.check(quick())}
    assert {finding.verdict for finding in findings.values()} == {Verdict.HELD, Verdict.SKIPPED}
    assert findings["commands/fill-reply"].seen == "the server has no fill"
    assert findings["blocks/session-blocks-end"].seen == "the server has no session-blocks"
    for name in ("blocks/write-then-death", "blocks/freed-is-not-found", "ranges/up-to-the-end"):
        assert findings[name].verdict is Verdict.HELD


def test_without_a_handshake_every_feature_is_expected() -> None:
    with faulty_server("has no optional features") as address:
        (finding,) = Run(address, TIMEOUT_SECONDS).check(only("commands/fill-reply"))
    assert (finding.verdict, finding.seen) == (
        Verdict.BROKEN,
        "ERROR UNSUPPORTED (not served here)",
    )


# Servers that are none

PONG = encode(Message(Command.PONG, request_id=1))
HUGE = PONG[:36] + b"\xff" * 4


def close_at_once(sock: socket.socket) -> None:
    sock.recv(1 << 16)


def stay_silent(sock: socket.socket) -> None:
    while sock.recv(1 << 16):
        pass


def repeat(data: bytes) -> ConnectionHandler:
    def handler(sock: socket.socket) -> None:
        while True:
            sock.sendall(data)

    return handler


def send_once(data: bytes) -> ConnectionHandler:
    def handler(sock: socket.socket) -> None:
        sock.sendall(data)
        stay_silent(sock)

    return handler


def send_slowly(sock: socket.socket) -> None:
    sock.settimeout(0.02)
    for byte in HUGE[:36] + (1 << 24).to_bytes(4, "big"):
        sock.sendall(bytes([byte]))
    while True:
        try:
            if not sock.recv(1 << 16):
                return
        except TimeoutError:
            sock.sendall(b"x")


BROKEN_SERVERS: dict[str, tuple[ConnectionHandler, str]] = {
    "hangs up": (close_at_once, "the connection closed"),
    "hangs": (stay_silent, "silence for 0.4 s"),
    "speaks HTTP": (send_once(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "48 54 54 50 2f 31 2e 31"),
    "noise for ever": (repeat(b"noise" * 10_000), "6e 6f 69 73 65 6e 6f 69"),
    "PONGs for ever": (repeat(PONG * 1000), "PONG #1"),
    "half a reply": (send_once(PONG[:30]), "6 bytes, then silence for 0.4 s"),
    "version 9": (send_once(b"\xe7\xe7\xe7\xe7\x09" + bytes(35)), "version 9"),
    "4 GiB announced": (send_once(HUGE), "PONG #1 that announces 4294967295 bytes"),
    # The rule's time ends while it waits for a byte, or between two of them.
    "a byte now and then": (send_slowly, "then silence for|busy for too long"),
}


@pytest.mark.parametrize("kind", BROKEN_SERVERS)
def test_whatever_the_server_does_the_rule_is_broken_and_the_run_goes_on(kind: str) -> None:
    handler, seen = BROKEN_SERVERS[kind]
    rules = only("commands/alloc-reply", "bad-input/gone-within-a-second")
    with serve_connections(handler) as address:
        findings = list(Run(address, timeout=0.4).check(rules))
    assert not_held(findings) == [rule.name for rule in rules]
    assert re.search(seen, findings[0].seen)


def test_a_server_that_goes_away_breaks_the_rest() -> None:
    with faulty_server() as address:
        run = Run(address, TIMEOUT_SECONDS)
        findings = run.check(RULES[:3])
        assert next(findings).verdict is Verdict.HELD
    assert [(f.expected, f.seen) for f in findings] == [("a connection", "Connection refused")] * 2

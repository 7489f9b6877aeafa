"""The conformance check sees what is wrong with a server, and nothing else."""

from __future__ import annotations

import re
import socket

import pytest

from ether_protocol import Command, Message
from ether_protocol.tools.conformance.rules import Rule
from ether_protocol.tools.conformance.runner import Run
from ether_protocol.tools.conformance.themes import THEMES
from ether_protocol.tools.conformance.verdicts import Finding, Verdict
from ether_protocol.wire.codec import encode
from protocol.document import section
from protocol.faulty_server import Manner, behaving, faulty_server

RULES = [rule for theme in THEMES for rule in theme.rules]
SLOW = ("flood", "4096", "sixteen-mebibytes", "gone-within")
TIMEOUT_SECONDS = 5.0

FAULTS = {
    "forgets the id": [
        "headers/v2-echoes-the-id",
        "bad-input/unknown-command-v2",
        "bad-input/length-too-large",
        "connections/replies-in-order",
    ],
    "sends flags": [
        "headers/v1-ping",
        "headers/v1-ignores-flags",
        "headers/v2-ping",
        "headers/v2-replies-have-no-flags",
    ],
    "does not zero": ["blocks/zeroed-again"],
    "keeps the cut tail": ["blocks/realloc-wipes"],
    "reuses handles": ["blocks/handles-ascend"],
    "keeps what is freed": ["blocks/freed-is-not-found", "list/count-of-all"],
    "frees with the connection": ["blocks/outlives-its-connection"],
    "writes in pieces": [
        "blocks/write-then-death",
        "blocks/write-is-never-half-seen",
        "connections/half-a-request",
    ],
    "writes what fits": ["ranges/write-outside", "ranges/write-longer-v1"],
    "reads past the end": ["commands/error-reply", "ranges/read-past-the-end"],
    "refuses to cut": [
        "ranges/read-is-cut",
        "ranges/read-is-cut-v1",
        "limits/larger-than-a-message",
    ],
    "pads what it reads": [
        "ranges/read-is-cut",
        "ranges/read-is-cut-v1",
        "limits/larger-than-a-message",
    ],
    "grows blocks": [
        "commands/error-reply-v1",
        "ranges/write-outside",
        "ranges/write-wraps-around",
        "ranges/write-longer-v1",
        "ranges/fill-outside",
        "ranges/copy-outside",
        "ranges/atomics-outside",
    ],
    "adds in 64 bits": [
        "ranges/write-wraps-around",
        "ranges/fill-outside",
        "ranges/copy-outside",
        "ranges/atomics-outside",
    ],
    "copies byte by byte": ["ranges/copy-overlaps"],
    "swaps always": ["atomic/swap-only-if-equal", "atomic/one-swap-wins"],
    "saturates": ["atomic/add-wraps-around", "atomic/atomics-at-any-offset"],
    "lists backwards": ["list/entries", "list/pages"],
    "cuts STATS": ["bodies/stats-parses"],
    "closes on an unknown command": [
        "bad-input/unknown-command-v1",
        "bad-input/unknown-command-v2",
        "bad-input/unknown-version",
        "bad-input/unknown-version-after-version-2",
        "bad-input/unknown-flags",
        "connections/refusals-keep-their-place",
    ],
    "closes without a word": [
        "bad-input/no-magic",
        "bad-input/no-magic-after-requests",
        "bad-input/length-too-large",
        "bad-input/write-too-large-v1",
        "bad-input/readable-while-sending",
        "bad-input/replies-before-the-end",
        "bad-input/nothing-behind-the-end",
        "filler/noise-is-no-filler",
    ],
    "knows no filler": [
        "filler/step-by-step",
        "filler/all-at-once",
        "filler/byte-by-byte",
        "filler/filler-like-a-message",
        "filler/version-2-has-none",
    ],
    "answers PINGs first": [
        "bad-input/replies-before-the-end",
        "filler/all-at-once",
        "filler/new-clients-send-none",
        "connections/replies-in-order",
        "connections/half-closed",
        "connections/refusals-keep-their-place",
    ],
}
"""What is wrong with the server, and exactly which of the quick rules it breaks."""

BY_CHANCE = {"writes in pieces": ["blocks/read-is-never-torn"]}
"""What a fault breaks as well where a READ comes at the right moment."""

SLOW_FAULTS = {
    "forgets SESSION": ("blocks/session-blocks-end", "a block that is still there"),
    "lists without end": ("list/never-more-than-4096", "4097"),
    "never closes": ("bad-input/no-magic", "it open after 1.5 s"),
    "lingers": ("bad-input/gone-within-a-second", "it still taking bytes"),
    "serves one at a time": ("connections/flood-disturbs-nobody", "silence for 2.0 s"),
    "reads on": ("connections/flood-is-not-read", "64 MiB taken though no reply was"),
}
"""Faults that take their time to be seen: the rule that sees them, and what it saw."""


CLUMSY = {
    "misreports sizes": [
        *(f"commands/{name}-reply" for name in ("alloc", "free", "realloc", "write", "read")),
        *(f"commands/{name}-reply" for name in ("fill", "copy", "compare-swap", "fetch-add")),
    ],
    "misreports handles": [
        "headers/v1-ping",
        "headers/v2-ping",
        "commands/write-reply-v1",
        "commands/read-reply-v1",
        "commands/zero-handles",
    ],
    "cuts PONG": ["headers/v2-ignores-unused-fields", "commands/ping-echoes"],
    # "headers/cut-anywhere" is broken, too, unless both halves are there when it looks.
    "forgets half a message": ["headers/byte-by-byte"],
    "keeps to one version": [
        "headers/v1-ignores-flags",
        "headers/mixed-versions",
        "connections/a-thousand-at-once-v1",
    ],
    "says nothing of errors": ["commands/error-reply"],
    "allows nothing": ["bodies/hello-parses"],
    "knows ASCII": ["bodies/hello-names"],
    "is always new": ["bodies/hello-instance"],
    "forgets flags": ["bodies/info-parses"],
    "takes any token": ["commands/auth-unneeded"],
    "is born again": ["bodies/info-after-realloc"],
    "allocates noise": ["blocks/zeroed", "blocks/zeroed-again", "filler/byte-by-byte"],
    "grows with noise": ["blocks/realloc-keeps", "blocks/realloc-wipes"],
    "takes any handle": ["blocks/handle-zero", "blocks/unknown-is-not-found"],
    "allocates nothing": ["blocks/size-zero"],
    "has quotas": ["blocks/beyond-memory"],
    "leaves no last byte": ["ranges/nothing-is-fine", "ranges/up-to-the-end"],
    "adds in two steps": ["atomic/add-from-several-connections"],
    "moves anything": ["limits/read-too-large", "limits/fill-and-copy-too-large"],
    "moves a mebibyte": ["limits/sixteen-mebibytes", "limits/sixteen-mebibytes-v1"],
    "skips without a word": ["limits/operand-too-large-v1", "limits/payload-too-long"],
    "does not mind bodies": ["bad-input/body-too-short", "bad-input/name-is-no-utf8"],
    "answers the last first": ["connections/a-thousand-at-once"],
}
"""Faults that show in so many rules that only those meant for them are tried."""


def quick() -> list[Rule]:
    return [rule for rule in RULES if not any(word in rule.name for word in SLOW)]


def only(*names: str) -> list[Rule]:
    return [rule for rule in RULES if rule.name in names]


def broken(findings: list[Finding]) -> list[str]:
    return [finding.name for finding in findings if finding.verdict is not Verdict.HELD]


def test_a_server_without_faults_holds_every_rule() -> None:
    with faulty_server() as address:
        run = Run(address, TIMEOUT_SECONDS)
        findings = list(run.check(RULES))
    assert [f for f in findings if f.verdict is not Verdict.HELD] == []
    assert len(findings) == len(RULES)
    assert run.left_behind == 0


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_breaks_the_rules_that_are_meant_for_it_and_no_other(fault: str) -> None:
    with faulty_server(fault) as address:
        findings = list(Run(address, TIMEOUT_SECONDS).check(quick()))
    chance = BY_CHANCE.get(fault, [])
    assert [name for name in broken(findings) if name not in chance] == FAULTS[fault]


@pytest.mark.parametrize("fault", SLOW_FAULTS)
def test_a_fault_that_takes_its_time(fault: str) -> None:
    name, seen = SLOW_FAULTS[fault]
    with faulty_server(fault) as address:
        (finding,) = Run(address, timeout=2.0).check(only(name))
    assert (finding.verdict, finding.seen) == (Verdict.BROKEN, seen)


@pytest.mark.parametrize("fault", CLUMSY)
def test_a_clumsy_fault_breaks_the_rules_that_are_meant_for_it(fault: str) -> None:
    with faulty_server(fault) as address:
        findings = list(Run(address, TIMEOUT_SECONDS).check(only(*CLUMSY[fault])))
    assert broken(findings) == CLUMSY[fault]


def test_what_a_server_need_not_have_is_skipped_and_the_rest_is_tried() -> None:
    with faulty_server("has no extras") as address:
        run = Run(address, TIMEOUT_SECONDS)
        assert run.handshake() == ""
        findings = {finding.name: finding for finding in run.check(quick())}
    assert {finding.verdict for finding in findings.values()} == {Verdict.HELD, Verdict.SKIPPED}
    assert findings["commands/fill-reply"].seen == "the server has no fill"
    assert findings["blocks/session-blocks-end"].seen == "the server has no session-blocks"
    for name in ("blocks/write-then-death", "blocks/freed-is-not-found", "ranges/up-to-the-end"):
        assert findings[name].verdict is Verdict.HELD


def test_what_a_server_says_it_has_is_not_excused() -> None:
    with faulty_server("has no extras") as address:
        (finding,) = Run(address, TIMEOUT_SECONDS).check(only("commands/fill-reply"))
    assert (finding.verdict, finding.seen) == (
        Verdict.BROKEN,
        "ERROR UNSUPPORTED (not served here)",
    )


# Servers that do not even try

PONG = encode(Message(Command.PONG, request_id=1))
HUGE = PONG[:36] + b"\xff" * 4


def hang_up(sock: socket.socket) -> None:
    sock.recv(1 << 16)


def say_nothing(sock: socket.socket) -> None:
    while sock.recv(1 << 16):
        pass


def say_for_ever(data: bytes) -> Manner:
    def manner(sock: socket.socket) -> None:
        while True:
            sock.sendall(data)

    return manner


def say_once(data: bytes) -> Manner:
    def manner(sock: socket.socket) -> None:
        sock.sendall(data)
        say_nothing(sock)

    return manner


def drip(sock: socket.socket) -> None:
    sock.settimeout(0.02)
    for byte in HUGE[:36] + (1 << 24).to_bytes(4, "big"):
        sock.sendall(bytes([byte]))
    while True:
        try:
            if not sock.recv(1 << 16):
                return
        except TimeoutError:
            sock.sendall(b"x")


IMPOSTORS: dict[str, tuple[Manner, str]] = {
    "hangs up": (hang_up, "the connection closed"),
    "hangs": (say_nothing, "silence for 0.4 s"),
    "speaks HTTP": (say_once(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "48 54 54 50 2f 31 2e 31"),
    "noise for ever": (say_for_ever(b"noise" * 10_000), "6e 6f 69 73 65 6e 6f 69"),
    "PONGs for ever": (say_for_ever(PONG * 1000), "PONG #1"),
    "half a reply": (say_once(PONG[:30]), "6 bytes, then silence for 0.4 s"),
    "version 9": (say_once(b"\xe7\xe7\xe7\xe7\x09" + bytes(35)), "version 9"),
    "4 GiB announced": (say_once(HUGE), "PONG #1 that announces 4294967295 bytes"),
    # The rule's time ends while it waits for a byte, or between two of them.
    "a byte now and then": (drip, "then silence for|busy for too long"),
}


@pytest.mark.parametrize("kind", IMPOSTORS)
def test_whatever_the_server_does_the_rule_is_broken_and_the_run_goes_on(kind: str) -> None:
    manner, seen = IMPOSTORS[kind]
    rules = only("commands/alloc-reply", "bad-input/gone-within-a-second")
    with behaving(manner) as address:
        findings = list(Run(address, timeout=0.4).check(rules))
    assert broken(findings) == [rule.name for rule in rules]
    assert re.search(seen, findings[0].seen)


def test_a_server_that_goes_away_breaks_the_rest() -> None:
    with faulty_server() as address:
        run = Run(address, TIMEOUT_SECONDS)
        findings = run.check(RULES[:3])
        assert next(findings).verdict is Verdict.HELD
    assert [(f.expected, f.seen) for f in findings] == [("a connection", "Connection refused")] * 2


# The rules themselves


def test_every_rule_has_a_name_of_its_own_and_a_section_that_exists() -> None:
    assert len({rule.name for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert section(rule.section), rule.name
        assert 10 < len(rule.sentence) < 100, rule.name

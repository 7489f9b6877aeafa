"""The rules find each fault of a server, and nothing else."""

from __future__ import annotations

import pytest

from ether_protocol import Address
from ether_protocol.client.core.options import ConnectOptions
from ether_protocol.tools.conformance.runner import Run
from ether_protocol.tools.conformance.verdicts import Verdict
from protocol.document import section
from protocol.faulty_server import faulty_server
from protocol.tools.conformance.selection import (
    EVERY_RULE,
    RULES,
    TIMEOUT_SECONDS,
    TOKEN_RULES,
    not_held,
    only,
    quick,
)

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
    "adds without wrapping": ["atomic/add-wraps-around", "atomic/atomics-at-any-offset"],
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
    "closes without an ERROR": [
        "bad-input/no-magic",
        "bad-input/no-magic-after-requests",
        "bad-input/length-too-large",
        "bad-input/write-too-large-v1",
        "bad-input/readable-while-sending",
        "bad-input/replies-before-the-end",
        "bad-input/nothing-behind-the-end",
        "filler/noise-is-no-filler",
    ],
    "does not know filler": [
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
"""The server's fault, and exactly which of the quick rules it breaks."""

RACES = {"writes in pieces": ["blocks/read-is-never-torn"]}
"""What a fault also breaks if a READ comes at the right moment."""

SLOW_FAULTS = {
    "forgets SESSION": ("blocks/session-blocks-end", "a block that is still there"),
    "lists without end": ("list/never-more-than-4096", "4097"),
    "never closes": ("bad-input/no-magic", "it open after 1.5 s"),
    "closes only its sending side": ("bad-input/gone-within-a-second", "it still taking bytes"),
    "serves one connection at a time": ("connections/flood-disturbs-nobody", "silence for 2.0 s"),
    "reads without limit": ("connections/flood-is-not-read", "64 MiB taken though no reply was"),
}
"""Faults that take time to show: the rule that finds them, and what it saw."""


BROAD_FAULTS = {
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
    "answers in one version": [
        "headers/v1-ignores-flags",
        "headers/mixed-versions",
        "connections/a-thousand-at-once-v1",
    ],
    "sends empty errors": ["commands/error-reply"],
    "says 0 payload bytes": ["bodies/hello-parses"],
    "refuses names that are not ASCII": ["bodies/hello-names"],
    "changes its instance": ["bodies/hello-instance"],
    "forgets flags": ["bodies/info-parses"],
    "accepts any token": ["commands/auth-unneeded"],
    "changes the time of creation": ["bodies/info-after-realloc"],
    "allocates other bytes than 0": ["blocks/zeroed", "blocks/zeroed-again", "filler/byte-by-byte"],
    "grows with other bytes than 0": ["blocks/realloc-keeps", "blocks/realloc-wipes"],
    "accepts any handle": ["blocks/handle-zero", "blocks/unknown-is-not-found"],
    "allocates 0 bytes": ["blocks/size-zero"],
    "says QUOTA": ["blocks/beyond-memory"],
    "refuses the last byte": ["ranges/nothing-is-fine", "ranges/up-to-the-end"],
    "adds in two steps": ["atomic/add-from-several-connections"],
    "has no limit per request": ["limits/read-too-large", "limits/fill-and-copy-too-large"],
    "has a limit of 1 MiB": ["limits/sixteen-mebibytes", "limits/sixteen-mebibytes-v1"],
    "refuses with OK": ["limits/operand-too-large-v1", "limits/payload-too-long"],
    "accepts any body": ["bad-input/body-too-short", "bad-input/name-is-no-utf8"],
    "answers in reverse": ["connections/a-thousand-at-once"],
}
"""Faults that break so many rules that only those meant for them are checked."""


def test_a_server_without_faults_holds_every_rule() -> None:
    with faulty_server() as address:
        run = Run(address, TIMEOUT_SECONDS)
        findings = list(run.check(RULES))
    assert [f for f in findings if f.verdict is not Verdict.HELD] == []
    assert len(findings) == len(RULES)
    assert run.left_behind == 0


TOKEN = b"the token of this test, of which nobody else knows"


def let_in(address: Address) -> Run:
    """A run that has the token."""
    run = Run(address, TIMEOUT_SECONDS, ConnectOptions(token=TOKEN))
    assert run.handshake() == ""
    return run


def test_a_server_that_wants_a_token_holds_every_rule_but_the_one_for_the_others() -> None:
    with faulty_server(token=TOKEN) as address:
        run = let_in(address)
        findings = list(run.check(EVERY_RULE))
    assert not_held(findings) == ["commands/auth-unneeded"]
    assert run.left_behind == 0


def test_a_server_that_wants_none_skips_the_rules_about_it() -> None:
    with faulty_server() as address:
        run = let_in(address)
        findings = list(run.check(TOKEN_RULES))
    assert findings
    assert {finding.seen for finding in findings} == {"the server wants no token"}


TOKEN_FAULTS = {
    "lets in with any token": ["auth/wrong-token", "auth/nearly-right-tokens"],
    "compares what was given": ["auth/nearly-right-tokens"],
    "takes AUTH again": ["auth/only-once"],
    "wants AUTH before PING": [
        *("auth/ping-and-hello-before", "auth/needed-first", "auth/needed-first-v1"),
    ],
    "serves version 1 to strangers": ["auth/needed-first-v1"],
}


@pytest.mark.parametrize("fault", TOKEN_FAULTS)
def test_a_fault_of_a_server_that_wants_a_token(fault: str) -> None:
    with faulty_server(fault, token=TOKEN) as address:
        findings = list(let_in(address).check(TOKEN_RULES))
    assert not_held(findings) == TOKEN_FAULTS[fault]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_breaks_the_rules_that_are_meant_for_it_and_no_other(fault: str) -> None:
    with faulty_server(fault) as address:
        findings = list(Run(address, TIMEOUT_SECONDS).check(quick()))
    chance = RACES.get(fault, [])
    assert [name for name in not_held(findings) if name not in chance] == FAULTS[fault]


@pytest.mark.parametrize("fault", SLOW_FAULTS)
def test_a_fault_that_takes_time_to_show(fault: str) -> None:
    name, seen = SLOW_FAULTS[fault]
    with faulty_server(fault) as address:
        (finding,) = Run(address, timeout=2.0).check(only(name))
    assert (finding.verdict, finding.seen) == (Verdict.BROKEN, seen)


@pytest.mark.parametrize("fault", BROAD_FAULTS)
def test_a_broad_fault_breaks_the_rules_that_are_meant_for_it(fault: str) -> None:
    with faulty_server(fault) as address:
        findings = list(Run(address, TIMEOUT_SECONDS).check(only(*BROAD_FAULTS[fault])))
    assert not_held(findings) == BROAD_FAULTS[fault]


def test_every_rule_has_a_name_of_its_own_and_a_section_that_exists() -> None:
    assert len({rule.name for rule in EVERY_RULE}) == len(EVERY_RULE)
    for rule in EVERY_RULE:
        assert section(rule.section), rule.name
        assert 10 < len(rule.sentence) < 100, rule.name

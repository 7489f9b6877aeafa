"""Prompt and toolbar, as pure functions of what the session knows."""

from __future__ import annotations

import pytest

from ether_protocol import Address, TlsAddress
from ether_shell.session.session import ShellSession
from ether_shell.settings import Access
from ether_shell.terminal.statusline import KEYS, prompt_fragments, prompt_text, toolbar


def session(name: str = "", *, production: bool = False, insecure: bool = False) -> ShellSession:
    address = TlsAddress("db.example") if insecure else Address("db.example")
    access = Access(tls_insecure=insecure)
    return ShellSession(
        address, None, lambda _: None, name=name, production=production, access=access
    )


@pytest.mark.parametrize(
    ("session", "text"),
    [
        (session(), "db.example:9999 (disconnected)> "),
        (session("dev"), "dev (disconnected)> "),
        (session("prod", production=True), "PRODUCTION prod (disconnected)> "),
        (session(insecure=True), "INSECURE ethers://db.example:9999 (disconnected)> "),
        (
            session("prod", production=True, insecure=True),
            "INSECURE PRODUCTION prod (disconnected)> ",
        ),
    ],
)
def test_the_prompt(session: ShellSession, text: str) -> None:
    assert prompt_text(session) == text


def test_only_production_is_marked() -> None:
    styles = [style for style, _ in prompt_fragments(session("prod", production=True))]
    assert styles == ["class:production", ""]
    assert [style for style, _ in prompt_fragments(session("dev"))] == [""]


def test_the_toolbar_says_what_is_insecure() -> None:
    shown = toolbar(session(insecure=True), "", vi=False, keys=False)
    assert shown[0] == ("class:insecure", " INSECURE: certificate not verified ")


LOST = "disconnected from db.example:9999: the next command connects again"


@pytest.mark.parametrize(
    ("session", "typed", "vi", "text"),
    [
        (session(), "", False, f" {LOST} · F1 keys "),
        (session(), "DATA 3 B", True, f" {LOST} · DATA 3 B · vi, F1 keys "),
        (session("dev"), "", False, f" {LOST} · db.example:9999 · F1 keys "),
        (
            session("prod", production=True), "", False,
            f" PRODUCTION  {LOST} · db.example:9999 · F1 keys ",
        ),
    ],
)  # fmt: skip
def test_the_toolbar(session: ShellSession, typed: str, vi: bool, text: str) -> None:
    assert "".join(text for _, text in toolbar(session, typed, vi=vi, keys=False)) == text


def test_the_keys_stand_above_it() -> None:
    lines = "".join(text for _, text in toolbar(session(), "", vi=False, keys=True)).splitlines()
    assert len(lines) == len(KEYS) + 1
    assert lines[0].split() == ["Tab", "complete"]

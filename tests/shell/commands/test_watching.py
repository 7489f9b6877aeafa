"""What is shown again and again, against a real daemon."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterable
from pathlib import Path

import pytest

from ether_protocol import Client
from ether_shell.commands.reading import Bytes
from ether_shell.commands.server import Pong
from ether_shell.commands.watching import Round, Watched, changed_offsets, rounds
from ether_shell.language.declaration import Result
from ether_shell.operations.ranges import DataPart, Gap, Part
from harness import Etherd
from shell.conftest import Talk
from shell.conversation import Conversation
from shell.screen import Screen


@pytest.fixture
def shell(etherd: Etherd, talk: Talk) -> Conversation:
    return talk(etherd.address)


@pytest.mark.parametrize(
    ("before", "now", "changed"),
    [
        ([DataPart(0, b"abc")], [DataPart(0, b"abc")], set()),
        ([DataPart(0, b"abc")], [DataPart(0, b"xbz")], {0, 2}),
        ([DataPart(4, b"ab")], [DataPart(4, b"abc")], {6}),
        ([DataPart(4, b"abc")], [DataPart(4, b"ab")], set()),
        ([Gap(1, 8), DataPart(9, b"b")], [Gap(1, 8), DataPart(9, b"c")], {9}),
    ],
)
def test_changed_bytes(before: Iterable[Part], now: Iterable[Part], changed: set[int]) -> None:
    assert changed_offsets(before, now) == changed


def test_a_pipe_gets_one_result_after_the_other(shell: Conversation) -> None:
    shell.run("alloc 4")
    said = shell.run("watch --count 3 0.05 x/4xb 1")
    assert said.out == "00000000  00 00 00 00  │⋄⋄⋄⋄│\n" * 3
    assert said.err.startswith("3 rounds in 0.")
    assert said.err.endswith("; changes in 0 of them\n")


def test_json_has_a_line_a_round(etherd: Etherd, talk: Talk) -> None:
    shell = talk(etherd.address, as_json=True)
    shell.run("alloc 2")
    first, second, end = shell.run("watch --count 2 0.05 x/2xb 1").out.splitlines()
    assert json.loads(first) == {
        "command": "watch", "ok": True, "round": 1,
        "results": [{"handle": 1, "offset": 0, "size": 2, "unit": 1, "values": [0, 0]}],
    }  # fmt: skip
    assert json.loads(second)["round"] == 2
    assert json.loads(end)["rounds"] == 2


def test_a_change_between_two_rounds_is_marked(etherd: Etherd, client: Client, talk: Talk) -> None:
    shell = talk(etherd.address, terminal=True)
    block = client.alloc(4)
    looked: list[str] = []

    def once() -> tuple[Result, ...]:
        block.write(b"\1" * len(looked), 1)
        looked.append("")
        return (Bytes(block.handle, 0, 4, (DataPart(0, block.read()),), "hex"),)

    results = list(rounds(shell.context, 0.05, "x", once, 2))
    assert isinstance(results[1], Round)
    (contents,) = results[1].results
    assert getattr(contents, "changed", None) == {1}
    assert isinstance(results[2], Watched)
    assert results[2].changes == 1


@pytest.mark.parametrize("line", ["write 1 x", "free 1", "help", "watch 1 ping", "quit"])
def test_only_what_looks_is_watched(shell: Conversation, line: str) -> None:
    said = shell.run(f"watch 1 {line}")
    assert said.status == 2
    assert "is not for watching" in said.err
    assert said.err.endswith(f"  watch 1 {line}\n          ^\n")


def test_a_wrong_line_within_the_line_is_pointed_at(shell: Conversation) -> None:
    assert shell.run("watch 1 x/4q 1").err == (
        "'q' has no place in 4q: one of x d u t c s, then one of b h w g\n"
        "  watch 1 x/4q 1\n            ^\n"
    )


def test_only_what_can_be_held_is_watched(shell: Conversation) -> None:
    shell.run("alloc 2MiB")
    said = shell.run("watch --count 2 0.05 read 1")
    assert said.status == 2
    assert "2,097,152 bytes are too many to watch: at most 1,048,576" in said.err
    assert shell.run("watch --count 2 0.05 read 1 16").status == 0


def test_a_refusal_ends_it(shell: Conversation) -> None:
    assert shell.run("watch 1 read 9").status == 1


def test_an_interrupt_ends_it_with_a_summary(etherd: Etherd, talk: Talk) -> None:
    def once() -> tuple[Result, ...]:
        return (Pong(1.0),)

    for interactive in (True, False):
        shell = talk(etherd.address, interactive=interactive)
        results = rounds(shell.context, 60, "ping", once)
        assert isinstance(next(results), Round)
        summary = results.throw(KeyboardInterrupt())
        assert isinstance(summary, Watched)
        assert (summary.rounds, summary.interrupted) == (1, True)
        with pytest.raises(StopIteration if interactive else KeyboardInterrupt):
            next(results)


def test_an_interrupt_lets_the_request_under_way_end(etherd: Etherd, talk: Talk) -> None:
    done: list[str] = []

    def once() -> tuple[Result, ...]:
        signal.raise_signal(signal.SIGINT)
        done.append("whole")
        return (Pong(1.0),)

    shell = talk(etherd.address, interactive=True)
    looked, summary = rounds(shell.context, 60, "ping", once)
    assert isinstance(looked, Round)
    assert isinstance(summary, Watched)
    assert (done, summary.interrupted) == (["whole"], True)


def test_a_second_interrupt_does_not_wait(etherd: Etherd, talk: Talk) -> None:
    def once() -> tuple[Result, ...]:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("it went on")

    shell = talk(etherd.address, interactive=True)
    before = signal.getsignal(signal.SIGINT)
    (summary,) = rounds(shell.context, 60, "ping", once)
    assert isinstance(summary, Watched)
    assert (summary.rounds, summary.interrupted) == (0, True)
    assert signal.getsignal(signal.SIGINT) is before


def test_an_interrupt_while_a_round_is_shown_is_the_commands(
    etherd: Etherd, talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = talk(etherd.address, interactive=True)
    shown: list[Result] = []

    def show(result: Result) -> None:
        shown.append(result)
        if isinstance(result, Round):
            raise KeyboardInterrupt

    monkeypatch.setattr(shell.output, "show", show)
    assert shell.run("watch 60 ping").status == 0
    assert [type(result) for result in shown] == [Round, Watched]


CTRL_C, ENTER = "\x03", "\r"


def test_watch_writes_over_its_own_lines_and_marks_changes(
    etherd: Etherd, client: Client, home: Path
) -> None:
    with Screen(etherd.address, home=home) as screen:
        screen.is_asked("0 blocks")
        screen.type("alloc 16" + ENTER + "watch 0.1 x/4xb 1" + ENTER)
        screen.sees("every 0.1 s: x/4xb 1", "00000000  00 00 00 00  │⋄⋄⋄⋄│")
        client.write(1, b"AB", 1)
        screen.sees("00000000  00 41 42 00  │⋄AB⋄│")  # a round after the change it is nothing new
        assert b">\x1b[7m41\x1b[0m>\x1b[7m42\x1b[0m" in screen.raw
        assert screen.text.count("every 0.1 s") == 1
        screen.type(CTRL_C)
        screen.is_asked("changes in 1 of them")
        screen.type("ping" + ENTER)
        screen.is_asked("pong")


def test_watch_without_colour_still_has_signs(etherd: Etherd, client: Client, home: Path) -> None:
    with Screen(etherd.address, home=home, env={"NO_COLOR": "1"}) as screen:
        screen.is_asked("0 blocks")
        screen.type("watch 0.2 stats" + ENTER)
        screen.sees("every 0.2 s: stats", " >")
        assert b" \x1b[7m" not in screen.raw
        screen.type(CTRL_C)
        screen.is_asked("rounds in")


def test_watch_in_a_script_is_stopped_with_the_script(etherd: Etherd, home: Path) -> None:
    with Screen(etherd.address, "-c", "watch 60 ping", "-c", "alloc 5", home=home) as screen:
        screen.sees("pong")
        screen.type(CTRL_C)
        screen.sees("1 round in")
        assert screen.ends() == 130
        assert "handle 1" not in screen.text

"""Lines from a person, one after the other."""

from __future__ import annotations

import getpass
import io
import signal
import sys
from collections.abc import Callable, Iterator

import pytest

from ether_shell.terminal.repl import ask_secret, converse, plain_reader
from harness import Etherd
from shell.conftest import Talk


def reader(*lines: str | type[BaseException]) -> Callable[[], str]:
    """Gives out `lines`, raises what is an exception, and ends."""
    left: Iterator[str | type[BaseException]] = iter([*lines, EOFError])

    def read_line() -> str:
        line = next(left)
        if isinstance(line, str):
            return line
        raise line

    return read_line


def test_only_a_line_that_is_empty_by_itself_goes_on(etherd: Etherd, talk: Talk) -> None:
    shell = talk(etherd.address, interactive=True)
    converse(shell.runner, reader("alloc 64\n\nx/2xb 1\n\nx/2xb 1+2\n", "", "\n"))
    offsets = [line[:8] for line in shell.out.take().decode().splitlines()[1:]]
    assert offsets == ["00000000", "00000002", "00000004", "00000006"]


@pytest.mark.parametrize(
    ("lines", "out", "err"),
    [
        ([], "", ""),
        (["", "  ", "# only a comment"], "", ""),
        (["help ping"], "ping\n", ""),
        (["bogus", "help ping"], "ping\n", "unknown command 'bogus'"),
        ([KeyboardInterrupt, "help ping"], "ping\n", ""),
        (["quit", "help ping"], "", ""),
        (["help ping\nbogus\nhelp alloc"], "ping\n", "unknown command 'bogus'"),
    ],
)
def test_a_conversation(
    talk: Talk, lines: list[str | type[BaseException]], out: str, err: str
) -> None:
    shell = talk("localhost:1", interactive=True)
    converse(shell.runner, reader(*lines))
    said = shell.out.take().decode()
    assert said.startswith(out)
    assert "alloc SIZE" not in said
    assert err in shell.err.take().decode()


class InterruptedBehindThePrompt(io.StringIO):
    """A terminal at which Ctrl-C is pressed as soon as the prompt is to be seen."""

    def flush(self) -> None:
        if self.getvalue().endswith("> "):
            raise KeyboardInterrupt


def test_ctrl_c_behind_the_prompt_begins_a_new_line(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_line = plain_reader(talk("localhost:1", interactive=True).session)
    monkeypatch.setattr(sys, "stderr", terminal := InterruptedBehindThePrompt())
    with pytest.raises(KeyboardInterrupt):
        read_line()
    assert terminal.getvalue() == "localhost:1 (disconnected)> \n"


def test_ctrl_z_does_not_leave_a_question_whose_answer_is_not_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The user's shell would come back to a terminal that shows what is typed."""
    stopping: list[object] = []

    def asked(question: str, stream: object) -> str:
        stopping.append(signal.getsignal(signal.SIGTSTP))
        return "s3cret"

    monkeypatch.setattr(getpass, "getpass", asked)
    before = signal.getsignal(signal.SIGTSTP)
    assert ask_secret("Token: ") == "s3cret"
    assert stopping == [signal.SIG_IGN]
    assert signal.getsignal(signal.SIGTSTP) == before

"""Names for handles and numbers."""

from __future__ import annotations

import pytest

from harness import Etherd
from shell.conftest import Talk
from shell.conversation import Conversation


@pytest.fixture
def shell(talk: Talk, etherd: Etherd) -> Conversation:
    return talk(etherd.address)


def test_a_handle_gets_a_name(shell: Conversation) -> None:
    assert shell.run("let a = alloc 64").out == "1\n"
    assert shell.run("let b = alloc 32 --session").out == "2\n"
    assert shell.run("write $a hello --at 2").err == "wrote 5 B at 2 in 1\n"
    assert shell.run("copy $a $b 5 --from 2").status == 0
    assert shell.run("read $b 5 --as text").out == "hello\n"
    assert shell.run("let").out == "$_  2\n$a  1\n$b  2\n"
    assert shell.run("let a").out == "$a  1\n"


def test_a_number_gets_a_name(shell: Conversation) -> None:
    assert shell.run("let size = 2KiB").out == "$size  2048\n"
    assert shell.run("alloc $size").out == "1\n"
    assert shell.run("let n = add $_ 5").out == "0\n"
    assert shell.run("let m = $n").out == "$m  5\n"
    assert shell.run("read $_ $n --at $m").status == 0


def test_a_variable_stands_wherever_a_number_may(shell: Conversation) -> None:
    shell.run("alloc 16")
    shell.run("let n = 5")
    assert shell.run("fill $_ $n 1 --at 7").status == 0
    assert shell.run("swap $_ $n 9").out == "0x0000000000000005\n"
    assert shell.run("bench ping --requests $n").out.startswith("ping 64 B: 5 requests")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("read $none", "$none is 0 and not a handle: it lies outside 1 to 18446744073709551615"),
        ("add $_ $all", "$all is 18446744073709551615 and not a number: it lies outside"),
        ("fill $_ $all", "$all is 18446744073709551615 and not a byte"),
        ("bench --requests $none", "$none is 0 and not a count"),
    ],
)
def test_a_variable_keeps_the_bounds_of_a_number(shell: Conversation, line: str, says: str) -> None:
    shell.run("alloc 8")
    shell.run("fill $_ 255")
    shell.run("let all = add $_ 0")
    shell.run("let none = 0")
    said = shell.run(line)
    assert (said.status, said.err.startswith(says)) == (2, True)


def test_names_are_forgotten(shell: Conversation) -> None:
    shell.run("let a = 1")
    shell.run("let b = 2")
    assert shell.run("unset $a").out == "$b  2\n"
    assert "$a is not set\n" in shell.run("read $a").err
    assert shell.run("unset b a").err == "$a is not set\n"
    assert shell.run("unset b").out == ""


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (
            "let 1a = 5",
            "'1a' is not a name: letters, digits and _, no digit first\n  let 1a = 5\n      ^",
        ),
        ("let a 5", "'5' is not one of =\n  let a 5\n        ^"),
        ("let a", "$a is not set: let a = alloc 4096, or = 7\n"),
        ("let a =", "= needs a command or a number: let a = alloc 4096, or = 7\n"),
        ("let _ = 5", "$_ is set by the shell itself\n"),
        ("let a = soon", "'soon' is neither a number nor a command\n  let a = soon\n          ^"),
        ("let a = alloc 4q", "\n  let a = alloc 4q\n                ^"),
        ("let a = ping", "ping gives no number to keep\n  let a = ping\n          ^"),
        ("let a = let b = 5", "let gives no number to keep\n"),
    ],
)
def test_what_is_no_name_or_no_number(shell: Conversation, line: str, says: str) -> None:
    said = shell.run(line)
    assert (said.status, said.out) == (2, "")
    assert says in said.err
    assert shell.run("let").out == ""


def test_a_command_that_fails_sets_nothing(shell: Conversation) -> None:
    assert shell.run("let a = add 9 1").status == 1
    assert shell.run("let").out == ""

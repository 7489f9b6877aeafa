"""A person at a terminal: the real program, every key and every line on the screen."""

from __future__ import annotations

import signal
import stat
from pathlib import Path

import pytest

from harness import Etherd, StartEtherd, until
from shell.fake_server import fake_server, silent
from shell.screen import Screen

CTRL_C, CTRL_D, ENTER, TAB, UP = "\x03", "\x04", "\r", "\t", "\x1b[A"


def test_a_first_session(etherd: Etherd, home: Path) -> None:
    with Screen(etherd.address, home=home) as screen:
        screen.sees(f"Connected to etherd 0.1.0 at {etherd.address}.", f"{etherd.address}>")
        screen.sees("etherd 0.1.0 · 0 blocks, 0 B · ")  # the toolbar
        screen.type("al")
        screen.sees("allocate zeroed bytes and get a handle")  # the menu
        screen.type(TAB)
        screen.sees("> alloc SIZE [--session]")  # the hint
        screen.type("4096" + ENTER)
        screen.sees("> alloc 4096\n", "handle 1, 4.0 KiB (4,096 bytes)", "1 block, 4.0 KiB")
        screen.type(r'write 1 "hello, world\n"' + ENTER)
        screen.sees("wrote 13 B at 0 in 1")
        screen.type("read ")
        screen.sees("4.0 KiB\n", "handle 1\n")  # live handles with their sizes
        screen.type("$_ 16" + ENTER)
        screen.sees(
            "00000000  68 65 6c 6c 6f 2c 20 77  6f 72 6c 64 0a 00 00 00  |hello, world....|"
        )
        screen.type("free 1" + ENTER)
        screen.sees("freed 1", "0 blocks, 0 B")
        screen.type("quit" + ENTER)
        assert screen.ends() == 0


def test_keys_between_lines(etherd: Etherd, home: Path) -> None:
    with Screen(etherd.address, home=home) as screen:
        screen.is_asked("0 blocks")
        screen.type("alloc 12" + CTRL_C)
        screen.sees("> alloc 12\n" + etherd.address)
        screen.type("allocc 5" + ENTER)
        screen.sees("unknown command 'allocc': did you mean alloc?\n  allocc 5\n  ^")
        screen.type(UP + UP)
        screen.type(CTRL_C + "ping" + ENTER)
        screen.is_asked("pong, ")
        screen.type(CTRL_D)
        assert screen.ends() == 0
    history = home / ".local" / "state" / "ether" / "history"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600
    assert "+ping" in history.read_text()


def test_a_long_transfer_shows_how_far_it_is_and_leaves_nothing(etherd: Etherd, home: Path) -> None:
    (home / "file").write_bytes(bytes(9 << 20))
    with Screen(etherd.address, home=home, cwd=home) as screen:
        screen.is_asked("0 blocks")
        screen.type("load file" + ENTER)
        screen.is_asked("loaded 9.0 MiB (9,437,184 bytes) at 0 in 1, which is new\nsha256 ")
        assert "load ━".encode() in screen.raw
        assert b"44%   4.0 MiB of 9.0 MiB" in screen.raw
        assert "━" not in screen.text
    with Screen(etherd.address, "--plain", home=home, cwd=home) as screen:
        screen.type("load file\n")
        screen.sees("loaded 9.0 MiB")
        assert b"\r\x1b[K" not in screen.raw


def test_what_is_seen_while_typing(etherd: Etherd, home: Path) -> None:
    with Screen(etherd.address, home=home) as screen:
        screen.is_asked("0 blocks")
        screen.type("alloc 4096" + ENTER)
        screen.is_asked("handle 1")
        screen.type("al")
        screen.sees("> alloc 4096\n  ")  # from the history, in grey
        screen.type("\x1b[C" + CTRL_C)
        screen.is_asked("> alloc 4096\n")
        screen.type(r'write 1 "a\x00\n')
        screen.sees(" · DATA 3 B · ")
        screen.type(r"\q")
        screen.sees(r"← unknown escape \q: there are")
        screen.type(CTRL_C)
        screen.is_asked()
        screen.type("\x1bOP")  # F1
        screen.sees("Ctrl-D  leave", "F4      vi keys, and back")
        screen.type("\x1bOP\x1bOS")  # F1, F4
        screen.sees(" · vi, F1 keys")
        assert "vi keys, and back" not in screen.text


def test_pasted_lines_are_run_one_by_one(etherd: Etherd, home: Path) -> None:
    with Screen(etherd.address, home=home) as screen:
        screen.is_asked("0 blocks")
        screen.type("\x1b[200~alloc 5\nalloc 6\x1b[201~" + ENTER)
        screen.is_asked("handle 1, 5 B", "handle 2, 6 B", "2 blocks, 11 B")
        screen.type(CTRL_D)
        screen.sees("2 blocks made here are still allocated, 11 B (mine lists them): free? [y/N]")
        screen.type("y\n")
        screen.sees("freed 2 blocks")
        assert screen.ends() == 0


def test_the_server_is_killed_and_comes_back(start_etherd: StartEtherd, home: Path) -> None:
    first = start_etherd()
    with Screen(first.address, home=home) as screen:
        screen.is_asked("0 blocks")
        screen.type("alloc 64" + ENTER)
        screen.sees("handle 1, 64 B", "1 block, 64 B")
        first.process.kill()
        first.wait()
        screen.type("read $_" + ENTER)
        screen.sees(f"can't connect to {first.address}: Connection refused")
        screen.sees(f"{first.address} (disconnected)>", f"disconnected from {first.address}")
        start_etherd("--port", str(first.port))
        screen.type("list" + ENTER)
        screen.sees(f"connected to {first.address} again; $_ is forgotten", "no blocks")
        screen.is_asked()
        assert "Traceback" not in screen.text
        screen.type(CTRL_D)
        assert screen.ends() == 0


def is_sent_to(etherd: Etherd) -> bool:
    """Whether bytes lie at the daemon's door that it has not taken, as the kernel counts them."""
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = row.split()
        local, queues = fields[1], fields[4]
        waiting = int(queues.partition(":")[2], 16)
        if int(local.partition(":")[2], 16) == etherd.port and waiting:
            return True
    return False


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs the kernel's word for it")
def test_an_interrupt_in_flight(etherd: Etherd, home: Path) -> None:
    with Screen(etherd.address, home=home) as screen:
        screen.is_asked("0 blocks")
        etherd.signal(signal.SIGSTOP)
        try:
            screen.type("alloc 64" + ENTER)
            until(lambda: is_sent_to(etherd), "the request is under way")
            screen.type(CTRL_C)
            screen.is_asked("interrupted", f"disconnected from {etherd.address}")
        finally:
            etherd.signal(signal.SIGCONT)
        screen.type("list" + ENTER)
        screen.is_asked(f"connected to {etherd.address} again", "no blocks")
        screen.type(CTRL_D)
        assert screen.ends() == 0


def test_nobody_answers(start_etherd: StartEtherd, home: Path) -> None:
    gone = start_etherd()
    gone.stop()
    with Screen(gone.address, home=home) as screen:
        assert screen.ends() == 3
        assert screen.lines == [f"ether-shell: can't connect to {gone.address}: Connection refused"]


def test_a_narrow_terminal_gets_narrow_lines(etherd: Etherd, home: Path) -> None:
    with Screen(etherd.address, home=home, columns=46) as screen:
        screen.sees(f"Connected to etherd 0.1.0 at {etherd.address}.\nhelp lists commands,")
        screen.is_asked("0 blocks")
        screen.type("alloc 64" + ENTER + "write 1 narrow" + ENTER + "read 1" + ENTER)
        screen.sees("00000000  6e 61 72 72 6f 77 00 00  |narrow..|\n", "\n*\n00000040\n")
        screen.type("help alloc" + ENTER)
        screen.sees(
            "  A block outlives the connection that made\n  it. Until it is freed, everybody"
        )


def test_a_server_that_says_nothing_is_waited_for_and_given_up(home: Path) -> None:
    with fake_server(silent) as address:
        with Screen(address, "--timeout", "1", home=home) as screen:
            assert screen.ends() == 3
            waiting, given_up = screen.text.split("\n", 1)
    assert waiting == f"connecting to {address} …"
    assert given_up.replace("\n", "") == (
        f"ether-shell: {address} accepted the connection but does not answer: is it an etherd?"
        " (no answer in time)"
    )


def test_several_blocks_are_freed_after_a_question(etherd: Etherd, home: Path) -> None:
    with Screen(etherd.address, home=home) as screen:
        screen.type("alloc 1" + ENTER + "alloc 1" + ENTER + "free 1 2" + ENTER)
        screen.sees("free 2 blocks? [y/N]")
        screen.type("n\n")
        screen.sees("nothing was freed")
        screen.type("free 1 2" + ENTER)
        screen.sees("nothing was freed\n" + f"{etherd.address}> free 1 2\nfree 2 blocks? [y/N]")
        screen.type(CTRL_C)
        screen.is_asked("interrupted: nothing was freed", "2 blocks")
        assert "may or may not" not in screen.text
        screen.type("free 1 2" + ENTER)
        screen.sees(
            f"interrupted: nothing was freed\n{etherd.address}> free 1 2\nfree 2 blocks? [y/N]"
        )
        screen.type("y\n")
        screen.sees("freed 1", "freed 2")


def test_nothing_is_asked_of_who_said_yes(etherd: Etherd, home: Path) -> None:
    with Screen(etherd.address, "-y", home=home) as screen:
        screen.type("alloc 1" + ENTER + "alloc 1" + ENTER + "free 1 2" + ENTER)
        screen.sees("freed 1", "freed 2")
        assert "[y/N]" not in screen.text


def test_what_a_block_holds_never_drives_the_terminal(etherd: Etherd, home: Path) -> None:
    with Screen(etherd.address, home=home) as screen:
        screen.type("alloc 16" + ENTER)
        screen.type(r'write 1 "\e]0;owned\a\e[2J"' + ENTER)
        screen.sees("wrote 14 B")
        screen.type("read 1 --as raw" + ENTER)
        screen.sees(r"\e]0;owned\a\e[2J\0\0", "escaped, because this is a terminal")
        assert b"\x1b]0;owned" not in screen.raw


@pytest.mark.parametrize(
    ("args", "env"), [(["--plain"], {}), ([], {"TERM": "dumb"}), ([], {"TERM": ""})]
)
def test_a_plain_prompt_redraws_nothing(
    etherd: Etherd, home: Path, args: list[str], env: dict[str, str]
) -> None:
    with Screen(etherd.address, *args, home=home, env=env) as screen:
        screen.sees(f"{etherd.address}>")
        screen.type("alloc 64\n")
        screen.sees("handle 1, 64 B")
        screen.type("bogus\n")
        screen.sees(f"  bogus\n  ^\n{etherd.address}>")
        screen.type(CTRL_C)
        screen.sees(f"^C\n{etherd.address}>")
        screen.type("read 1 4\n")
        screen.sees(f"|....|\n{etherd.address}>")
        screen.type(CTRL_D)
        screen.sees("1 block made here is still allocated, 64 B (mine lists them): free? [y/N]")
        screen.type(CTRL_D)
        assert screen.ends() == 0
        assert b"\x1b" not in screen.raw


def test_colour_only_for_those_who_want_it(etherd: Etherd, home: Path) -> None:
    for env, coloured in (({}, True), ({"NO_COLOR": "1"}, False)):
        with Screen(etherd.address, "-c", "help read", "-c", "bogus", home=home, env=env) as screen:
            assert screen.ends() == 2
            screen.sees("unknown command 'bogus'")
            assert (b"\x1b[" in screen.raw) is coloured

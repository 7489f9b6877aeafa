from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from ether_protocol import AllocFlag, Command, ErrorCode, NotFound, connect
from ether_protocol.__main__ import main
from ether_protocol.tools.wireshark import dissector
from harness import Etherd
from protocol.tools.packets import Wire, write_pcap
from protocol.tools.recording import recording

COMMITTED = Path(__file__).parents[3] / "packages/protocol/wireshark/ether.lua"

needs_tshark = pytest.mark.skipif(
    shutil.which("tshark") is None, reason="tshark is not installed: nothing can run the dissector"
)

Layers = list[dict[str, list[str]]]


def tshark(home: Path, *arguments: str) -> str:
    """What tshark prints with the dissector loaded and no settings of this machine's."""
    run = subprocess.run(
        ["tshark", "-n", "-X", f"lua_script:{COMMITTED}", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={"HOME": str(home), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
    )
    assert run.returncode == 0, run.stderr
    assert "Lua Error" not in run.stdout + run.stderr
    return run.stdout


def fields(home: Path, capture: Path, *names: str, options: tuple[str, ...] = ()) -> list[str]:
    """The named fields of each packet that has a message, set apart by a bar."""
    wanted = [word for name in names for word in ("-e", name)]
    out = tshark(
        home, "-r", str(capture), *options, "-Y", "ether", "-T", "fields", "-E", "separator=|",
        *wanted,
    )  # fmt: skip
    return out.splitlines()


def name(number: str) -> str:
    """The command that tshark wrote as `number`."""
    return Command(int(number, 16)).name if number else ""


def test_the_committed_file_is_what_the_tool_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wireshark"]) == 0

    printed = capsys.readouterr().out
    assert printed == dissector()
    assert COMMITTED.read_text(encoding="utf-8") == printed, (
        "run: python -m ether_protocol wireshark > packages/protocol/wireshark/ether.lua"
    )


def test_the_template_has_no_number_of_the_protocol() -> None:
    body = dissector().partition('local ether = Proto("ether"')[2]

    words = {*Command.__members__, *ErrorCode.__members__, *AllocFlag.__members__}
    assert set(re.findall(r"[A-Z_]+", body)) & words == {"OK", "ERROR"}
    assert not re.findall(r"0x[0-9A-F]", body)


@needs_tshark
def test_a_real_session_message_by_message(etherd: Etherd, home: Path, tmp_path: Path) -> None:
    with recording(etherd) as recorded, connect(recorded.address) as client:
        client.ping(b"hi")
        block = client.alloc(100_000, session=True)
        block.write(b"x" * 50_000, offset=7)
        block.read(10)
        client.fetch_add(block.handle, 8, -5)
        client.info(block.handle)
        client.list()
        with pytest.raises(NotFound):
            client.free(99)
        client.hello()
    capture = write_pcap(tmp_path / "session.pcap", Wire().open().play(recorded.chunks).frames)

    assert [
        (name(command), int(request_id), name(answers))
        for command, request_id, answers in (
            line.split("|")
            for line in fields(home, capture, "ether.command", "ether.request_id", "ether.answers")
        )
    ] == [
        ("PING", 1, ""),
        ("PONG", 1, "PING"),
        ("ALLOC", 2, ""),
        ("OK", 2, "ALLOC"),
        ("WRITE", 3, ""),
        ("OK", 3, "WRITE"),
        ("READ", 4, ""),
        ("OK", 4, "READ"),
        ("FETCH_ADD", 5, ""),
        ("OK", 5, "FETCH_ADD"),
        ("INFO", 6, ""),
        ("OK", 6, "INFO"),
        ("LIST", 7, ""),
        ("OK", 7, "LIST"),
        ("FREE", 8, ""),
        ("ERROR", 8, "FREE"),
        ("HELLO", 9, ""),
        ("OK", 9, "HELLO"),
    ]

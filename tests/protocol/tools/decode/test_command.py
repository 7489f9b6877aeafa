from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ether_protocol import Command, Message
from ether_protocol.tools.decode.command import detect, main
from ether_protocol.wire.codec import encode
from protocol.samples import REPLIES, REQUESTS
from protocol.tools.packets import Wire, pcap

PING = encode(Message(Command.PING, request_id=1))
STREAM = b"".join(sample.wire for sample in REQUESTS + REPLIES)
CAPTURE = pcap(Wire().open().say(True, PING).say(False, REPLIES[4].wire).frames)


needs_dpkt = pytest.mark.skipif(
    find_spec("dpkt") is None, reason="dpkt is not installed: nothing can read a capture"
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bytes"


def decoded(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> list[dict[str, Any]]:
    """What `--json` prints for `arguments`, all of which is well."""
    assert main(["--json", *map(str, arguments)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    return [json.loads(line) for line in out.splitlines()]


def commands(rows: list[dict[str, Any]]) -> list[str]:
    return [row["command"] for row in rows]


def test_a_message_as_a_table(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(PING.hex(" "))

    assert main([str(file)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "at 0 · 40 bytes · PING #1",
        "offset  bytes                    name        value",
        "     0  E7 E7 E7 E7              magic       0xE7E7E7E7",
        "     4  02                       version     2",
        "     5  01                       command     PING",
        "     6  00 00                    flags       0",
        "     8  00 00 00 00 00 00 00 00  handle      0",
        "    16  00 00 00 00 00 00 00 00  size        0",
        "    24  00 00 00 00 00 00 00 00  offset      0",
        "    32  00 00 00 01              request_id  1",
        "    36  00 00 00 00              length      0",
        "",
    ]


def test_the_example_in_tools_md(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = Path(__file__).parents[4] / "docs/tools.md"
    block = re.findall(r"^    (\$ echo .*\n(?:    .*\n)+)", document.read_text(), re.M)[0]
    command, *shown = block.splitlines()
    file.write_text(command.removeprefix("$ echo ").partition(" | ")[0])

    assert main([str(file)]) == 0
    assert capsys.readouterr().out.split("\n")[:-2] == [line.removeprefix("    ") for line in shown]


def test_the_same_stream_in_every_format(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(STREAM)
    raw = decoded(capsys, file)
    file.write_text(STREAM.hex())

    assert decoded(capsys, file) == raw
    assert commands(raw) == [Command(sample.message.command).name for sample in REQUESTS + REPLIES]


@needs_dpkt
def test_a_capture(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(CAPTURE)

    ping, pong = decoded(capsys, file)

    assert (ping["command"], ping["from"], ping["to"]) == (
        "PING",
        "10.0.0.1:40000",
        "10.0.0.2:9999",
    )
    assert (pong["command"], pong["answers"]) == ("PONG", "PING")


@needs_dpkt
def test_one_port_of_a_capture(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(CAPTURE)

    assert commands(decoded(capsys, "--port", "40000", file)) == ["PING", "PONG"]
    assert main(["--port", "1", str(file)]) == 1
    assert capsys.readouterr().err == f"decode: {file}: there is no message in it\n"


def test_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments in ([], ["-"]):
        monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(PING)))
        assert commands(decoded(capsys, *arguments)) == ["PING"]


def test_the_format_is_detected() -> None:
    assert detect(PING) == "raw"
    assert detect(PING.hex().encode()) == "hex"
    assert detect(b"00000000  e7 e7  |..|\n") == "hex"
    assert detect(CAPTURE) == "pcap"
    assert detect(b"\xa1\xb2\xc3\xd4") == "pcap"
    assert detect(b"\x0a\x0d\x0d\x0a" + bytes(8)) == "pcap"
    assert detect(b"") == "hex"


def test_the_format_that_was_asked_for(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text(PING.hex())

    assert main(["--format", "raw", str(file)]) == 1
    assert "there is no message in it" in capsys.readouterr().err
    assert commands(decoded(capsys, "--format", "hex", file)) == ["PING"]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "there is nothing in it"),
        (b"hello", "line 1: 'hello' is not hexadecimal"),
        (b"\x00\x01\x02", "there is no message in it"),
        (PING + b"abc", "3 bytes of it are no whole message"),
        (PING + PING[:1], "1 byte of it are no whole message"),
        pytest.param(
            CAPTURE[:24] + b"\x00" * 5,
            "the capture can't be read after packet 0: got 5, 16 needed",
            marks=needs_dpkt,
        ),
        pytest.param(
            CAPTURE[:4],
            "the capture can't be read after packet 0: got 4, 24 needed",
            marks=needs_dpkt,
        ),
    ],
    ids=[
        "nothing",
        "words",
        "garbage",
        "a tail",
        "half a message",
        "half a packet",
        "half a header",
    ],
)
def test_bad_input_is_one_line_and_status_1(
    file: Path, capsys: pytest.CaptureFixture[str], data: bytes, reason: str
) -> None:
    file.write_bytes(data)

    assert main([str(file)]) == 1
    assert capsys.readouterr().err.startswith(f"decode: {file}: {reason}")


def test_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/no/such/file"]) == 1
    assert capsys.readouterr().err == "decode: /no/such/file: No such file or directory\n"


def test_a_token_is_not_printed(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_bytes(encode(Message(Command.AUTH, payload=b"open sesame")))

    for arguments in ([], ["--json"]):
        assert main([*arguments, str(file)]) == 0
        out = capsys.readouterr().out
        assert "11 bytes, not shown" in out
        assert b"sesame".hex() not in out.replace(" ", "").lower()
        assert "sesame" not in out


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_a_wrong_port_is_a_usage_error(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--port", port])
    assert f"{port!r} is no port: a number from 1 to 65535" in capsys.readouterr().err


def test_usage_is_status_2() -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--format", "morse"])

    assert ended.value.code == 2


@pytest.mark.parametrize("given", [PING, PING.hex().encode()], ids=["raw", "hex"])
def test_only_a_capture_needs_dpkt(given: bytes) -> None:
    assert decoded_without_dpkt(given).returncode == 0


def test_a_capture_without_dpkt_says_what_to_install() -> None:
    run = decoded_without_dpkt(CAPTURE)

    assert (run.returncode, run.stdout) == (1, b"")
    assert run.stderr.decode() == (
        "decode: standard input: reading a capture needs dpkt, which is not installed: "
        "python -m pip install 'ether-protocol[capture]'\n"
    )


def decoded_without_dpkt(given: bytes) -> subprocess.CompletedProcess[bytes]:
    """`decode` where every import of dpkt fails as if it were not there."""
    program = (
        "import sys; sys.modules['dpkt'] = None;"
        " from ether_protocol.__main__ import main; sys.exit(main(['decode']))"
    )
    return subprocess.run([sys.executable, "-c", program], input=given, capture_output=True)

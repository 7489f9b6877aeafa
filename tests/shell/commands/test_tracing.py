"""What goes over the wire, shown and saved."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from harness import Etherd
from shell.conftest import Talk


def test_every_message_is_shown_field_by_field(talk: Talk, etherd: Etherd) -> None:
    shell = talk(etherd.address)
    shell.run("alloc 16")
    assert shell.run("trace").err == "trace is off; 0 messages are kept\n"
    assert shell.run("trace on").err == "trace is on; 0 messages are kept\n"
    lines = shell.run("write 1 hello --at 2").err.splitlines()
    assert lines[0].startswith("> WRITE ")
    assert any(line.split()[-2:] == ["offset", "2"] for line in lines)
    assert any("68 65 6C 6C 6F" in line for line in lines)
    (reply,) = [line for line in lines if line.startswith("< OK ")]
    assert re.search(r"\(\d+\.\d\d ms\)$", reply)
    assert lines[-1] == "wrote 5 B at 2 in 1"
    assert shell.run("read 1 1").err.startswith("> READ ")
    assert shell.run("trace off").err == "trace is off; 4 messages are kept\n"
    assert shell.run("ping").err == ""


def test_a_trace_is_saved_as_json_lines(
    talk: Talk, etherd: Etherd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shell = talk(etherd.address)
    shell.run("trace on")
    shell.run("alloc 16")
    assert shell.run("trace save t.jsonl").err == "saved 4 messages\n"
    hello, _, request, reply = map(json.loads, Path("t.jsonl").read_text().splitlines())
    assert hello["summary"].startswith("HELLO")
    assert (request["sent"], request["ms"], reply["sent"]) == (True, None, False)
    assert request["summary"].startswith("ALLOC")
    assert reply["ms"] > 0
    fields = {field["name"]: field for field in request["fields"]}
    assert fields["size"] == {
        "offset": 16,
        "bytes": "0000000000000010",
        "name": "size",
        "value": 16,
    }


def test_what_the_prompt_asks_is_one_line_each(talk: Talk, etherd: Etherd) -> None:
    shell = talk(etherd.address, interactive=True)
    shell.session.start()
    shell.run("trace on")
    lines = shell.run("alloc 16").err.splitlines()
    heads = [line.split()[1] for line in lines if line[0] in "<>"]
    assert heads == ["PING", "PONG", "ALLOC", "OK", "LIST", "OK"]
    shown = "\n".join(lines)
    assert "magic" not in shown.partition("> ALLOC")[0]
    assert "magic" in shown.partition("> ALLOC")[2]


def test_a_trace_outlives_its_connection(talk: Talk, etherd: Etherd) -> None:
    shell = talk(etherd.address, interactive=True)
    shell.session.start()
    shell.run("trace on")
    assert shell.session.reconnect()
    assert "> ALLOC " in shell.run("alloc 1").err


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("trace save", "FILE is missing: trace save FILE"),
        ("trace on file", "trace on takes no file: trace save FILE writes one"),
        ("trace maybe", "'maybe' is not one of on, off, save"),
    ],
)
def test_what_is_no_trace(talk: Talk, etherd: Etherd, line: str, says: str) -> None:
    said = talk(etherd.address).run(line)
    assert (said.status, said.err.splitlines()[0]) == (2, says)

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from ether_protocol import ErrorCode, Message
from ether_protocol.__main__ import main
from protocol.client.doors import Certificates, tls_door, unix_door
from protocol.faulty_server import faulty_server
from protocol.scripted import refused, serving, silence

EMPTY = ""


def check(*arguments: str) -> int:
    """The exit status of `python -m ether_protocol conformance` with `arguments`."""
    try:
        return main(["conformance", *arguments])
    except SystemExit as end:
        return int(end.code or 0)


def test_0_and_a_table_where_all_rules_hold(capsys: pytest.CaptureFixture[str]) -> None:
    with faulty_server() as address:
        assert check(str(address), "--only", "headers/v2-p", "--only", "stats") == 0
    said = capsys.readouterr()
    assert [line[:39].rstrip() for line in said.out.splitlines()] == [
        "verdict  section of docs/protocol.md",
        "held     Version 2: 40 bytes",
        "held     Commands",
        said.out.splitlines()[-1][:39].rstrip(),
    ]
    assert said.out.endswith("2 held, 0 broken, 0 skipped\n")
    assert said.err == EMPTY


def test_1_and_what_was_seen_where_a_rule_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    with faulty_server("reuses handles") as address:
        assert check(str(address), "--only", "blocks/handles-ascend") == 1
    assert "expected a handle above 2\n         saw 2   (blocks/handles-ascend)" in (
        capsys.readouterr().out
    )


def test_json_is_one_object_a_rule(capsys: pytest.CaptureFixture[str]) -> None:
    with faulty_server("cuts STATS") as address:
        assert check(str(address), "--json", "--only", "bodies") == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    verdicts = {line["rule"]: line["verdict"] for line in lines}
    assert verdicts.pop("bodies/stats-parses") == "broken"
    assert len(verdicts) >= 4
    assert set(verdicts.values()) == {"held"}


def test_list_needs_no_server(capsys: pytest.CaptureFixture[str]) -> None:
    assert check("--list", "--only", "filler") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) >= 8
    assert all(line.startswith("filler/") for line in lines)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--only", "filler"),
        ("localhost:1", "--only", "no-such-rule"),
        ("localhost:99999",),
        ("localhost:1", "--timeout", "0"),
        ("localhost:1", "--timeout", "soon"),
        ("localhost:1", "--what"),
    ],
    ids=" ".join,
)
def test_2_where_the_command_is_wrong(
    arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(*arguments) == 2
    said = capsys.readouterr()
    assert said.out == EMPTY
    assert said.err.startswith("usage: python -m ether_protocol conformance")


def test_3_where_nothing_listens(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    assert check(f"127.0.0.1:{port}") == 3
    said = capsys.readouterr()
    assert said == (EMPTY, f"no connection to 127.0.0.1:{port}: Connection refused\n")


@pytest.mark.parametrize("code", [ErrorCode.FORBIDDEN, ErrorCode.BUSY, ErrorCode.UNAUTHENTICATED])
def test_3_where_this_client_is_not_served(
    code: ErrorCode, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(refused(code, "not for you")) as server:
        assert check(str(server.address)) == 3
    assert capsys.readouterr().err.endswith("not for you\n")


def test_3_where_the_server_does_not_speak_ether(capsys: pytest.CaptureFixture[str]) -> None:
    def browse(_: Message) -> bytes:
        return b"HTTP/1.0 400 Bad Request\r\n\r\n"

    for step in (silence, browse):
        with serving(step) as server:
            assert check(str(server.address), "--timeout", "0.05") == 3
        said = capsys.readouterr()
        assert said.out == EMPTY
        assert said.err.endswith(": it answers neither HELLO nor PING: is it an etherd?\n")


def test_no_control_character_of_a_server_is_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for text in ("\x1b[31mred", "\x9b31mred", "a\rb\nc\x07"):
        with serving(refused(ErrorCode.BUSY, text)) as server:
            assert check(str(server.address)) == 3
        with serving(refused(ErrorCode.QUOTA, text)) as server:
            main(["conformance", str(server.address), "--only", "hello-parses", "--timeout", "0.2"])
        said = capsys.readouterr()
        printed = said.out + said.err
        assert all(char.isprintable() or char == "\n" for char in printed)
        assert len(said.err.splitlines()) == 1


# Addresses, TLS and tokens.


def test_a_token_comes_from_a_file_or_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "token"
    file.write_text("the token of this test\n")
    monkeypatch.delenv("ETHER_TOKEN_FILE", raising=False)
    only = ("--only", "auth/only-once")
    with faulty_server(token=b"the token of this test") as address:
        assert check(str(address), *only) == 3
        assert capsys.readouterr().err == (
            f"no connection to {address}: it wants a token: give it with --token-file\n"
        )
        assert check(str(address), "--token-file", str(file), *only) == 0
        monkeypatch.setenv("ETHER_TOKEN_FILE", str(file))
        assert check(str(address), *only) == 0
        file.write_text("SECRET but wrong\n")
        capsys.readouterr()
        assert check(str(address), *only) == 3
    said = capsys.readouterr().err
    assert "it does not accept the token: ERROR UNAUTHENTICATED" in said
    assert "SECRET" not in said


def test_tls_and_unix_sockets(tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    only = ("--only", "headers/v2-p")
    with faulty_server() as server, tls_door(server.port, certificates) as tls:
        assert check(str(tls.address), "--tls-ca", certificates.ca, *only) == 0
        with pytest.warns(UserWarning, match="is not verified"):
            assert check(str(tls.address), "--tls-insecure", *only) == 0
        with unix_door(server.port, tmp_path) as unix:
            assert check(str(unix.address), *only) == 0
            assert check(f"ether+unix://{unix.address}", *only) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ethers://h", "--tls-ca", "x", "--tls-insecure"], "--tls-ca and --tls-insecure exclude"),
        (["localhost", "--tls-ca", "x"], "--tls-ca is for TLS, and localhost:9999 is without"),
        (["ethers://h", "--tls-ca", "nothing"], "--tls-ca nothing: No such file or directory"),
        (["ethers://h", "--tls-key", "x"], "--tls-key needs --tls-cert"),
        (["ehters://h"], "'ehters://' begins no address: write ether://HOST:PORT"),
    ],
)
def test_2_where_arguments_do_not_fit_together(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(*arguments) == 2
    assert words in capsys.readouterr().err

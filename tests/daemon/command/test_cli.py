from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ether_daemon import __version__
from ether_daemon.app import server
from ether_daemon.command import cli, logging_setup
from ether_daemon.settings import LogSettings, Settings, TlsSettings
from ether_protocol.wire.constants import MAX_SIZE

MIB = 1024 * 1024

Run = Callable[..., Settings]
Fail = Callable[..., tuple[int, str]]


@pytest.fixture(autouse=True)
def nothing_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of this machine's, and no logger that outlives a test."""
    for name in ("PORT", "HOST", "CONFIG", "MAX_MEMORY", "LOG_LEVEL"):
        monkeypatch.delenv(f"ETHERD_{name}", raising=False)
    monkeypatch.setattr(logging_setup, "configure", lambda settings: None)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Run:
    """What a command line would serve with."""

    def run(*arguments: str) -> Settings:
        taken: list[Settings] = []

        def serve(settings: Settings, *_: object) -> int:
            taken.append(settings)
            return 0

        monkeypatch.setattr(server, "run", serve)
        with pytest.raises(SystemExit) as end:
            cli.main([*arguments])
        assert end.value.code == 0
        return taken[0]

    return run


@pytest.fixture
def failing(capsys: pytest.CaptureFixture[str]) -> Fail:
    """The status and the one line of a command line that fails."""

    def run(*arguments: str) -> tuple[int, str]:
        with pytest.raises(SystemExit) as end:
            cli.main([*arguments])
        output = capsys.readouterr()
        assert output.out == ""
        assert output.err.startswith("etherd: ")
        assert output.err.count("\n") == 1
        assert isinstance(end.value.code, int)
        return end.value.code, output.err.removeprefix("etherd: ").rstrip("\n")

    return run


def toml(text: str) -> str:
    Path("etherd.toml").write_text(text)
    return "etherd.toml"


def test_the_defaults(settings: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "memory_bytes", lambda: 1000 * MIB)
    monkeypatch.setattr(cli, "processors", lambda: 2.0)
    assert settings() == Settings(
        max_memory_bytes=750 * MIB,
        host="0.0.0.0",
        port=9999,
        max_buffer_bytes=125 * MIB,
        max_handles=0,
        max_clients=10_000,
        idle_seconds=0,
        busy_poll_seconds=50e-6,
        insecure=False,
        log=LogSettings("info", "text", None),
    )


def test_every_flag(settings: Run) -> None:
    assert settings(
        *("--host", "::1"),
        *("--port", "8888"),
        "--no-tcp",
        *("--unix", "/run/a.sock", "--unix", "b.sock"),
        *("--unix-mode", "0660"),
        *("--max-memory", "64MiB"),
        *("--max-buffers", "33MiB"),
        *("--max-handles", "7"),
        *("--max-clients", "8"),
        *("--idle-timeout", "25"),
        *("--idle-poll", "5"),
        *("--log-level", "DEBUG"),
        *("--log-format", "json"),
        *("--log-file", "etherd.log"),
        "--insecure",
    ) == Settings(
        max_memory_bytes=64 * MIB,
        host="::1",
        port=8888,
        max_buffer_bytes=33 * MIB,
        tcp=False,
        unix=(Path("/run/a.sock"), Path("b.sock").absolute()),
        unix_mode=0o660,
        max_handles=7,
        max_clients=8,
        idle_seconds=25,
        busy_poll_seconds=5e-6,
        insecure=True,
        log=LogSettings("debug", "json", Path("etherd.log").absolute()),
    )


@pytest.mark.parametrize(
    "arguments", [("8888",), ("--port", "8888"), ("8888", "--port", "8888"), ("--port=8888",)]
)
def test_the_port_can_be_said_in_two_ways(settings: Run, arguments: tuple[str, ...]) -> None:
    assert settings(*arguments).port == 8888


def test_a_flag_beats_the_environment_beats_the_file_beats_the_default(
    settings: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = toml("port = 1111")
    heard = [settings().port, settings("--config", file).port]
    monkeypatch.setenv("ETHERD_PORT", "2222")
    heard += [settings("--config", file).port, settings("--config", file, "--port", "3333").port]
    heard += [settings("--config", file, "4444").port]
    assert heard == [9999, 1111, 2222, 3333, 4444]


def test_tls(settings: Run) -> None:
    assert settings().tls is None
    assert settings("--tls-cert", "/c.pem").tls == TlsSettings(Path("/c.pem"))
    assert settings(
        *("--tls-cert", "/c.pem", "--tls-key", "/k.pem", "--tls-ca", "/a.pem", "--tls-port", "5")
    ).tls == TlsSettings(Path("/c.pem"), Path("/k.pem"), Path("/a.pem"), 5)


def test_a_certificate_that_is_not_there(failing: Fail) -> None:
    assert failing("--port", "0", "--tls-cert", "/absent.pem") == (
        1,
        "can't use the certificate in /absent.pem: No such file or directory",
    )


def test_one_path_in_the_file_is_one_path(settings: Run) -> None:
    assert settings("--config", toml('unix = "/run/a.sock"')).unix == (Path("/run/a.sock"),)


def test_a_path_that_is_given_twice_is_one(settings: Run) -> None:
    assert settings("--unix", "a.sock", "--unix", "./a.sock").unix == (Path("a.sock").absolute(),)


def test_sizes_are_read_alike_wherever_they_come_from(
    settings: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert settings("--max-memory", "1.5MiB").max_memory_bytes == 1_572_864
    for text in ('max-memory = "1.5MiB"', "max-memory = 1_572_864", 'max_memory = "0x180000"'):
        assert settings("--config", toml(text)).max_memory_bytes == 1_572_864
    monkeypatch.setenv("ETHERD_MAX_MEMORY", "1.5MiB")
    assert settings().max_memory_bytes == 1_572_864


def test_the_file_may_say_everything(settings: Run) -> None:
    file = toml(
        """
        host = "127.0.0.1"
        port = 0
        unix = ["/run/a.sock", "/run/b.sock"]
        unix-mode = "0666"
        max-memory = "16k"
        max-buffers = "40M"
        max-handles = 1
        max_clients = 2
        idle-timeout = 3600
        idle-poll = 20
        insecure = true
        log-level = "warning"
        log-format = "json"
        log-file = "here.log"
        """
    )
    assert settings("--config", file) == Settings(
        max_memory_bytes=16384,
        host="127.0.0.1",
        port=0,
        max_buffer_bytes=40 * MIB,
        unix=(Path("/run/a.sock"), Path("/run/b.sock")),
        unix_mode=0o666,
        max_handles=1,
        max_clients=2,
        idle_seconds=3600,
        busy_poll_seconds=20e-6,
        insecure=True,
        log=LogSettings("warning", "json", Path("here.log").absolute()),
    )


@pytest.mark.parametrize(("machine", "expected"), [(64, 32), (1024, 128), (1 << 20, 256)])
def test_buffers_take_little_of_the_machine(
    settings: Run, monkeypatch: pytest.MonkeyPatch, machine: int, expected: int
) -> None:
    monkeypatch.setattr(cli, "memory_bytes", lambda: machine * MIB)
    made = settings()
    assert made is not None
    assert made.max_buffer_bytes == expected * MIB


@pytest.mark.parametrize(("processors", "expected"), [(1, 0), (1.9, 0), (2, 50e-6), (64, 50e-6)])
def test_it_does_not_poll_on_its_clients_only_processor(
    settings: Run, monkeypatch: pytest.MonkeyPatch, processors: float, expected: float
) -> None:
    monkeypatch.setattr(cli, "processors", lambda: processors)
    assert settings().busy_poll_seconds == expected
    assert settings("--idle-poll", "20").busy_poll_seconds == 20e-6


def test_the_file_can_be_named_by_the_environment(
    settings: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ETHERD_CONFIG", toml("port = 1111"))
    assert settings().port == 1111


def test_a_version_in_the_environment_is_nobodys_business(
    settings: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Container images like to carry such a variable.
    monkeypatch.setenv("ETHERD_VERSION", "0.1.0")
    assert settings().port == 9999


WRONG = [
    (("--max-memory", "12q"), "'--max-memory': '12q' is not a size: write bytes or a unit"),
    (("--max-memory", "-5"), "'--max-memory': '-5' is not a size"),
    (("--max-memory", "16383"), "'--max-memory': the least is 16384 bytes"),
    (("--max-buffers", "1MiB"), f"'--max-buffers': the least is {32 * MIB} bytes"),
    (("--max-memory", "16EiB"), f"'--max-memory': the most is {MAX_SIZE} bytes"),
    (("--idle-timeout", "-1"), "'--idle-timeout': -1 is not in the range"),
    (("--idle-timeout", "nan"), "'--idle-timeout': 'nan' is not a valid integer"),
    (("--idle-poll", "-1"), "'--idle-poll': -1 is not in the range"),
    (("--idle-poll", "nan"), "'--idle-poll': 'nan' is not a valid integer"),
    (("--max-handles", "-1"), "'--max-handles': -1 is not in the range"),
    (("--max-handles", "99999999999999999999"), "'--max-handles': 9999"),
    (("--max-clients", "0"), "'--max-clients': 0 is not in the range x>=1"),
    (("--port", "65536"), "'--port': 65536 is not in the range 0<=x<=65535"),
    (("--port", "http"), "'--port': 'http' is not a valid integer"),
    (("70000",), "'[PORT]': 70000 is not in the range"),
    (("--log-level", "loud"), "'--log-level': 'loud' is not one of"),
    (("--log-format", "xml"), "'--log-format': 'xml' is not one of"),
    (("--unix-mode", "999"), "'--unix-mode': '999' is no mode of a file, such as 0660"),
    (("--unix-mode", "rw"), "'--unix-mode': 'rw' is no mode of a file, such as 0660"),
    (("--no-tcp",), "with --no-tcp there is nothing to listen on: give --unix PATH"),
    (("--tls-key", "key.pem"), "--tls-key needs --tls-cert"),
    (("--tls-ca", "ca.pem"), "--tls-ca needs --tls-cert"),
    (("--tls-port", "9998"), "--tls-port needs --tls-cert"),
    (("--no-tcp", "--unix", "a", "--tls-cert", "c.pem"), "--tls-cert is for a TCP port"),
    (("8888", "--port", "9999"), "the port is given twice: 8888 and 9999"),
    (("1", "2"), "Got unexpected extra argument (2)"),
    (("--prot", "1"), "No such option"),
    (("--port",), "requires an argument"),
]


@pytest.mark.parametrize(("arguments", "line"), WRONG)
def test_wrong_usage_is_one_line_and_status_2(
    failing: Fail, arguments: tuple[str, ...], line: str
) -> None:
    status, said = failing(*arguments)
    assert status == 2
    assert line in said


def test_a_bad_value_says_where_it_came_from(
    failing: Fail, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, said = failing("--config", toml('max-memory = "12q"'))
    assert status == 2
    assert said.endswith("(in etherd.toml)")

    monkeypatch.setenv("ETHERD_MAX_MEMORY", "12q")
    status, said = failing()
    assert status == 2
    assert said.endswith("(from ETHERD_MAX_MEMORY)")

    status, said = failing("--max-memory", "12q")
    assert status == 2
    assert said.endswith("such as 4096 or 64MiB")


BAD_FILES = [
    ("port = ", "can't read etherd.toml: Invalid value"),
    ("prot = 1", "etherd.toml: there is no setting 'prot', did you mean port?"),
    ("max-memroy = 1", "etherd.toml: there is no setting 'max-memroy', did you mean max-memory?"),
    ("[server]\nport = 1", "etherd.toml: there is no setting 'server'"),
    ("config = 'x'", "etherd.toml: there is no setting 'config'"),
    ("port_argument = 1", "etherd.toml: there is no setting 'port_argument'"),
    ("version = true", "etherd.toml: there is no setting 'version'"),
    ("port = [1]", "etherd.toml: port is a text, a whole number, true or false"),
    ("port = 1.5", "etherd.toml: port is a text, a whole number, true or false"),
    ("host.name = 'a'", "etherd.toml: host is a text, a whole number, true or false"),
    ("unix = 5", "etherd.toml: unix is a text or a list of texts"),
    ("unix = ['a', 5]", "etherd.toml: unix is a text or a list of texts"),
    ("log-file = 2026-11-22", "etherd.toml: log-file is a text, a whole number, true or false"),
]


@pytest.mark.parametrize(("text", "line"), BAD_FILES)
def test_a_file_that_can_not_be_used_is_one_line(failing: Fail, text: str, line: str) -> None:
    """Status 1 where it can't be read, 2 where it says what no flag could."""
    status, said = failing("--config", toml(text))
    assert status == (1 if line.startswith("can't read") else 2)
    assert said.startswith(line)


def test_a_directory_is_no_file(failing: Fail) -> None:
    assert failing("--config", ".") == (1, "can't read .: Is a directory")


def test_a_file_that_is_not_there(failing: Fail) -> None:
    assert failing("--config", "absent.toml") == (
        1,
        "can't read absent.toml: No such file or directory",
    )


@pytest.mark.parametrize(
    "text", ["port = 'a'", "port = true", "insecure = 'perhaps'", "max-memory = true"]
)
def test_a_value_of_the_wrong_kind_in_the_file(failing: Fail, text: str) -> None:
    status, said = failing("--config", toml(text))
    assert (status, said.endswith("(in etherd.toml)")) == (2, True)


def test_a_taken_port(failing: Fail) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = failing("--host", "127.0.0.1", "--port", str(port))
    assert (status, said) == (1, f"can't listen on 127.0.0.1:{port}: Address already in use")


@pytest.mark.parametrize("host", ["a..b", "a" * 300])
def test_what_is_no_name_of_a_host(failing: Fail, host: str) -> None:
    assert failing("--host", host, "--port", "0") == (
        1,
        f"can't listen on {host}:0: this is no name of a host",
    )


def test_an_address_of_another_machine(failing: Fail) -> None:
    status, said = failing("--host", "2001:db8::1", "--port", "0")
    assert status == 1
    assert said.startswith("can't listen on [2001:db8::1]:0: ")


def test_a_pid_file_that_can_not_be_written(failing: Fail) -> None:
    assert failing("--host", "127.0.0.1", "--port", "0", "--pid-file", "absent/etherd.pid") == (
        1,
        f"can't write {Path('absent/etherd.pid').absolute()}: No such file or directory",
    )


def test_a_log_file_that_can_not_be_written(failing: Fail, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert failing("--port", "0", "--log-file", "/absent/etherd.log") == (
        1,
        "can't write /absent/etherd.log: No such file or directory",
    )


def test_the_pid_file_is_there_while_it_runs_and_only_its_own_is_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = Path("etherd.pid")
    seen: list[str] = []

    def serve(_: Settings, announce: object, ready: Callable[[str], None]) -> int:
        ready("banner")
        seen.append(file.read_text())
        if len(seen) == 2:
            file.unlink()
            file.write_text("1\n")
        return 0

    monkeypatch.setattr(server, "run", serve)
    for remains in (False, True):
        with pytest.raises(SystemExit):
            cli.main(["--pid-file", "etherd.pid"])
        assert file.exists() is remains
    assert seen == [f"{os.getpid()}\n"] * 2


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    for flag in ("--version", "--help", "-h"):
        with pytest.raises(SystemExit) as end:
            cli.main([flag])
        assert end.value.code == 0
    output = capsys.readouterr()
    assert output.out.startswith(f"etherd {__version__}\n")
    assert "--max-memory SIZE" in output.out
    assert output.err == ""


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    text = capsys.readouterr().out
    for parameter in cli.etherd.params:
        for name in parameter.opts:
            if name.startswith("-"):
                assert name in text

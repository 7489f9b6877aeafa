"""Real daemons that know their clients: by tokens, by users and by certificates."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from certificates import client_context, server_files
from ether_protocol import Command, ErrorCode, Message
from ether_protocol.wire import bodies
from ether_protocol.wire.bodies import decode_error
from ether_protocol.wire.codec import decode_header, encode
from harness import (
    DEADLINE_SECONDS,
    Etherd,
    StartEtherd,
    command,
    receive_all,
    receive_exactly,
    until,
)


class AuthFile:
    """An auth file, and the tokens that are in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tokens: dict[str, str] = {}
        self.flags = ("--auth-file", str(path))
        path.touch(0o600)

    def write(self, *entries: str) -> None:
        self.path.write_text("\n".join(entries))

    def entry(self, name: str, *flags: str) -> str:
        """A new entry as `etherd token` makes it."""
        made = subprocess.run(
            [command("etherd"), "token", name, *flags], capture_output=True, text=True, check=True
        )
        self.tokens[name] = made.stdout.strip()
        return made.stderr


@pytest.fixture
def auth_file(tmp_path: Path) -> AuthFile:
    file = AuthFile(tmp_path / "auth.toml")
    file.write(file.entry("ada"))
    return file


def asked(sock: socket.socket, command: int, handle: int = 0, **fields: int | bytes) -> Message:
    """The reply to a version 2 request."""
    sock.sendall(encode(Message(command, handle, **fields)))  # type: ignore[arg-type]  # by name
    reply, length = decode_header(receive_exactly(sock, 40), 0, 2)
    return reply.with_payload(receive_exactly(sock, length))


def told(reply: Message) -> tuple[ErrorCode, str]:
    error = decode_error(reply)
    return ErrorCode(error.code), str(error)


def authenticated(sock: socket.socket, token: str) -> socket.socket:
    reply = asked(sock, Command.AUTH, payload=token.encode())
    assert reply.command == Command.OK, told(reply)
    return sock


@pytest.mark.parametrize("transport", ["tcp", "unix", "tls"])
def test_a_token_lets_in_over_every_transport(
    start_etherd: StartEtherd, auth_file: AuthFile, transport: str
) -> None:
    etherd = start_etherd(*auth_file.flags, transport=transport)
    with etherd.socket() as sock, etherd.socket() as stranger:
        assert bodies.decode_hello(asked(sock, Command.HELLO).payload).auth_needed
        assert told(asked(sock, Command.ALLOC, size=8))[0] is ErrorCode.UNAUTHENTICATED
        authenticated(sock, auth_file.tokens["ada"])
        assert asked(sock, Command.ALLOC, size=8).handle == 1
        assert asked(sock, Command.WRITE, 1, payload=b"ada's").size == 5
        assert asked(sock, Command.READ, 1, size=8).payload == b"ada's\0\0\0"
        assert told(asked(stranger, Command.READ, 1, size=8))[0] is ErrorCode.UNAUTHENTICATED
    assert auth_file.tokens["ada"] not in etherd.log


def test_a_user_is_known_at_a_unix_socket(start_etherd: StartEtherd, auth_file: AuthFile) -> None:
    auth_file.write(auth_file.entry("ada"), f"uids = [{os.getuid()}]")
    etherd = start_etherd(*auth_file.flags, transport="unix")
    with etherd.socket() as sock:
        assert not bodies.decode_hello(asked(sock, Command.HELLO).payload).auth_needed
        sock.sendall(encode(Message(Command.ALLOC, size=8, version=1)))  # its only way in
        assert decode_header(receive_exactly(sock, 24), 0, 1)[0].handle == 1
        token = auth_file.tokens["ada"].encode()
        assert told(asked(sock, Command.AUTH, payload=token))[0] is ErrorCode.INVALID
    assert f"of user {os.getuid()} as ada" in etherd.log


@pytest.mark.parametrize("tokens", [True, False])
def test_a_certificate_is_known_over_tls(
    start_etherd: StartEtherd, auth_file: AuthFile, tmp_path: Path, tokens: bool
) -> None:
    auth_file.write(
        '[principals.bob]\ncertificates = "bob"', auth_file.entry("ada") if tokens else ""
    )
    files = server_files(tmp_path)
    etherd = start_etherd(*auth_file.flags, "--tls-ca", str(files.ca), transport="tls")

    def connected(name: str | None) -> socket.socket:
        sock = socket.create_connection((etherd.host, etherd.port), DEADLINE_SECONDS)
        return client_context(name).wrap_socket(sock, server_hostname=etherd.host)

    with connected("bob") as sock:
        assert asked(sock, Command.ALLOC, size=8).handle == 1
    with connected("mallory") as sock:
        assert told(asked(sock, Command.ALLOC, size=8))[0] is ErrorCode.UNAUTHENTICATED
    if tokens:  # a certificate is one way, and a token another
        with connected(None) as sock:
            authenticated(sock, auth_file.tokens["ada"])
    else:
        got = b""
        with suppress(OSError), connected(None) as sock:  # an alert, or a reset that overtook it
            sock.sendall(encode(Message(Command.PING)))
            got = receive_all(sock)
        assert got == b""


def test_a_reload_takes_new_principals_and_drops_old_ones(
    start_etherd: StartEtherd, auth_file: AuthFile
) -> None:
    etherd = start_etherd(*auth_file.flags)
    ada = authenticated(etherd.socket(), auth_file.tokens["ada"])
    assert asked(ada, Command.ALLOC, size=8).handle == 1

    auth_file.write("[principals.bob]\ntoken = 'no digest'")
    etherd.signal(signal.SIGHUP)
    until(lambda: "Nothing is reloaded" in etherd.log, "what is wrong is said")
    assert "principals.bob: token is sha256:" in etherd.log
    assert asked(ada, Command.PING).command == Command.PONG

    auth_file.write(auth_file.entry("bob"))
    etherd.signal(signal.SIGHUP)
    until(lambda: "1 connections end" in etherd.log, "the reload")
    assert receive_all(ada) == b""
    ada.close()
    with etherd.socket() as bob, etherd.socket() as late:
        authenticated(bob, auth_file.tokens["bob"])
        assert asked(bob, Command.LIST, size=9).size == 0
        reply = asked(late, Command.AUTH, payload=auth_file.tokens["ada"].encode())
        assert told(reply) == (ErrorCode.UNAUTHENTICATED, "this token is nobody's")


def test_a_reload_takes_a_new_certificate(start_etherd: StartEtherd, tmp_path: Path) -> None:
    files = server_files(tmp_path, "old.example")
    etherd = start_etherd("--tls-cert", str(files.certificate), "--tls-key", str(files.key))

    def reaches(name: str) -> bool:
        with socket.create_connection((etherd.host, etherd.port), DEADLINE_SECONDS) as sock:
            try:
                with client_context().wrap_socket(sock, server_hostname=name) as encrypted:
                    return asked(encrypted, Command.PING).command == Command.PONG
            except OSError:
                return False

    assert reaches("old.example")
    key = files.key.read_bytes()
    server_files(tmp_path, "new.example")
    new_key = files.key.read_bytes()
    files.key.write_bytes(key)
    etherd.signal(signal.SIGHUP)
    until(lambda: "the key is another certificate's" in etherd.log, "what is wrong is said")
    assert reaches("old.example")
    files.key.write_bytes(new_key)
    etherd.signal(signal.SIGHUP)
    until(lambda: reaches("new.example"), "the new certificate")
    assert not reaches("old.example")


def test_a_hangup_ends_nothing(etherd: Etherd) -> None:
    with etherd.socket() as sock:
        assert asked(sock, Command.ALLOC, size=8).handle == 1
        for _ in range(3):
            etherd.signal(signal.SIGHUP)
        assert asked(sock, Command.INFO, 1).handle == 1


def test_tokens_in_the_clear_are_warned_of(start_etherd: StartEtherd, auth_file: AuthFile) -> None:
    warned = []
    for flags in ((), ("--host", "0.0.0.0")):
        etherd = start_etherd(*auth_file.flags, *flags)
        until(lambda: "Listening on" in etherd.log, "it listens")  # noqa: B023 - called here
        warned.append("in the clear" in etherd.log)
    assert warned == [False, True]


def test_an_auth_file_that_can_not_be_used_keeps_it_from_starting(auth_file: AuthFile) -> None:
    auth_file.write("[principals.ada]\ntokn = 1")
    started = subprocess.run(
        [command("etherd"), "--port", "0", *auth_file.flags],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert started.returncode == 1
    assert started.stderr == (
        f"etherd: {auth_file.path}: principals.ada: there is no setting 'tokn', "
        "did you mean token?\n"
    )


def test_a_unix_socket_has_its_mode_and_goes_with_the_daemon(
    start_etherd: StartEtherd, tmp_path: Path
) -> None:
    paths = tmp_path / "a.sock", tmp_path / "b.sock"
    etherd = start_etherd("--unix", str(paths[0]), "--unix", str(paths[1]), "--unix-mode", "0660")
    assert [stat.S_IMODE(path.stat().st_mode) for path in paths] == [0o660] * 2
    second = subprocess.run(
        [command("etherd"), "--no-tcp", "--unix", str(paths[0])],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
    )
    assert (second.returncode, second.stderr) == (
        1,
        f"etherd: can't listen on {paths[0]}: Address already in use\n",
    )
    for path in paths:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            assert asked(sock, Command.PING).command == Command.PONG
    assert etherd.stop()[0] == 0
    assert not any(path.exists() for path in paths)


def test_what_a_killed_daemon_left_is_replaced(start_etherd: StartEtherd, tmp_path: Path) -> None:
    path = tmp_path / "a.sock"
    first = start_etherd("--unix", str(path))
    first.process.kill()
    first.wait()
    assert path.exists()
    start_etherd("--unix", str(path))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        assert asked(sock, Command.PING).command == Command.PONG

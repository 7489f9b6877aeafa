"""A token is sent where a server wants one, and is shown nowhere."""

from __future__ import annotations

import os
import pickle
import socket
import traceback
from pathlib import Path
from typing import Any

import pytest

from ether_protocol import (
    ConnectionLost,
    ErrorCode,
    EtherError,
    Forbidden,
    LocalProtocolError,
    Pool,
    ServerBusy,
    Traced,
    Unauthenticated,
    connect,
)
from ether_protocol.client.core.options import ConnectOptions
from ether_protocol.client.core.token import read_token
from protocol.client.either import Either
from protocol.scripted import hang_up, hello, ok, pong, refused, serving

TOKEN = "f00dfeedTOKENc0ffee"
WANTED = hello(auth_needed=True)


def test_a_server_that_wants_a_token_gets_it(each: Either) -> None:
    with serving(WANTED, ok(), pong) as server:
        with each.connect(server.address, token=TOKEN) as client:
            assert client.ping(b"echo") == b"echo"
            assert client.server is not None
            assert client.server.auth_needed
    assert server.seen == ["HELLO #1", f"AUTH #2 [{len(TOKEN)} bytes]", "PING #3 [4 bytes]"]


def test_a_client_that_never_comes_back_asks_whether_a_token_is_wanted(each: Either) -> None:
    with serving(WANTED, ok(), pong) as server:
        with each.connect(server.address, token=TOKEN.encode(), retry=None) as client:
            client.ping()
    assert [line.split()[0] for line in server.seen] == ["HELLO", "AUTH", "PING"]


def test_a_server_that_wants_none_gets_none(each: Either) -> None:
    with serving(hello(), pong) as server:
        with each.connect(server.address, token=TOKEN) as client:
            client.ping()
    assert [line.split()[0] for line in server.seen] == ["HELLO", "PING"]


def test_a_missing_token_is_told_and_what_to_do(each: Either) -> None:
    with serving(WANTED) as server:
        with pytest.raises(Unauthenticated) as caught:
            each.connect(server.address)
    assert str(caught.value) == (
        f"{server.address} needs a token: give it with token= or token_file="
    )
    assert caught.value.name == "UNAUTHENTICATED"


REFUSALS: dict[str, tuple[Any, type[EtherError], str]] = {
    "wrong": (
        refused(ErrorCode.UNAUTHENTICATED, f"{TOKEN} is unknown"),
        Unauthenticated,
        "HERE does not accept the token",
    ),
    "not here": (
        refused(ErrorCode.FORBIDDEN, f"{TOKEN} is too old"),
        Forbidden,
        "HERE does not accept the token: FORBIDDEN",
    ),
    "too many": (
        refused(ErrorCode.BUSY, TOKEN),
        ServerBusy,
        "HERE serves no more clients just now with the token: BUSY",
    ),
    "closed": (
        hang_up,
        ConnectionLost,
        "HERE closed the connection instead of answering AUTH",
    ),
}


@pytest.mark.parametrize("how", REFUSALS)
def test_a_refused_token_is_told_in_words_without_it(each: Either, how: str) -> None:
    step, kind, words = REFUSALS[how]
    with serving(WANTED, step) as server:
        with pytest.raises(kind) as caught:
            each.connect(server.address, token=TOKEN)
    assert str(caught.value) == words.replace("HERE", str(server.address))
    assert_hidden(caught.value)


def assert_hidden(error: BaseException) -> None:
    """The token is in no part of an error or of those behind it, however deep."""
    shown = "".join(traceback.format_exception(error))
    hidden: BaseException | None = error
    while hidden is not None:
        shown += repr(hidden) + repr(vars(hidden)) + repr(hidden.args)
        hidden = hidden.__context__
    assert TOKEN not in shown.replace(repr(TOKEN), "")
    assert TOKEN not in "".join(map(str, (error, *error.args)))


def test_each_connection_gets_the_token_that_the_file_holds_then(
    each: Either, tmp_path: Path
) -> None:
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        again = listener.dup()
        with serving(WANTED, ok(), pong, hang_up, listener=listener) as first:
            client = each.connect(first.address, token_file=file)
            client.ping()
            file.write_text("longer than the first one\n")
            with serving(WANTED, ok(), pong, listener=again) as second:
                assert client.ping(b"again") == b"again"
                client.close()
    assert first.seen[1] == f"AUTH #2 [{len(TOKEN)} bytes]"
    assert second.seen[1] == "AUTH #2 [25 bytes]"


def test_a_refused_token_names_its_file(each: Either, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    with serving(WANTED, refused(ErrorCode.UNAUTHENTICATED)) as server:
        with pytest.raises(Unauthenticated, match=f"does not accept the token in {file}$"):
            each.connect(server.address, token_file=str(file))


BAD_FILES = {
    "": "is empty",
    " \n\n ": "is empty",
    "two\nlines\n": "is more than one line",
    "x" * 4097: "is longer than 4,096 bytes",
}


@pytest.mark.parametrize("content", BAD_FILES, ids=BAD_FILES.values())
def test_a_file_that_holds_no_token(tmp_path: Path, content: str) -> None:
    file = tmp_path / "token"
    file.write_text(content)
    with pytest.raises(LocalProtocolError, match=f"the token in {file} {BAD_FILES[content]}"):
        read_token(file)


def test_a_file_that_can_not_be_read(each: Either, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    with serving(WANTED) as server:
        with pytest.raises(
            LocalProtocolError, match=f"can't read the token from {missing}: No such file"
        ):
            each.connect(server.address, token_file=missing)
    with pytest.raises(LocalProtocolError, match="Is a directory"):
        read_token(tmp_path)


def test_a_file_without_an_end_is_not_read_to_it() -> None:
    with pytest.raises(LocalProtocolError, match="/dev/zero is longer than 4,096 bytes"):
        read_token("/dev/zero")


@pytest.mark.parametrize(
    ("token", "kind", "words"),
    [
        ("", ValueError, "the token is empty"),
        (TOKEN * 300, ValueError, "the token is longer than 4,096 bytes"),
        (f"{TOKEN}\n", ValueError, "the token is more than one line"),
        (object(), TypeError, "a token is str or bytes, not object"),
        ([TOKEN], TypeError, "a token is str or bytes, not list"),
    ],
    ids=["empty", "long", "lines", "object", "list"],
)
@pytest.mark.parametrize("meet", [connect, Pool, ConnectOptions], ids=lambda meet: meet.__name__)
def test_a_token_that_can_not_be_sent(
    meet: Any, token: Any, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind) as caught:
        meet(token=token)
    assert str(caught.value) == words
    assert caught.value.__context__ is None


def test_text_that_is_no_unicode_is_sent_and_not_told(each: Either) -> None:
    with serving(WANTED, ok(), pong) as server:
        with each.connect(server.address, token="\udcff" + TOKEN) as client:
            client.ping()


def test_two_tokens_are_one_too_many() -> None:
    with pytest.raises(ValueError, match="token and token_file exclude each other") as caught:
        ConnectOptions(token=TOKEN, token_file="token")
    assert TOKEN not in str(caught.value)


def test_a_trace_shows_that_there_was_a_token_and_how_long(each: Either) -> None:
    told: list[Traced] = []
    with serving(WANTED, ok(), pong) as server:
        with each.connect(server.address, token=TOKEN, trace=told.append) as client:
            client.ping()
    auth = told[2]
    assert str(auth) == f"> AUTH #2 [{len(TOKEN)} bytes]"
    assert auth.fields[-1].value == f"{len(TOKEN)} bytes, not shown"
    assert TOKEN not in repr(told)
    assert TOKEN.encode() not in b"".join(field.data for each in told for field in each.fields)


def test_no_repr_shows_it_and_nothing_pickles_it(each: Either) -> None:
    options = ConnectOptions(token=TOKEN)
    pool = Pool("localhost", token=TOKEN)
    with serving(WANTED, ok(), pong) as server:
        with each.connect(server.address, token=TOKEN) as client:
            assert TOKEN not in repr(client) + repr(options) + repr(pool) + repr(vars(pool))
            for thing in (options, pool):
                with pytest.raises(TypeError):
                    pickle.dumps(thing)


def test_the_environment_is_left_to_programs(
    each: Either, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setenv("ETHER_TOKEN_FILE", os.fspath(tmp_path / "token"))
    with serving(WANTED) as server:
        with pytest.raises(Unauthenticated, match="needs a token"):
            each.connect(server.address)

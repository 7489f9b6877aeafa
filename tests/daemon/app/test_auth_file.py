from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ether_daemon.app.auth_file import AuthFileError, parse, read
from ether_daemon.service.access import Grant, PrincipalRules, of_certificate, of_token, of_user
from ether_daemon.service.quota import NO_LIMITS, Limits

ONE, OTHER, THIRD = (hashlib.sha256(text).digest() for text in (b"1", b"2", b"3"))
A, B, C = (f'"sha256:{digest.hex()}"' for digest in (ONE, OTHER, THIRD))


def test_everything_that_can_be_said() -> None:
    rules = parse(
        f"""
        [principals.ada]
        token = {A}
        read_token = [{B}, {C}]
        certificates = ["ada", "ada's laptop"]
        uids = [1000, 0]
        max_memory = "64MiB"
        max_handles = 10
        max_clients = 3
        max_shared = 4096
        admin = true

        [principals.bob]
        max-clients = 1
        uids = 1001
        certificates = "bob"
        [principals.carl]
        """.encode(),
        "auth.toml",
    )
    assert rules.principals == {
        "ada": PrincipalRules(
            frozenset({ONE}),
            frozenset({OTHER, THIRD}),
            frozenset({"ada", "ada's laptop"}),
            frozenset({0, 1000}),
            Limits(64 << 20, 10),
            max_clients=3,
            max_shared=4096,
            admin=True,
        ),
        "bob": PrincipalRules(
            certificates=frozenset({"bob"}), uids=frozenset({1001}), max_clients=1
        ),
        "carl": PrincipalRules(),
    }
    assert rules.principals["carl"].limits == NO_LIMITS
    assert [rules.grant(of_token(token)) for token in (b"1", b"2", b"3", b"4")] == [
        Grant("ada"),
        Grant("ada", read_only=True),
        Grant("ada", read_only=True),
        None,
    ]
    assert [rules.grant(of_user(uid)) for uid in (0, 1001, 7)] == [
        Grant("ada"),
        Grant("bob"),
        None,
    ]
    assert [rules.grant(of_certificate(name)) for name in ("bob", "1001", "ADA")] == [
        Grant("bob"),
        None,
        None,
    ]


TOKENS = "sha256: and 64 hex digits, or a list of those; see etherd token --help"
BAD = [
    ("", "auth.toml: nobody is in it, as [principals.NAME]"),
    ("[principals]", "auth.toml: nobody is in it, as [principals.NAME]"),
    ("principals = 1", "auth.toml: nobody is in it, as [principals.NAME]"),
    ("[principal.ada]", "auth.toml: there is no 'principal' here, only [principals.NAME]"),
    ("[principals.ada", "can't read auth.toml: Expected ']'"),
    ("\xff", "can't read auth.toml: "),
    ("principals.ada = 1", "principals.ada is a table: write [principals.ada]"),
    ("[principals.'a b']", "a principal is called by 1 to 64 letters, digits, '-' and '_'"),
    (f"[principals.{'a' * 65}]", "a principal is called by 1 to 64 letters"),
    ("[principals.'']", "a principal is called by 1 to 64 letters"),
    ("[principals.a]\ntokn = 1", "a: there is no setting 'tokn', did you mean token?"),
    ("[principals.a]\nread-tokens = 1", "'read-tokens', did you mean read_token?"),
    ("[principals.a]\npassword = 1", "auth.toml: principals.a: there is no setting 'password'"),
    ("[principals.a]\ntoken = 'SECRET'", f"principals.a: token is {TOKENS}"),
    ("[principals.a]\ntoken = []", f"principals.a: token is {TOKENS}"),
    ("[principals.a]\ntoken = 5", f"principals.a: token is {TOKENS}"),
    (f"[principals.a]\nread_token = [{A}, 'SECRET']", f"principals.a: read_token is {TOKENS}"),
    (f"[principals.a]\ntoken = '{A.strip(chr(34))}0'", f"principals.a: token is {TOKENS}"),
    ("[principals.a]\nuids = -1", "a: uids is the number of a user, or a list of them"),
    ("[principals.a]\nuids = [true]", "a: uids is the number of a user, or a list of them"),
    ("[principals.a]\nuids = 'root'", "a: uids is the number of a user, or a list of them"),
    ("[principals.a]\nuids = []", "a: uids is the number of a user, or a list of them"),
    ("[principals.a]\ncertificates = ''", "a: certificates is a common name, or a list of them"),
    ("[principals.a]\ncertificates = [5]", "a: certificates is a common name, or a list of them"),
    ("[principals.a]\nmax_memory = '12q'", 'a: max_memory is a size, such as "64MiB"'),
    ("[principals.a]\nmax_memory = 0", 'a: max_memory is a size, such as "64MiB"'),
    ("[principals.a]\nmax_memory = 1.5", 'a: max_memory is a size, such as "64MiB"'),
    ("[principals.a]\nmax_shared = '16EiB'", 'a: max_shared is a size, such as "64MiB"'),
    ("[principals.a]\nmax_handles = -1", "a: max_handles is a whole number from 0 on"),
    ("[principals.a]\nmax_clients = 0", "a: max_clients is a whole number from 1 on"),
    ("[principals.a]\nmax_clients = true", "a: max_clients is a whole number from 1 on"),
    ("[principals.a]\nadmin = 1", "a: admin is true or false"),
    (
        f"[principals.a]\ntoken = {A}\n[principals.b]\nread_token = [{B}, {A}]",
        "auth.toml: principals.a and principals.b have the same token",
    ),
    (
        f"[principals.a]\ntoken = {A}\nread_token = {A}",
        "auth.toml: principals.a has the same token as token and as read_token",
    ),
    (
        "[principals.a]\nuids = [1, 2]\n[principals.b]\nuids = [2]",
        "auth.toml: principals.a and principals.b have the same uid 2",
    ),
    (
        "[principals.a]\ncertificates = ['x']\n[principals.b]\ncertificates = 'x'",
        "auth.toml: principals.a and principals.b have the same certificate 'x'",
    ),
]


@pytest.mark.parametrize(("text", "line"), BAD)
def test_what_makes_no_sense_is_one_line(text: str, line: str) -> None:
    with pytest.raises(AuthFileError) as refused:
        parse(text.encode("latin-1"), "auth.toml")
    said = str(refused.value)
    assert line in said
    assert "\n" not in said
    assert "SECRET" not in said
    assert ONE.hex() not in said


@pytest.mark.parametrize(("mode", "warned"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)])
def test_others_should_not_read_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, warned: int
) -> None:
    path = tmp_path / "auth.toml"
    path.write_text(f"[principals.a]\ntoken = {A}")
    path.chmod(mode)
    assert read(path).has_tokens
    assert [record.message for record in caplog.records] == [
        f"Other users can read {path}: chmod 600 it"
    ] * warned


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AuthFileError, match=r"can't read .*absent: No such file or directory$"):
        read(tmp_path / "absent")
    with pytest.raises(AuthFileError, match=r"can't read .*: Is a directory$"):
        read(tmp_path)

"""The user's own settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ether_protocol import Address, TlsAddress, UnixAddress
from ether_shell.command.config import BadConfig, Config, load_config, parse_config
from ether_shell.settings import Access, Profile, PromptSettings
from harness import Etherd
from shell.program import ether_shell
from shell.screen import Screen


def test_what_a_file_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/of/somebody")
    assert parse_config("") == Config()
    assert parse_config(
        """
        [prompt]
        vi = true
        toolbar = false
        [profiles.dev]
        url = "localhost"
        [profiles.prod]
        url = "ether://db.example:9998"
        production = true
        token_file = "~/token"
        [profiles.safe]
        url = "ethers://db.example"
        tls_ca = "/etc/ca.pem"
        tls_cert = "cert.pem"
        tls_key = "key.pem"
        [profiles.lab]
        url = "ethers://lab.example"
        tls_insecure = true
        [profiles.here]
        url = "/run/ether.sock"
        """
    ) == Config(
        PromptSettings(vi=True, toolbar=False),
        {
            "dev": Profile(Address("localhost"), "dev"),
            "prod": Profile(
                Address("db.example", 9998),
                "prod",
                production=True,
                access=Access(token_file="/home/of/somebody/token"),
            ),
            "safe": Profile(
                TlsAddress("db.example"),
                "safe",
                access=Access(tls_ca="/etc/ca.pem", tls_cert="cert.pem", tls_key="key.pem"),
            ),
            "lab": Profile(TlsAddress("lab.example"), "lab", access=Access(tls_insecure=True)),
            "here": Profile(UnixAddress("/run/ether.sock"), "here"),
        },
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[prompt", "Expected ']'"),
        ("[prmpt]", "unknown key prmpt; known are prompt, profiles"),
        ("prompt = 1", "prompt must be a table: [prompt]"),
        ("[prompt]\ncolour = true", "unknown key prompt.colour; known are menu, hints, "),
        ("[prompt]\nvi = 1", "prompt.vi must be true or false"),
        ("[profiles.x]", 'profiles.x needs a url: "ether://HOST:PORT"'),
        ("[profiles.x]\nurl = 5", "profiles.x.url must be a string"),
        ('[profiles.x]\nurl = "host:x"', "profiles.x.url: "),
        (
            '[profiles.x]\nurl = "h"\nproduction = "yes"',
            "profiles.x.production must be true or false",
        ),
        ("profiles = 1", "profiles must be a table"),
        ('[profiles.x]\nurl = "h"\ntoken = "SECRET"', "unknown key profiles.x.token; known are"),
        ('[profiles.x]\nurl = "h"\ntls_ca = 1', "profiles.x.tls_ca must be the name of a file"),
        ('[profiles.x]\nurl = "h"\ntls_insecure = 1', "profiles.x.tls_insecure must be true or"),
    ],
)
def test_what_a_file_can_not_say(text: str, says: str) -> None:
    with pytest.raises(BadConfig) as error:
        parse_config(text)
    assert str(error.value).startswith(says)


def test_without_a_file_everything_is_default(tmp_path: Path) -> None:
    assert load_config(tmp_path / "shell.toml") == Config()
    (tmp_path / "shell.toml").write_bytes(b"\xff")
    with pytest.raises(BadConfig, match=r"shell\.toml: it is not UTF-8"):
        load_config(tmp_path / "shell.toml")


def configured(home: Path, text: str) -> None:
    path = home / ".config" / "ether" / "shell.toml"
    path.parent.mkdir(parents=True)
    path.write_text(text)


@pytest.mark.parametrize("arguments", [["prod"], ["--profile", "prod"]])
def test_a_profile_is_an_address(etherd: Etherd, home: Path, arguments: list[str]) -> None:
    configured(home, f'[profiles.prod]\nurl = "ether://{etherd.address}"')
    assert ether_shell(*arguments, "-c", "alloc 5", home=home).stdout == b"1\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--profile", "nil"], "ether-shell: there is no profile 'nil'; there are: prod\n"),
        (["prod", "--profile", "prod"], "an address and --profile exclude each other\n"),
    ],
)
def test_no_such_profile(home: Path, arguments: list[str], says: str) -> None:
    configured(home, '[profiles.prod]\nurl = "ether://localhost"')
    done = ether_shell(*arguments, "-c", "ping", home=home)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.decode().endswith(says)


def test_a_bad_file_is_one_clear_line(home: Path) -> None:
    configured(home, "[prompt]\nvi = 1")
    done = ether_shell("-c", "ping", home=home)
    assert done.returncode == 2
    assert done.stderr.decode() == (
        f"ether-shell: {home}/.config/ether/shell.toml: prompt.vi must be true or false\n"
    )


def test_production_is_labelled_and_red(etherd: Etherd, home: Path) -> None:
    configured(home, f'[profiles.prod]\nurl = "{etherd.address}"\nproduction = true')
    with Screen("prod", home=home) as screen:
        screen.sees(
            "PRODUCTION prod>", " PRODUCTION  etherd 0.1.0 · ", f" · {etherd.address} · F1 keys"
        )
        assert re.search(rb"\x1b\[[0-9;]*;41;?[0-9;]*mPRODUCTION prod", screen.raw)
    with Screen("prod", "--plain", home=home) as screen:
        screen.sees("PRODUCTION prod>")
        assert b"\x1b" not in screen.raw


def test_all_of_the_prompt_can_be_switched_off(etherd: Etherd, home: Path) -> None:
    off = ("menu", "hints", "suggestions", "validation", "toolbar", "history", "questions")
    configured(home, "[prompt]\n" + "\n".join(f"{name} = false" for name in off))
    with Screen(etherd.address, home=home) as screen:
        screen.type("alloc 5\r")
        screen.sees("handle 1, 5 B", f"{etherd.address}> alloc 5\nhandle 1, 5 B\n{etherd.address}>")
        screen.type("allo 5\r")
        screen.sees("did you mean alloc?", f"^\n{etherd.address}>")  # keys before that are lost
        assert "←" not in screen.text
        assert "etherd 0.1.0 ·" not in screen.text
        screen.type("\x04")
        assert screen.ends() == 0
    assert not (home / ".local" / "state").exists()

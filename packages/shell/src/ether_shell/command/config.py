"""The user's configuration file: `$XDG_CONFIG_HOME/ether/shell.toml`.

    [prompt]
    vi = true
    suggestions = false

    [profiles.prod]
    url = "ethers://memory.example.com:9999"
    production = true
    token_file = "~/.config/ether/prod.token"
    tls_ca = "~/.config/ether/prod-ca.pem"

Rule: one file is read here and none is written. The values and their defaults are in `settings`;
an unknown key is an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ether_protocol import parse_address
from ether_shell.settings import Access, Profile, PromptSettings, expanded


class BadConfig(Exception):
    """The file can't be used; the text says why, in one line."""


@dataclass(frozen=True, slots=True)
class Config:
    """The content of the file."""

    prompt: PromptSettings = field(default_factory=PromptSettings)
    profiles: Mapping[str, Profile] = field(default_factory=dict)


def load_config(path: Path) -> Config:
    """Read `path`; the defaults where there is no such file. Raises BadConfig."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(
            f"{path}: {getattr(error, 'strerror', None) or 'it is not UTF-8'}"
        ) from None
    try:
        return parse_config(text)
    except BadConfig as error:
        raise BadConfig(f"{path}: {error}") from None


def parse_config(text: str) -> Config:
    """Parse the text of the file. Raises BadConfig."""
    import tomllib  # needed only where there is such a file

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(str(error)) from None
    _check_keys("", values, ("prompt", "profiles"))
    prompt = _table("prompt", values.get("prompt", {}))
    _check_keys("prompt.", prompt, tuple(each.name for each in fields(PromptSettings)))
    for name, value in prompt.items():
        _check_type(f"prompt.{name}", value, bool, "true or false")
    profiles = _table("profiles", values.get("profiles", {}))
    return Config(
        PromptSettings(**prompt), {name: _profile(name, value) for name, value in profiles.items()}
    )


def _profile(name: str, value: Any) -> Profile:
    where = f"profiles.{name}"
    table = _table(where, value)
    access = tuple(each.name for each in fields(Access))
    _check_keys(f"{where}.", table, ("url", "production", *access))
    if "url" not in table:
        raise BadConfig(f'{where} needs a url: "ether://HOST:PORT"')
    _check_type(f"{where}.url", table["url"], str, "a string")
    production = table.get("production", False)
    _check_type(f"{where}.production", production, bool, "true or false")
    try:
        address = parse_address(table["url"])
    except ValueError as error:
        raise BadConfig(f"{where}.url: {error}") from None
    return Profile(address, name, production, _access(where, table))


def _access(where: str, table: dict[str, Any]) -> Access:
    values: dict[str, Any] = {}
    for key in (each.name for each in fields(Access) if each.name in table):
        if key == "tls_insecure":
            _check_type(f"{where}.{key}", table[key], bool, "true or false")
            values[key] = table[key]
        else:
            _check_type(f"{where}.{key}", table[key], str, "the name of a file")
            values[key] = expanded(table[key])
    return Access(**values)


def _table(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadConfig(f"{where} must be a table: [{where}]")
    return value


def _check_keys(where: str, table: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in table:
        if name not in names:
            raise BadConfig(f"unknown key {where}{name}; known are {', '.join(names)}")


def _check_type(where: str, value: Any, kind: type, words: str) -> None:
    if not isinstance(value, kind):
        raise BadConfig(f"{where} must be {words}")

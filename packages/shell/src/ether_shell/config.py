"""The user's own settings: `$XDG_CONFIG_HOME/ether/shell.toml`.

    [prompt]
    vi = true
    suggestions = false

    [profiles.prod]
    url = "ether://memory.example.com:9999"
    production = true

Rule: pure but for one file that is read; every key has its meaning and its
default in a dataclass here, and one that has none is an error, not a wish.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ether_protocol import Address, parse_address


class BadConfig(Exception):
    """The file can't be used; the text says why, in one line."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a person wants to see while typing, and how keys are understood."""

    menu: bool = True
    hints: bool = True
    suggestions: bool = True
    validation: bool = True
    toolbar: bool = True
    history: bool = True
    questions: bool = True
    vi: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """A server by name.  A `production` one is marked wherever the prompt is."""

    address: Address
    name: str = ""
    production: bool = False


@dataclass(frozen=True, slots=True)
class Config:
    """All that the file says."""

    prompt: Prompt = field(default_factory=Prompt)
    profiles: Mapping[str, Profile] = field(default_factory=dict)


def config_path(environment: Mapping[str, str]) -> Path:
    """`$XDG_CONFIG_HOME/ether/shell.toml`; a folder that is no absolute path counts for none."""
    folder = Path(environment.get("XDG_CONFIG_HOME", ""))
    if not folder.is_absolute():
        folder = Path(environment.get("HOME") or Path.home()) / ".config"
    return folder / "ether" / "shell.toml"


def load_config(path: Path) -> Config:
    """What `path` says, the defaults where there is no such file; raises BadConfig."""
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError) as error:
        raise BadConfig(f"{path}: {getattr(error, 'strerror', None) or 'it is no UTF-8'}") from None
    try:
        return parse_config(text)
    except BadConfig as error:
        raise BadConfig(f"{path}: {error}") from None


def parse_config(text: str) -> Config:
    """What `text` says; raises BadConfig."""
    import tomllib  # only who has such a file waits for it

    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfig(str(error)) from None
    _known("", values, ("prompt", "profiles"))
    prompt = _table("prompt", values.get("prompt", {}))
    _known("prompt.", prompt, tuple(each.name for each in fields(Prompt)))
    for name, value in prompt.items():
        _is(f"prompt.{name}", value, bool, "true or false")
    profiles = _table("profiles", values.get("profiles", {}))
    return Config(
        Prompt(**prompt), {name: _profile(name, value) for name, value in profiles.items()}
    )


def _profile(name: str, value: Any) -> Profile:
    where = f"profiles.{name}"
    table = _table(where, value)
    _known(f"{where}.", table, ("url", "production"))
    if "url" not in table:
        raise BadConfig(f'{where} needs a url: "ether://HOST:PORT"')
    _is(f"{where}.url", table["url"], str, "a string")
    production = table.get("production", False)
    _is(f"{where}.production", production, bool, "true or false")
    try:
        return Profile(parse_address(table["url"]), name, production)
    except ValueError as error:
        raise BadConfig(f"{where}.url: {error}") from None


def _table(where: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadConfig(f"{where} is a table: [{where}]")
    return value


def _known(where: str, table: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in table:
        if name not in names:
            raise BadConfig(f"there is no {where}{name}, only {', '.join(names)}")


def _is(where: str, value: Any, kind: type, words: str) -> None:
    if not isinstance(value, kind):
        raise BadConfig(f"{where} is {words}")

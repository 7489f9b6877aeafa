"""The configuration file: TOML, with the names of the flags as keys.

Rule: text in, a table of values out; whether a value is any good is decided
where the flags' values are.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Collection
from pathlib import Path


class ConfigError(Exception):
    """The file can't be used; the message says which file and why."""


class BadSetting(ConfigError):
    """The file says something that no flag could say."""


def load(
    path: Path, known: Collection[str], repeatable: Collection[str] = ()
) -> dict[str, str | list[str]]:
    """The values in the file at `path` by parameter name, such as `max_memory`.

    Keys may be written as the flags are (`max-memory`) or with underscores;
    values come back as the flags' are, as text, and as a list of texts for a
    `repeatable` flag.  Raises ConfigError for a file that can't be read or is no
    TOML, BadSetting for a key that is not in `known` or a value that no flag
    could have.
    """
    try:
        with path.open("rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise ConfigError(f"can't read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"can't read {path}: {error}") from None
    values: dict[str, str | list[str]] = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f", did you mean {near[0].replace('_', '-')}?" if near else ""
            raise BadSetting(f"{path}: there is no setting {key!r}{hint}")
        if name in repeatable:
            values[name] = _texts(path, key, value)
            continue
        if not isinstance(value, str | int):
            raise BadSetting(f"{path}: {key} is a text, a whole number, true or false")
        values[name] = str(value)
    return values


def _texts(path: Path, key: str, value: object) -> list[str]:
    texts: list[str] = []
    for text in value if isinstance(value, list) else [value]:
        if not isinstance(text, str):
            raise BadSetting(f"{path}: {key} is a text or a list of texts")
        texts.append(text)
    return texts

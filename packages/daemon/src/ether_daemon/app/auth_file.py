"""The auth file: TOML with a table for each principal, and what each of them may do.

Rule: text in, rules out; a value that could be a secret is in no message.
"""

from __future__ import annotations

import difflib
import logging
import re
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path

from ether_daemon.service.access import (
    DIGEST,
    AccessRules,
    PrincipalRules,
    conflict,
    is_principal_name,
)
from ether_daemon.service.quota import NO_LIMITS, Limits
from ether_daemon.settings import CannotStart
from ether_protocol.wire.constants import MAX_SIZE
from ether_protocol.wire.sizes import parse_size

log = logging.getLogger("etherd")

PRINCIPALS = "principals"
_DIGEST = re.compile(rf"{DIGEST}:([0-9A-Fa-f]{{64}})")
_MOST_UID = 2**32 - 2


class AuthFileError(CannotStart):
    """The file can't be used; the message says which file, where in it, and why."""


class _BadValue(Exception):
    """What a key has to be."""


def read(path: Path) -> AccessRules:
    """The rules in the file at `path`; raises AuthFileError."""
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(path.stat().st_mode)
            data = file.read()
    except OSError as error:
        raise AuthFileError(f"can't read {path}: {error.strerror}") from None
    if mode & 0o077:
        log.warning("Other users can read %s: chmod 600 it", path)
    return parse(data, str(path))


def parse(data: bytes, path: str) -> AccessRules:
    """The rules that `data` says, which came from `path`; raises AuthFileError."""
    try:
        table = tomllib.loads(data.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AuthFileError(f"can't read {path}: {error}") from None
    for key in table:
        if key != PRINCIPALS:
            raise AuthFileError(f"{path}: there is no {key!r} here, only [{PRINCIPALS}.NAME]")
    tables = table.get(PRINCIPALS)
    if not isinstance(tables, dict) or not tables:
        raise AuthFileError(f"{path}: nobody is in it, as [{PRINCIPALS}.NAME]")
    principals = {name: _principal(name, each, path) for name, each in tables.items()}
    twice = conflict(principals)
    if twice is not None:
        raise AuthFileError(f"{path}: {twice}")
    return AccessRules(principals)


def _principal(name: str, table: object, path: str) -> PrincipalRules:
    if not is_principal_name(name):
        raise AuthFileError(
            f"{path}: a principal is called by 1 to 64 letters, digits, '-' and '_', not {name!r}"
        )
    where = f"{path}: {PRINCIPALS}.{name}"
    if not isinstance(table, dict):
        raise AuthFileError(f"{where} is a table: write [{PRINCIPALS}.{name}]")
    values: dict[str, object] = {}
    for key, value in table.items():
        known = key.replace("-", "_")
        if known not in _READERS:
            near = difflib.get_close_matches(known, _READERS, 1)
            hint = f", did you mean {near[0]}?" if near else ""
            raise AuthFileError(f"{where}: there is no setting {key!r}{hint}")
        try:
            values[known] = _READERS[known](value)
        except _BadValue as error:
            raise AuthFileError(f"{where}: {key} is {error}") from None
    limits = Limits(
        values.pop("max_memory", NO_LIMITS.max_memory_bytes),  # type: ignore[arg-type]  # by _READERS
        values.pop("max_handles", 0),  # type: ignore[arg-type]  # by _READERS
    )
    renamed = {_FIELDS.get(key, key): value for key, value in values.items()}
    return PrincipalRules(limits=limits, **renamed)  # type: ignore[arg-type]  # by _READERS


def _several(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _digests(value: object) -> frozenset[bytes]:
    found = [_DIGEST.fullmatch(each) if isinstance(each, str) else None for each in _several(value)]
    if not found or None in found:
        raise _BadValue(f"{DIGEST}: and 64 hex digits, or a list of those; see etherd token --help")
    return frozenset(bytes.fromhex(match[1]) for match in found if match)


def _common_names(value: object) -> frozenset[str]:
    names = [each for each in _several(value) if isinstance(each, str) and each]
    if not names or len(names) != len(_several(value)):
        raise _BadValue("a common name, or a list of them")
    return frozenset(names)


def _uids(value: object) -> frozenset[int]:
    uids = [each for each in _several(value) if _is_number(each, 0, _MOST_UID)]
    if not uids or len(uids) != len(_several(value)):
        raise _BadValue("the number of a user, or a list of them")
    return frozenset(int(str(uid)) for uid in uids)


def _is_number(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _number(least: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if not _is_number(value, least, MAX_SIZE):
            raise _BadValue(f"a whole number from {least} on")
        return int(str(value))

    return read


def _size(value: object) -> int:
    try:
        size = parse_size(value) if isinstance(value, str) else value
    except ValueError:
        size = None
    if not _is_number(size, 1, MAX_SIZE):
        raise _BadValue('a size, such as "64MiB"')
    return int(str(size))


def _truth(value: object) -> bool:
    if not isinstance(value, bool):
        raise _BadValue("true or false")
    return value


_READERS: dict[str, Callable[[object], object]] = {
    "token": _digests,
    "read_token": _digests,
    "certificates": _common_names,
    "uids": _uids,
    "max_memory": _size,
    "max_handles": _number(0),
    "max_clients": _number(1),
    "max_shared": _size,
    "admin": _truth,
}
"""What may be said of a principal, and what makes sense of it."""

_FIELDS = {"token": "tokens", "read_token": "read_tokens"}

"""packages/protocol/vectors, as data.

Rule: only JSON's notation is undone here, as vectors/README.md tells it; what
is in the files is never made from the code that they judge.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ether_protocol import Command, Message

FOLDER = Path(__file__).parents[2] / "packages" / "protocol" / "vectors"

Vector = dict[str, Any]
Bytes = str | list[Any]


def load(file: str) -> dict[str, Any]:
    """The whole of a file."""
    loaded: dict[str, Any] = json.loads((FOLDER / file).read_text(encoding="utf-8"))
    return loaded


def vectors(*files: str) -> list[Vector]:
    """The vectors of one or several files."""
    return [vector for file in files for vector in load(file)["vectors"]]


def each(*files: str) -> pytest.MarkDecorator:
    """Run a test once for each vector, under its own name."""
    return pytest.mark.parametrize("vector", vectors(*files), ids=lambda vector: vector["name"])


def data(notation: Bytes) -> bytes:
    """The bytes that `notation` stands for."""
    pieces = [notation] if isinstance(notation, str) else notation
    return b"".join(
        bytes.fromhex(piece)
        if isinstance(piece, str)
        else bytes.fromhex(piece["repeat"]) * piece["times"]
        for piece in pieces
    )


def number(notation: int | str) -> int:
    """The number that `notation` stands for."""
    return int(notation)


def message(fields: dict[str, Any]) -> Message:
    """The message with `fields`; those that are missing are 0."""
    named = {name: int(value) for name, value in fields.items() if name in _NUMBERS}
    command = fields["command"]
    number = Command[command] if isinstance(command, str) else command
    return Message(number, payload=data(fields.get("payload", "")), **named)


_NUMBERS = {"version", "flags", "handle", "size", "offset", "request_id", "code"}

"""Results and failures as JSON, one object per line.

Rule: pure. The keys of an object are the fields of the result in their order, unless its
renderer says otherwise; bytes are base64.
"""

from __future__ import annotations

import json
from typing import Any

from ether_shell.language.declaration import Result
from ether_shell.problems import Failure

from .registry import as_json


def success(command: str, result: Result) -> str:
    """The line for a `result` of `command`."""
    return _line({"command": command, "ok": True, **as_json(result)})


def failure(command: str | None, failed: Failure) -> str:
    """The line for a `command` that failed; `command` is None where the line has none."""
    values: dict[str, Any] = {"command": command, "ok": False}
    values |= {"error": failed.name, "message": failed.message}
    if failed.written is not None:
        values["written"] = failed.written
    return _line(values)


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values, separators=(",", ":"))

"""Results and failures as JSON, one object a line.

Rule: pure.  The keys of an object are the fields of the result, in their
order, unless its look says otherwise; bytes are base64.
"""

from __future__ import annotations

import json
from typing import Any

from ether_shell.language.declaration import Result
from ether_shell.problems import Failure

from .render import shape


def success(command: str, result: Result) -> str:
    """The line for a `result` of `command`."""
    return _line({"command": command, "ok": True, **shape(result)})


def failure(command: str | None, failed: Failure) -> str:
    """The line for a `command` that failed; None where not even its name was understood."""
    values: dict[str, Any] = {"command": command, "ok": False}
    values |= {"error": failed.name, "message": failed.message}
    if failed.written is not None:
        values["written"] = failed.written
    return _line(values)


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values, separators=(",", ":"))

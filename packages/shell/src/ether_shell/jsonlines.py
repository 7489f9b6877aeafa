"""Results and failures as JSON, one object a line (DESIGN §5).

Rule: pure.  The keys of an object are the fields of the result, in their
order, unless the table below says otherwise; bytes are base64.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from . import results
from .problems import Failure
from .render import moment
from .results import Piece, Result


def success(command: str, result: Result) -> str:
    """The line for a `result` of `command`."""
    values = _SHAPES.get(type(result), _as_declared)(result)
    return _line({"command": command, "ok": True, **values})


def failure(command: str | None, failed: Failure) -> str:
    """The line for a `command` that failed; None where not even its name was understood."""
    values: dict[str, Any] = {"command": command, "ok": False}
    values |= {"error": failed.name, "message": failed.message}
    if failed.written is not None:
        values["written"] = failed.written
    return _line(values)


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values, separators=(",", ":"))


def _plain(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _as_declared(result: Any) -> dict[str, Any]:
    return {field.name: _plain(getattr(result, field.name)) for field in fields(result)}


def _pong(result: results.Pong) -> dict[str, Any]:
    return {"ms": round(result.ms, 3)}


def _described(result: results.Described) -> dict[str, Any]:
    values = _as_declared(result)
    values["created"] = moment(values.pop("created_ms"))
    return values


def _listing(result: results.Listing) -> dict[str, Any]:
    return {
        "count": result.count,
        "blocks": [{"handle": handle, "size": size} for handle, size in result.blocks],
    }


def _bytes(result: results.Bytes) -> dict[str, Any]:
    data = b"".join([part.data for part in result.parts if isinstance(part, Piece)])
    return {
        "handle": result.handle,
        "offset": result.offset,
        "size": len(data),
        "data": _plain(data),
    }


def _manual(result: results.Manual) -> dict[str, Any]:
    shown = (result.topic,) if result.topic else result.commands
    return {
        "commands": [
            {"name": each.name, "usage": each.usage, "summary": each.summary} for each in shown
        ]
    }


_SHAPES: dict[type[Any], Callable[[Any], dict[str, Any]]] = {
    results.Pong: _pong,
    results.Described: _described,
    results.Listing: _listing,
    results.Bytes: _bytes,
    results.Manual: _manual,
}
"""Results whose JSON is not simply their fields."""

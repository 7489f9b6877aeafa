"""The dissector for Wireshark: tables made from `wire`, and a Lua template that reads them.

Rule: every number and field of the protocol in the output comes from `wire`;
`ether.lua.template` has none of its own.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

from ether_protocol.inspect.dissect import MAX_BODY_FIELDS, SECRET
from ether_protocol.wire import schema
from ether_protocol.wire.codec import HEADER_BYTES, V1_WITH_PAYLOAD
from ether_protocol.wire.constants import (
    DEFAULT_PORT,
    KNOWN_FLAGS,
    MAGIC_BYTES,
    MAX_PAYLOAD_BYTES,
    REPLIES,
    VERSION_1,
    AllocFlag,
    Command,
    ErrorCode,
)
from ether_protocol.wire.framing import FILLER_COMMANDS
from ether_protocol.wire.schema import FieldSpec

_TEMPLATE = "ether.lua.template"
_BANNER = """\
-- Ether's protocol for Wireshark (docs/protocol.md).
-- Written by `python -m ether_protocol wireshark`: change that, not this.
"""


def main(arguments: list[str]) -> int:
    """Print the dissector; returns 0."""
    argparse.ArgumentParser(
        prog="python -m ether_protocol wireshark",
        description="Print a Wireshark dissector for the Ether protocol, in Lua. Put it into "
        "Wireshark's folder of personal Lua plugins, or pass it to tshark with -X lua_script:FILE.",
    ).parse_args(arguments)
    sys.stdout.write(dissector())
    return 0


def dissector() -> str:
    """The whole Lua file."""
    template = files(__package__).joinpath(_TEMPLATE).read_text(encoding="utf-8")
    return f"{_BANNER}\n{_tables()}\n{template}"


def _tables() -> str:
    headers = {
        version: f"{{ size = {HEADER_BYTES[version]}, fields = {_field_table(declaration, 1)} }}"
        for version, declaration in schema.HEADERS.items()
    }
    known = {
        command: _set(f'["{flag.name}"]' for flag in AllocFlag if flag & bits)
        for command, bits in KNOWN_FLAGS.items()
    }
    tables = {
        "PORT": str(DEFAULT_PORT),
        "MAGIC": '"' + "".join(f"\\x{byte:02X}" for byte in MAGIC_BYTES) + '"',
        "MAX_PAYLOAD_BYTES": str(MAX_PAYLOAD_BYTES),
        "MAX_BODY_FIELDS": str(MAX_BODY_FIELDS),
        "UNKNOWN_HEADER_BYTES": str(HEADER_BYTES[VERSION_1]),
        "OK": _hex(Command.OK),
        "ERROR": _hex(Command.ERROR),
        "COMMANDS": _table({_hex(command): f'"{command.name}"' for command in Command}),
        "ERROR_CODES": _table({str(int(code)): f'"{code.name}"' for code in ErrorCode}),
        "FLAGS": _table({f'"{flag.name}"': _hex(flag) for flag in AllocFlag}),
        "KNOWN_FLAGS": _table({_hex(command): flags for command, flags in known.items()}),
        "REPLIES": _commands(REPLIES),
        "SECRET": _commands(SECRET),
        "FILLER_COMMANDS": _commands(FILLER_COMMANDS),
        "V1_WITH_PAYLOAD": _commands(V1_WITH_PAYLOAD),
        "HEADERS": _table({str(version): text for version, text in headers.items()}),
        "REQUEST_BODIES": _bodies(schema.REQUEST_BODIES),
        "REPLY_BODIES": _bodies(schema.REPLY_BODIES),
        "ERROR_BODY": _field_table(schema.ERROR_REPLY, 0),
    }
    return "".join(f"local {name} = {text}\n" for name, text in tables.items())


def _table(rows: Mapping[str, str]) -> str:
    return "{\n" + "".join(f"  [{key}] = {value},\n" for key, value in rows.items()) + "}"


def _set(keys: Iterable[str]) -> str:
    return "{ " + ", ".join(f"{key} = true" for key in keys) + " }"


def _commands(commands: Iterable[Command]) -> str:
    return _set(f"[{_hex(command)}]" for command in sorted(commands))


def _hex(number: int) -> str:
    return f"0x{number:02X}"


def _bodies(bodies: Mapping[Command, Any]) -> str:
    return _table({_hex(command): _field_table(body, 1) for command, body in bodies.items()})


def _field_table(declaration: Any, depth: int) -> str:
    return _rows(schema.field_specs(declaration), depth)


def _rows(fields: tuple[FieldSpec, ...], depth: int) -> str:
    indent = "  " * (depth + 1)
    rows = "".join(f"{indent}{{ {_row(field, depth + 1)} }},\n" for field in fields)
    return f"{{\n{rows}{'  ' * depth}}}"


def _row(field: FieldSpec, depth: int) -> str:
    words = [f'name = "{field.name}"', f'kind = "{field.kind}"']
    if field.size:
        words.append(f"size = {field.size}")
    if field.element:
        words.append(f"element = {_rows(field.element, depth)}")
    return ", ".join(words)

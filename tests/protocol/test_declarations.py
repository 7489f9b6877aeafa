from __future__ import annotations

import ast
import struct
from pathlib import Path
from typing import Any

import construct
import pytest

import ether_protocol
from ether_protocol import Command, declarations
from ether_protocol.declarations import layout
from protocol import document
from protocol.samples import ERROR_BODY, HELLO_BODY, INFO_BODY, LIST_BODY, STATS_BODY


@pytest.mark.parametrize(
    ("declaration", "title"),
    [
        (declarations.HEADER_V1, "Version 1: 24 bytes"),
        (declarations.HEADER_V2, "Version 2: 40 bytes"),
    ],
    ids=["version 1", "version 2"],
)
def test_a_header_has_the_fields_of_the_document(declaration: Any, title: str) -> None:
    declared = layout(declaration)
    documented = document.rows(title)

    assert declared.names == tuple(row[2].replace(" ", "_") for row in documented)
    offset = 0
    for code, (at, count, *_) in zip(declared.format[1:], documented, strict=True):
        assert (int(at), int(count)) == (offset, struct.calcsize(">" + code))
        offset += int(count)
    assert offset == declaration.sizeof()


FIXED_BODIES = [
    (declarations.INFO_REPLY, ">QHQ"),
    (declarations.LIST_ENTRY, ">QQ"),
    (declarations.FILL_REQUEST, ">B"),
    (declarations.COPY_REQUEST, ">QQ"),
    (declarations.COMPARE_SWAP_REQUEST, ">8s8s"),
    (declarations.COMPARE_SWAP_REPLY, ">8s"),
    (declarations.FETCH_ADD_REQUEST, ">q"),
    (declarations.FETCH_ADD_REPLY, ">Q"),
]


@pytest.mark.parametrize(("declaration", "format_"), FIXED_BODIES, ids=[f for _, f in FIXED_BODIES])
def test_a_body_of_fixed_size_has_a_layout(declaration: Any, format_: str) -> None:
    assert layout(declaration).format == format_
    assert struct.calcsize(format_) == declaration.sizeof()


@pytest.mark.parametrize(
    "field",
    [
        construct.GreedyBytes,
        construct.GreedyString("utf8"),
        construct.PascalString(construct.Int8ub, "utf8"),
        construct.PrefixedArray(construct.Int8ub, construct.Int8ub),
        construct.Array(3, construct.Int8ub),
        construct.Padded(4, construct.Int8ub),
        construct.Bytes(construct.this.length),
        construct.Int16ul,
        construct.Struct("inner" / construct.Int8ub),
    ],
    ids=lambda field: repr(field),
)
def test_what_is_no_plain_field_has_no_layout(field: Any) -> None:
    with pytest.raises(TypeError, match="no big-endian number and no fixed number of bytes"):
        layout(construct.Struct("ok" / construct.Int8ub, "field" / field))


def test_an_unknown_command_is_a_number_and_no_error() -> None:
    header = declarations.HEADER_V2.parse(b"\xe7\xe7\xe7\xe7\x02\x66" + bytes(34))

    assert int(header.command) == 0x66


@pytest.mark.parametrize(
    ("declaration", "wire", "fields"),
    [
        (
            declarations.HELLO_REPLY,
            HELLO_BODY + b"from the future",
            {
                "name": "ether",
                "version": "0.1.0",
                "max_payload_bytes": 16 * 1024 * 1024,
                "max_memory_bytes": 1024**3,
                "max_handles": 1000,
                "auth_needed": True,
                "features": ["fill"],
                "instance": 0x0123456789ABCDEF,
            },
        ),
        (declarations.STATS_REPLY, STATS_BODY, {"counters": [{"name": "blocks", "value": 3}]}),
        (
            declarations.INFO_REPLY,
            INFO_BODY,
            {"size": 4096, "flags": 1, "created_ms": 0x19ABBCCDDEE},
        ),
        (
            declarations.LIST_REPLY,
            LIST_BODY,
            {"blocks": [{"handle": 8, "size": 64}, {"handle": 9, "size": 2**40}]},
        ),
        (declarations.ERROR_REPLY, ERROR_BODY, {"code": 7, "message": "no block has handle 9"}),
    ],
    ids=["hello", "stats", "info", "list", "error"],
)
def test_a_body_has_the_fields_of_the_document(
    declaration: Any, wire: bytes, fields: dict[str, Any]
) -> None:
    parsed = declaration.parse(wire)

    assert {name: _plain(parsed[name]) for name in fields} == fields
    assert set(parsed) - {"_io"} == set(fields)
    assert wire.startswith(declaration.build(fields))


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items() if name != "_io"}
    return int(value) if isinstance(value, construct.EnumIntegerString) else value


def test_bodies_are_declared_for_commands_that_have_them() -> None:
    assert set(declarations.REQUEST_BODIES) == {
        Command.HELLO,
        Command.FILL,
        Command.COPY,
        Command.COMPARE_SWAP,
        Command.FETCH_ADD,
    }
    documented = {
        row[1] for row in document.rows("Commands") if len(row) == 4 and "payload: " in row[3]
    }
    plain = {"READ"}  # its reply carries the block's own bytes
    assert {command.name for command in declarations.REPLY_BODIES} == documented - plain - {"ERROR"}


def test_construct_is_imported_in_one_place() -> None:
    package = Path(ether_protocol.__file__).parent

    assert [path.name for path in sorted(package.glob("*.py")) if _imports_construct(path)] == [
        "declarations.py"
    ]


def _imports_construct(path: Path) -> bool:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("construct"):
            return True
        if isinstance(node, ast.Import) and any(n.name.startswith("construct") for n in node.names):
            return True
    return False

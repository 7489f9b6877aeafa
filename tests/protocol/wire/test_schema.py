from __future__ import annotations

import ast
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import construct
import pytest

import ether_protocol
from ether_protocol import Command
from ether_protocol.wire import schema
from ether_protocol.wire.schema import FieldSpec, ParsedValue, field_specs, layout
from protocol import document
from protocol.samples import ERROR_BODY, HELLO_BODY, INFO_BODY, LIST_BODY, STATS_BODY


@pytest.mark.parametrize(
    ("declaration", "title"),
    [
        (schema.HEADER_V1, "Version 1: 24 bytes"),
        (schema.HEADER_V2, "Version 2: 40 bytes"),
    ],
    ids=["version 1", "version 2"],
)
def test_a_header_has_the_fields_of_the_document(declaration: Any, title: str) -> None:
    header = layout(declaration)
    documented = document.rows(title)

    assert header.names == tuple(row[2].replace(" ", "_") for row in documented)
    offset = 0
    for code, (at, count, *_) in zip(header.format[1:], documented, strict=True):
        assert (int(at), int(count)) == (offset, struct.calcsize(">" + code))
        offset += int(count)
    assert offset == declaration.sizeof()


FIXED_BODIES = [
    (schema.INFO_REPLY, ">QHQ"),
    (schema.LIST_ENTRY, ">QQ"),
    (schema.FILL_REQUEST, ">B"),
    (schema.COPY_REQUEST, ">QQ"),
    (schema.COMPARE_SWAP_REQUEST, ">8s8s"),
    (schema.COMPARE_SWAP_REPLY, ">8s"),
    (schema.FETCH_ADD_REQUEST, ">q"),
    (schema.FETCH_ADD_REPLY, ">Q"),
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
def test_a_field_of_no_fixed_size_has_no_layout(field: Any) -> None:
    with pytest.raises(TypeError, match="neither a big-endian number nor a fixed number of bytes"):
        layout(construct.Struct("ok" / construct.Int8ub, "field" / field))


def test_an_unknown_command_is_a_number_and_no_error() -> None:
    header = schema.HEADER_V2.parse(b"\xe7\xe7\xe7\xe7\x02\x66" + bytes(34))

    assert int(header.command) == 0x66


@pytest.mark.parametrize(
    ("declaration", "wire", "fields"),
    [
        (
            schema.HELLO_REPLY,
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
        (schema.STATS_REPLY, STATS_BODY, {"counters": [{"name": "blocks", "value": 3}]}),
        (
            schema.INFO_REPLY,
            INFO_BODY,
            {"size": 4096, "flags": 1, "created_ms": 0x19ABBCCDDEE},
        ),
        (
            schema.LIST_REPLY,
            LIST_BODY,
            {"blocks": [{"handle": 8, "size": 64}, {"handle": 9, "size": 2**40}]},
        ),
        (schema.ERROR_REPLY, ERROR_BODY, {"code": 7, "message": "no block has handle 9"}),
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
    assert set(schema.REQUEST_BODIES) == {
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
    assert {command.name for command in schema.REPLY_BODIES} == documented - plain - {"ERROR"}


def test_parsed_values_have_their_bytes() -> None:
    assert list(schema.parse_values(schema.STATS_REPLY, STATS_BODY + b"behind")) == [
        ParsedValue(0, b"\x00\x00\x00\x01", "counters.count", 1),
        ParsedValue(4, b"\x06blocks", "counters[0].name", "blocks"),
        ParsedValue(11, bytes(7) + b"\x03", "counters[0].value", 3),
    ]
    assert [
        (piece.offset, piece.name, piece.value)
        for piece in schema.parse_values(schema.LIST_REPLY, LIST_BODY)
    ] == [
        (0, "blocks[0].handle", 8),
        (8, "blocks[0].size", 64),
        (16, "blocks[1].handle", 9),
        (24, "blocks[1].size", 2**40),
    ]


def test_values_are_parsed_up_to_the_one_that_does_not_parse() -> None:
    pieces = schema.parse_values(schema.INFO_REPLY, INFO_BODY[:12])

    assert [next(pieces).name, next(pieces).name] == ["size", "flags"]
    with pytest.raises(schema.DeclarationError):
        next(pieces)


def test_field_specs_are_the_declaration_as_plain_data() -> None:
    assert field_specs(schema.HELLO_REPLY) == (
        FieldSpec("name", "name", 1),
        FieldSpec("version", "name", 1),
        FieldSpec("max_payload_bytes", "unsigned", 4),
        FieldSpec("max_memory_bytes", "unsigned", 8),
        FieldSpec("max_handles", "unsigned", 8),
        FieldSpec("auth_needed", "flag", 1),
        FieldSpec("features", "counted", 1, (FieldSpec("", "name", 1),)),
        FieldSpec("instance", "unsigned", 8),
    )
    assert field_specs(schema.LIST_REPLY) == (
        FieldSpec(
            "blocks",
            "repeated",
            0,
            (FieldSpec("handle", "unsigned", 8), FieldSpec("size", "unsigned", 8)),
        ),
    )
    assert field_specs(schema.ERROR_REPLY) == (
        FieldSpec("code", "unsigned", 2),
        FieldSpec("message", "text"),
    )
    assert field_specs(schema.COMPARE_SWAP_REPLY) == (FieldSpec("found", "bytes", 8),)
    assert field_specs(schema.FETCH_ADD_REQUEST) == (FieldSpec("delta", "signed", 8),)


@pytest.mark.parametrize("version", [1, 2])
def test_field_specs_have_the_names_and_sizes_of_the_layout(version: int) -> None:
    header = schema.HEADERS[version]

    assert tuple(part.name for part in field_specs(header)) == layout(header).names
    assert sum(part.size for part in field_specs(header)) == header.sizeof()


@pytest.mark.parametrize(
    "field",
    [construct.GreedyBytes, construct.Int16ul, construct.Padded(4, construct.Int8ub)],
    ids=lambda field: repr(field),
)
def test_a_field_that_no_spec_describes_is_refused(field: Any) -> None:
    with pytest.raises(TypeError, match="is of no kind that a FieldSpec describes"):
        field_specs(construct.Struct("field" / field))


@pytest.mark.parametrize(("library", "file"), [("construct", "schema.py"), ("dpkt", "capture.py")])
def test_a_library_is_imported_in_one_place(library: str, file: str) -> None:
    package = Path(ether_protocol.__file__).parent

    assert [path.name for path in package.rglob("*.py") if library in _imports(path)] == [file]


def test_only_dissect_imports_construct() -> None:
    program = (
        "import sys, ether_protocol as e\n"
        "inspect = {'Field', 'dissect', 'dissect_bytes'}\n"
        "names = [getattr(e, name) for name in e.__all__ if name not in inspect]\n"
        "assert e.ServerConnection().send(e.Message(e.Command.PING))\n"
        "print('construct' in sys.modules)\n"
        "e.dissect\n"
        "print('construct' in sys.modules)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, check=True
    )
    assert run.stdout.split() == ["False", "True"]


def _imports(path: Path) -> set[str]:
    """The top-level packages that the file imports by their names."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and not node.level:
            names.append(node.module or "")
        elif isinstance(node, ast.Import):
            names += [imported.name for imported in node.names]
    return {name.partition(".")[0] for name in names}

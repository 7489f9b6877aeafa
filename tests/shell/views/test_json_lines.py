"""Results as JSON."""

from __future__ import annotations

import pytest

from ether_shell.commands import atomics, blocks, help, reading, server, writing
from ether_shell.commands.catalogue import COMMANDS
from ether_shell.language.declaration import Result
from ether_shell.operations.ranges import DataPart
from ether_shell.problems import ExitStatus, Failure
from ether_shell.views import json_lines


@pytest.mark.parametrize(
    ("command", "result", "line"),
    [
        (
            "alloc",
            blocks.Allocated(1, 1024),
            '{"command":"alloc","ok":true,"handle":1,"size":1024}',
        ),
        (
            "write",
            writing.Written(1, 0, 5),
            '{"command":"write","ok":true,"handle":1,"offset":0,"size":5}',
        ),
        (
            "read",
            reading.Bytes(1, 0, 5, (DataPart(0, b"he"), DataPart(2, b"llo")), "hex"),
            '{"command":"read","ok":true,"handle":1,"offset":0,"size":5,"data":"aGVsbG8="}',
        ),
        ("free", blocks.Freed(1), '{"command":"free","ok":true,"handle":1}'),
        ("ping", server.Pong(0.12345), '{"command":"ping","ok":true,"ms":0.123}'),
        (
            "list",
            blocks.Listing(1, iter([(3, 64)])),
            '{"command":"list","ok":true,"count":1,"blocks":[{"handle":3,"size":64}]}',
        ),
        (
            "info",
            blocks.Described(3, 64, False, 0),
            '{"command":"info","ok":true,"handle":3,"size":64,"session":false,'
            '"created":"1970-01-01T00:00:00.000Z"}',
        ),
        (
            "swap",
            atomics.Compared(3, 8, False, b"8 bytes!"),
            '{"command":"swap","ok":true,"handle":3,"offset":8,"swapped":false,'
            '"found":"OCBieXRlcyE="}',
        ),
        (
            "add",
            atomics.Added(3, 0, 2**64 - 1, 0),
            '{"command":"add","ok":true,"handle":3,"offset":0,"before":18446744073709551615,'
            '"after":0}',
        ),
        (
            "stats",
            server.Counters({"blocks": 2}),
            '{"command":"stats","ok":true,"stats":{"blocks":2}}',
        ),
        (
            "help",
            help.Manual(COMMANDS.sections, COMMANDS.find("ping")),
            '{"command":"help","ok":true,"commands":[{"name":"ping","usage":"ping",'
            '"summary":"does the server answer, and how fast?"}]}',
        ),
        ("quit", help.Leave(), '{"command":"quit","ok":true}'),
    ],
)
def test_a_result_is_one_object(command: str, result: Result, line: str) -> None:
    assert json_lines.success(command, result) == line


def test_a_failure_is_one_object() -> None:
    failed = Failure(ExitStatus.REFUSED, "NOT_FOUND", "no block\nhas handle 9")
    assert json_lines.failure("free", failed) == (
        '{"command":"free","ok":false,"error":"NOT_FOUND","message":"no block\\nhas handle 9"}'
    )
    stopped = Failure(ExitStatus.REFUSED, "OVERFLOW", "no", written=7)
    assert json_lines.failure("write", stopped).endswith('"message":"no","written":7}')
    assert json_lines.failure(None, failed).startswith('{"command":null,')

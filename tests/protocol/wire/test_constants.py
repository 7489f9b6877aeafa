"""The numbers in the code are the numbers in docs/protocol.md."""

from __future__ import annotations

import re

from ether_protocol.wire import constants
from ether_protocol.wire.constants import Command, ErrorCode
from protocol import document


def test_commands_have_the_codes_of_the_document() -> None:
    documented: dict[str, int] = {}
    for codes, names, *_ in document.rows("Commands"):
        if not codes.startswith("`"):
            continue  # the table of bodies
        numbers = [int(code, 16) for code in re.findall("`(..)`", codes)]
        documented |= dict(zip(names.split(" / "), numbers, strict=True))

    assert documented == {command.name: int(command) for command in Command}


def test_error_codes_have_the_numbers_of_the_document() -> None:
    documented = {name: int(code) for code, name, *_ in document.rows("Error codes")}

    assert documented == {code.name: int(code) for code in ErrorCode}


def test_nothing_has_a_reserved_number() -> None:
    assert not [command for command in Command if 0x30 <= command <= 0x4F]


def test_version_1_has_the_commands_of_the_document() -> None:
    (cell,) = [row[3] for row in document.rows("Version 1: 24 bytes") if row[2] == "command"]
    _, listed = cell.split("version 1 has ")

    assert set(re.findall("[A-Z]+", listed)) == {c.name for c in constants.V1_COMMANDS}


def test_what_may_be_sent_again_is_what_the_document_says() -> None:
    (promise,) = re.findall(
        r"retry may assume\.\*\* (.*) change nothing", document.section("Connections")
    )

    assert set(re.findall("[A-Z]+", promise)) == {c.name for c in constants.REPEATABLE}


def test_limits() -> None:
    assert constants.MAGIC_BYTES == b"\xe7\xe7\xe7\xe7"
    assert constants.DEFAULT_PORT == 9999
    assert constants.MAX_PAYLOAD_BYTES == 16_777_216
    assert "the flag SESSION" in document.section("What a block promises")
    assert int(constants.AllocFlag.SESSION) == 1
    assert constants.PAYLOAD_LIMITS[Command.PING] == 4 * 1024
    assert constants.PAYLOAD_LIMITS[Command.HELLO] == 255
    assert constants.PAYLOAD_LIMITS[Command.AUTH] == 4 * 1024


def test_every_command_has_a_name_for_people() -> None:
    assert constants.command_name(0x23) == "COPY"
    assert constants.command_name(0x3F) == "0x3F"
    assert constants.command_name(0) == "0x00"

"""The type of a field, which is named by what must not import construct."""

from __future__ import annotations

from typing import get_type_hints

import ether_protocol
from ether_protocol import Field, Traced, format_fields
from ether_protocol.inspect import dissect


def test_a_field_is_a_line_of_a_log() -> None:
    assert str(Field(5, b"\x0a", "command", "ALLOC (10)")) == "+5 command = ALLOC (10) (0A)"
    assert str(Field(0, bytes(9), "payload", 0)) == "+0 payload = 0 (0000000000000000…)"


def test_a_program_can_ask_for_the_types_that_name_it() -> None:
    assert get_type_hints(Traced)["fields"] == tuple[Field, ...]
    assert "fields" in get_type_hints(format_fields)


def test_it_is_one_type_wherever_it_is_imported_from() -> None:
    assert dissect.Field is Field is ether_protocol.Field

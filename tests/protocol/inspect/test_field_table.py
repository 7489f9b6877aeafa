from __future__ import annotations

from ether_protocol import Command, Message, dissect, format_fields


def test_a_message_as_a_table() -> None:
    ok = Message(Command.OK, 7, 256, request_id=1, payload=b"hello, world")

    assert format_fields(dissect(ok)).splitlines() == [
        "offset  bytes                      name        value",
        "     0  E7 E7 E7 E7                magic       0xE7E7E7E7",
        "     4  02                         version     2",
        "     5  F0                         command     OK",
        "     6  00 00                      flags       0",
        "     8  00 00 00 00 00 00 00 07    handle      7",
        "    16  00 00 00 00 00 00 01 00    size        256",
        "    24  00 00 00 00 00 00 00 00    offset      0",
        "    32  00 00 00 01                request_id  1",
        "    36  00 00 00 0C                length      12",
        "    40  68 65 6C 6C 6F 2C 20 77 …  payload     12 bytes |hello, world|",
    ]


def test_the_bytes_of_a_token_are_not_shown() -> None:
    auth = Message(Command.AUTH, payload=b"open sesame")

    assert format_fields(dissect(auth)).splitlines()[-1] == (
        "    40                           payload     11 bytes, not shown"
    )


def test_no_fields_are_a_line_of_headings() -> None:
    assert format_fields([]) == "offset  bytes  name  value"

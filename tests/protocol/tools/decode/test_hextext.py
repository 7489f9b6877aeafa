from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ether_protocol.tools.decode.hextext import HexError, parse_hex

MESSAGE = bytes.fromhex("E7E7E7E7 01 10 0000 0000000000000000 00000400 00000000")
ZEROS = MESSAGE + bytes(100) + b"end"


@pytest.mark.parametrize(
    "text",
    [
        "E7E7E7E7 01 10 0000 0000000000000000 00000400 00000000",
        "e7e7e7e701100000\n0000000000000000\n\n0000040000000000\n",
        "0xE7E7E7E7 0x01 0x10 0x0000 0x0000000000000000 0x00000400 0x00000000",
        "0xe7, 0xe7, 0xe7, 0xe7,\n0x01, 0x10, 0x00, 0x00,\n"
        "00,00,00,00,00,00,00,00\n, 00, 00, 04, 00, 00, 00, 00, 00,",
        # xxd, xxd -g1 -u, and a part of a file, by xxd -s 16
        "00000000: e7e7 e7e7 0110 0000 0000 0000 0000 0000  ................\n"
        "00000010: 0000 0400 0000 0000                      ........\n",
        "00000000: E7 E7 E7 E7 01 10 00 00 00 00 00 00 00 00 00 00  ................\n"
        "00000010: 00 00 04 00 00 00 00 00                          ........\n",
        "00000010: e7e7 e7e7 0110 0000 0000 0000 0000 0000  ................\n"
        "00000020: 0000 0400 0000 0000                      ........\n",
        # hexdump -C, and what `ether-shell` shows
        "00000000  e7 e7 e7 e7 01 10 00 00  00 00 00 00 00 00 00 00  |................|\n"
        "00000010  00 00 04 00 00 00 00 00                           |........|\n"
        "00000018\n",
        # od -A x -t x1
        "000000 e7 e7 e7 e7 01 10 00 00 00 00 00 00 00 00 00 00\n"
        "000010 00 00 04 00 00 00 00 00\n"
        "000018\n",
    ],
    ids=["spaced", "bare", "0x", "C array", "xxd", "xxd -g1 -u", "xxd -s", "hexdump -C", "od"],
)
def test_the_same_message_in_many_formats(text: str) -> None:
    assert parse_hex(text) == MESSAGE


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is nothing in it"),
        (" \n\t\n", "there is nothing in it"),
        ("E7E7\nE7 G7", "line 2: 'G7' is not hexadecimal"),
        ("E7E7 E7E", "line 1: 'E7E' has an odd number of digits"),
        ("hello", "line 1: 'hello' is not hexadecimal"),
        (
            "0000000 e7e7 e7e7 1001 0000\n0000008\n",
            "line 1: these may be words of either byte order; use xxd or hexdump -C instead",
        ),
        (
            "00000000: e7e7 e7e7  ....\n00000005: 0110  ..\n",
            "line 2: its offset is not where the line before it ends",
        ),
        ("00000000: e7e7  ..\nand so on\n", "line 2: this is not a line of a hex dump"),
        (
            "00000000  e7 e7  |..|\n*\n00000005  00  |.|\n",
            "line 3: its offset is not where the line before it ends",
        ),
        (
            "00000000  e7 e7  |..|\n*\nffffffff0  00  |.|\n",
            "line 3: its offset is not where the line before it ends",
        ),
    ],
)
def test_text_that_is_no_hex_is_refused_with_its_line(text: str, reason: str) -> None:
    with pytest.raises(HexError) as refused:
        parse_hex(text)

    assert str(refused.value) == reason


@pytest.mark.parametrize("program", ["xxd", "hexdump -C", "xxd -p", "od -A x -t x1"])
def test_the_output_of_real_programs(program: str) -> None:
    name, *flags = program.split()
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")

    printed = subprocess.run([name, *flags], input=ZEROS, capture_output=True, check=True).stdout

    assert parse_hex(printed.decode()) == ZEROS


@given(st.binary(min_size=1, max_size=100), st.sampled_from([" ", "\n", ", ", "\t"]))
def test_any_bytes_written_one_by_one(data: bytes, between: str) -> None:
    assert parse_hex("0xE7" + between + between.join(f"{byte:02x}" for byte in data)) == (
        b"\xe7" + data
    )


@given(st.text(max_size=200))
def test_any_text_is_bytes_or_an_error(text: str) -> None:
    with suppress(HexError):
        assert isinstance(parse_hex(text), bytes)

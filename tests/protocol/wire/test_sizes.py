from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ether_protocol import format_size, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("4096", 4096),
        ("4_096", 4096),
        ("4096b", 4096),
        ("0x1000", 4096),
        ("0XfF", 255),
        ("64KiB", 65_536),
        ("64kb", 65_536),
        ("64k", 65_536),
        (" 64 K ", 65_536),
        ("64MiB", 67_108_864),
        ("1.5g", 1_610_612_736),
        ("0.5k", 512),
        ("2.50 MB", 2_621_440),
        ("1T", 2**40),
        ("1p", 2**50),
        ("16EiB", 2**64),
    ],
)
def test_a_size_is_bytes_or_a_power_of_1024(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "k", "-1", "+1", "1.", ".5k", "1,5k", "12 34", "64Ki", "10ib", "1e3", "0x", "0xg",
        "lots", "1kk", "٣", "１k", "1\u212a", "9" * 5000, "1." + "0" * 5000 + "k",
    ],
)  # fmt: skip
def test_text_that_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size: write bytes or a unit"):
        parse_size(text)


@pytest.mark.parametrize("text", ["1.5", "0.1b", "0.3k", "1.0001k"])
def test_a_size_is_a_whole_number_of_bytes(text: str) -> None:
    with pytest.raises(ValueError, match="is not a whole number of bytes"):
        parse_size(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1023 * 1024, "1023.0 KiB"),
        (1024**2 - 1, "1.0 MiB"),
        (16 * 1024**2, "16.0 MiB"),
        (1024**3 - 1, "1.0 GiB"),
        (2**40, "1.0 TiB"),
        (2**50, "1.0 PiB"),
        (2**60 - 1, "1.0 EiB"),
        (2**64 - 1, "16.0 EiB"),
    ],
)
def test_a_size_for_a_person(size: int, text: str) -> None:
    assert format_size(size) == text


@given(st.integers(0, 2**64))
def test_a_size_for_a_person_is_short_and_close(size: int) -> None:
    number, unit = format_size(size).split(" ")

    assert len(number) <= 6
    assert float(number) < 1024
    scale = parse_size("1" + unit)
    assert abs(float(number) * scale - size) <= scale * 0.0500001


@given(st.integers(0, 2**64))
def test_a_plain_number_is_itself(size: int) -> None:
    assert parse_size(str(size)) == parse_size(hex(size)) == size

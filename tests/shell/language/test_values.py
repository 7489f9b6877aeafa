"""Addresses, as `x` takes them."""

from __future__ import annotations

import pytest

from ether_shell.language.grammar import word
from ether_shell.language.values import ADDRESS, BlockAddress

VARIABLES = {"_": 7, "off": 32}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("7", BlockAddress(7, 0)),
        ("7+16", BlockAddress(7, 16)),
        ("7+0x10", BlockAddress(7, 16)),
        ("7+1KiB", BlockAddress(7, 1024)),
        ("$_", BlockAddress(7, 0)),
        ("$_+$off", BlockAddress(7, 32)),
    ],
)
def test_a_place_is_a_handle_and_an_offset(text: str, place: BlockAddress) -> None:
    assert ADDRESS.parse(word(text), VARIABLES) == place
    assert ADDRESS.parse(word(str(place)), {}) == place


@pytest.mark.parametrize("text", ["0", "+4", "7+-1", "7+$none", "7+x", "hello"])
def test_what_is_no_place(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|is no|unit"):
        ADDRESS.parse(word(text), VARIABLES)

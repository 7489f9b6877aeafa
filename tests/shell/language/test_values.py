"""Addresses, as `x` takes them."""

from __future__ import annotations

import pytest

from ether_shell.language.grammar import word
from ether_shell.language.values import PLACE, Place

VARIABLES = {"_": 7, "off": 32}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("7", Place(7, 0)),
        ("7+16", Place(7, 16)),
        ("7+0x10", Place(7, 16)),
        ("7+1KiB", Place(7, 1024)),
        ("$_", Place(7, 0)),
        ("$_+$off", Place(7, 32)),
    ],
)
def test_a_place_is_a_handle_and_an_offset(text: str, place: Place) -> None:
    assert PLACE.parse(word(text), VARIABLES) == place
    assert PLACE.parse(word(str(place)), {}) == place


@pytest.mark.parametrize("text", ["0", "+4", "7+-1", "7+$none", "7+x", "hello"])
def test_what_is_no_place(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not|is no|unit"):
        PLACE.parse(word(text), VARIABLES)

from __future__ import annotations

import pytest

from ether_daemon.stores.contract import check_range
from ether_protocol import OutOfRange

U64 = (1 << 64) - 1


@pytest.mark.parametrize(
    ("block_size", "offset", "size"),
    [(10, 0, 0), (10, 0, 10), (10, 10, 0), (10, 9, 1), (10, 3, 4), (U64, U64, 0), (U64, 0, U64)],
)
def test_inside(block_size: int, offset: int, size: int) -> None:
    check_range(block_size, offset, size)


@pytest.mark.parametrize(
    ("block_size", "offset", "size"),
    [
        (10, 0, 11),
        (10, 11, 0),
        (10, 10, 1),
        (10, 9, 2),
        (10, U64, 1),
        (10, 1, U64),
        (10, U64, U64),
        (10, U64 - 4, 8),
        (U64, U64, 1),
    ],
)
def test_outside(block_size: int, offset: int, size: int) -> None:
    with pytest.raises(OutOfRange) as error:
        check_range(block_size, offset, size)
    assert str(error.value) == (
        f"{size} bytes at offset {offset} are not inside {block_size} bytes"
    )

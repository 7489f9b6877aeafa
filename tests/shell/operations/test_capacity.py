"""Does a range that takes several messages fit?"""

from __future__ import annotations

import pytest

from ether_protocol import MAX_PAYLOAD_BYTES, Client, NotFound, OutOfRange
from ether_shell.operations.capacity import check_fits


def test_a_long_range(client: Client) -> None:
    handle = client.alloc(MAX_PAYLOAD_BYTES + 2).handle
    check_fits(client, "WRITE", handle, 1, MAX_PAYLOAD_BYTES + 1)
    with pytest.raises(OutOfRange) as error:
        check_fits(client, "WRITE", handle, 2, MAX_PAYLOAD_BYTES + 1)
    assert str(error.value) == (
        f"WRITE handle {handle} [2:16777219]: the block has 16777218 bytes; nothing was changed"
    )


def test_one_message_is_left_to_the_server_unless_it_must_be_known(client: Client) -> None:
    handle = client.alloc(4).handle
    check_fits(client, "WRITE", handle, 0, 5)
    with pytest.raises(OutOfRange):
        check_fits(client, "WRITE", handle, 0, 5, always=True)
    with pytest.raises(NotFound):
        check_fits(client, "WRITE", 99, 0, 1, always=True)

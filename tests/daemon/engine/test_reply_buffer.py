from __future__ import annotations

import pytest

from ether_daemon.engine.reply_buffer import MAX_BODY_BYTES, TURN_BYTES, Replies


def test_one_behind_the_other() -> None:
    replies = Replies()
    replies.put(b"header", b"")
    replies.put(b"HEADER", memoryview(b"payload"))
    assert bytes(replies.take()) == b"headerHEADERpayload"
    assert replies.filled == 0

    replies.put(b"next", b"")
    assert bytes(replies.take()) == b"next"


def test_a_full_turn_has_room_for_one_reply_more() -> None:
    replies = Replies()
    replies.filled = TURN_BYTES - 1
    replies.put(b"h" * 40, b"p" * MAX_BODY_BYTES)
    assert replies.filled == TURN_BYTES - 1 + 40 + MAX_BODY_BYTES
    assert len(replies.data) == len(replies.view) >= replies.filled


@pytest.mark.parametrize("end", ["clear", "wipe"])
def test_nothing_is_left_for_the_next_turn(end: str) -> None:
    replies = Replies()
    replies.in_use = True
    replies.put(b"secret", b"secret")
    getattr(replies, end)()
    if end == "clear":
        assert (replies.filled, replies.in_use) == (0, False)
    else:
        assert bytes(replies.data) == bytes(len(replies.data))

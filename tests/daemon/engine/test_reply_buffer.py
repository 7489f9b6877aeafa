from __future__ import annotations

import pytest

from ether_daemon.engine.reply_buffer import BATCH_BYTES, MAX_BODY_BYTES, TURN_BYTES, ReplyBuffer


def test_one_behind_the_other() -> None:
    replies = ReplyBuffer()
    replies.put(b"header", b"")
    replies.put(b"HEADER", memoryview(b"payload"))
    assert bytes(replies.view[: replies.filled]) == b"headerHEADERpayload"

    replies.filled = 0  # sent
    replies.put(b"next", b"")
    assert bytes(replies.view[: replies.filled]) == b"next"


@pytest.mark.parametrize("before", [BATCH_BYTES, BATCH_BYTES + TURN_BYTES - 1])
def test_a_full_batch_has_room_for_one_turn_and_its_last_reply(before: int) -> None:
    replies = ReplyBuffer()
    replies.filled = before
    replies.put(b"h" * 40, b"p" * MAX_BODY_BYTES)
    assert replies.filled == before + 40 + MAX_BODY_BYTES
    assert len(replies.data) == len(replies.view) >= replies.filled
    assert bytes(replies.data[before : before + 41]) == b"h" * 40 + b"p"


def test_nothing_is_left_when_it_is_wiped() -> None:
    replies = ReplyBuffer()
    replies.put(b"secret", b"secret")
    sent = replies.filled
    replies.filled = 0
    replies.put(b"due", b"")
    replies.wipe()
    assert bytes(replies.data[:sent]) == b"due" + bytes(sent - 3), "but what waits is"
    replies.filled = 0
    replies.wipe()
    assert bytes(replies.data) == bytes(len(replies.data))

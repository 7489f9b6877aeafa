from __future__ import annotations

from ether_protocol import Address, Command, ConnectionLost, Message, OutcomeUnknown, TimedOut
from ether_protocol.client.core.transfer import Batch, Transfer

HERE = Address("here")


def transfer(command: Command, count: int = 2) -> Transfer:
    return Transfer(Batch([(Message(command, 7, 5, 5 * n), None) for n in range(count)]))


def answer(transfer: Transfer) -> None:
    """Have the oldest request answered, a READ with as many bytes as it asked for."""
    transfer.take(Message(Command.OK, 7, 5, payload=b"hello"))


def test_what_had_no_reply_is_given_again() -> None:
    reads = transfer(Command.READ, 3)
    steps = [reads.next_step() for _ in range(3)]
    answer(reads)

    reads.rewind()

    assert [reads.next_step(), reads.next_step(), reads.next_step()] == [*steps[1:], None]


def test_a_lost_connection_is_unknown_where_something_may_have_changed() -> None:
    for command, kind in ((Command.READ, ConnectionLost), (Command.FILL, OutcomeUnknown)):
        sent = transfer(command)
        sent.next_step()
        assert type(sent.lost(HERE, "gone")) is kind
    reads = transfer(Command.READ)
    reads.next_step()
    assert type(reads.lost(HERE, "no answer in time", in_time=False)) is TimedOut


def test_a_range_that_was_changed_in_part_says_so() -> None:
    fills = transfer(Command.FILL)
    fills.next_step()
    answer(fills)
    lost = ConnectionLost("not connected to here")

    unknown = fills.final_error(lost)

    assert type(unknown) is OutcomeUnknown
    assert str(unknown) == (
        "FILL handle 7 [0:5]: 1 of 2 messages were carried out: not connected to here"
    )


def test_a_range_that_was_not_changed_is_just_lost() -> None:
    lost = ConnectionLost("not connected to here")
    assert transfer(Command.FILL).final_error(lost) is lost
    reads = transfer(Command.READ)
    reads.next_step()
    answer(reads)
    assert reads.final_error(lost) is lost

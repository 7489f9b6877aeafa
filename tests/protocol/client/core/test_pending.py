"""What becomes of recorded requests, without a connection."""

from __future__ import annotations

from ether_protocol import Address, Command, ConnectionLost, LocalProtocolError, Message
from ether_protocol.client.core.pending import RecordedExchange
from ether_protocol.client.core.recording import Recorder

HERE = Address("here")


def test_a_lost_connection_means_something_else_for_each_request() -> None:
    recorder = Recorder()
    answered, changing, reading, unsent = (
        recorder.read(7, 5),
        recorder.write(7, b"hello"),
        recorder.info(7),
        recorder.free(7),
    )
    exchange = RecordedExchange([answered, changing, reading, unsent])
    for _ in range(3):
        exchange.next_step()
    exchange.settle([b"hello"])

    error = exchange.lost(HERE, "reset")

    assert type(error) is ConnectionLost
    assert answered.result() == b"hello"
    assert str(changing.error).startswith("WRITE handle 7 [0:5]: outcome unknown, ")
    assert str(reading.error) == "INFO handle 7: lost the connection: reset"
    assert str(unsent.error) == "FREE handle 7: lost the connection: reset"
    assert exchange.finished


def test_before_the_first_request_was_sent_a_lost_connection_means_nothing() -> None:
    pending = Recorder().free(7)
    exchange = RecordedExchange([pending])
    exchange.next_step()
    exchange.not_sent()  # only in part, so it can't be carried out
    exchange.lost(HERE, "reset")
    assert not pending.answered
    assert not exchange.begun
    assert exchange.next_step() is not None


def test_a_request_without_a_form_stops_none_of_the_others() -> None:
    formless, fine = Recorder().free(-1), Recorder().ping()
    exchange = RecordedExchange([formless, fine])
    exchange.next_step()
    exchange.not_sent(LocalProtocolError("does not fit its field"))
    step = exchange.next_step()
    assert step is not None
    assert step[0].command == Command.PING
    exchange.take(Message(Command.PONG))
    assert isinstance(formless.error, LocalProtocolError)
    assert fine.result() == b""


def test_only_replies_into_buffers_of_the_caller_are_named() -> None:
    recorder = Recorder()
    exchange = RecordedExchange([recorder.read(7, 5), recorder.readinto(7, bytearray(5))])
    for request_id in (1, 2):
        step = exchange.next_step()
        assert step is not None
        step[0].request_id = request_id
    assert exchange.caller_buffer_ids == [2]

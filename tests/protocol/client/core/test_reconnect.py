"""When a client connects again, and when it does not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ether_protocol import (
    Address,
    Command,
    ConnectionLost,
    EtherError,
    Message,
    OutcomeUnknown,
    RemoteProtocolError,
    Retry,
    ServerRestarted,
    TimedOut,
)
from ether_protocol.client.blocking.driving import drive
from ether_protocol.client.core.options import ConnectOptions
from ether_protocol.client.core.reconnect import (
    Pause,
    Reconnect,
    Reconnection,
    RecoveryStep,
    Repeat,
)
from ether_protocol.client.core.transfer import Batch
from ether_protocol.wire.bodies import decode_hello, encode_hello
from harness import Etherd, StartEtherd
from protocol.client.chaos import ConnectionEnd, Fault, Proxy
from protocol.client.either import Either
from protocol.samples import HELLO_BODY

QUICKLY = Retry(attempts=5, first_delay=0.001, longest_delay=0.01)


def test_a_restarted_server_is_told_from_a_lost_connection(
    each: Either, start_etherd: StartEtherd
) -> None:
    first = start_etherd()
    with each.connect(first.address, retry=QUICKLY) as client:
        block = client.alloc(64)
        first.stop()
        second = start_etherd("--port", str(first.port))
        assert second.port == first.port
        with pytest.raises(ServerRestarted, match="was restarted"):
            block.read()
        assert client.closed
        for act in (client.ping, lambda: block.read(1), lambda: block.write(b"x")):
            with pytest.raises(ConnectionLost, match="the client was closed"):
                act()
    with each.connect(second.address) as client:
        assert client.list() == (0, [])


def test_a_server_that_stopped_is_waited_for(each: Either, start_etherd: StartEtherd) -> None:
    first = start_etherd()
    with each.connect(first.address, retry=QUICKLY) as client:
        first.stop()
        with pytest.raises(ConnectionLost, match="can't connect"):
            client.ping()
        assert not client.closed


# A client that is closed meanwhile raises the same error, whichever it is.

CLOSED = r"^not connected to 127\.0\.0\.1:\d+: the client was closed$"


def test_closing_ends_the_attempts_to_connect_again(
    each: Either, start_etherd: StartEtherd
) -> None:
    daemon = start_etherd()
    client = each.connect(daemon.address, retry=Retry(20_000, 0.001, 0.001))
    daemon.stop()
    result = each.begin(client, "ping")
    each.until(lambda: not client.connected, "the end of the connection")
    client.close()
    with pytest.raises(ConnectionLost, match=CLOSED):
        result()


@pytest.mark.parametrize("retry", [None, QUICKLY], ids=["without retry", "with retry"])
def test_after_closing_every_request_says_so(
    each: Either, shared_etherd: Etherd, retry: Retry | None
) -> None:
    client = each.connect(shared_etherd.address, retry=retry)
    block = client.alloc(64)
    pipeline = client.pipeline()
    pipeline.ping()
    client.close()
    for act in (client.ping, lambda: block.read(5), lambda: block.write(b"x"), pipeline.execute):
        with pytest.raises(ConnectionLost, match=CLOSED):
            act()


IN_FLIGHT: dict[str, tuple[tuple[Any, ...], type[EtherError], str]] = {
    "read": ((5,), ConnectionLost, CLOSED),
    "readinto": ((bytearray(30_000),), ConnectionLost, CLOSED),
    "fetch_add": ((0, 1), OutcomeUnknown, "the client was closed$"),
}


@pytest.mark.parametrize("verb", IN_FLIGHT)
@pytest.mark.parametrize("retry", [None, QUICKLY], ids=["without retry", "with retry"])
def test_closing_ends_a_request_in_flight(
    each: Either, proxy: Proxy, retry: Retry | None, verb: str
) -> None:
    arguments, kind, says = IN_FLIGHT[verb]
    client = each.connect(proxy.address, retry=retry)
    block = client.alloc(30_000)
    proxy.now(Fault(replies=0, end=ConnectionEnd.STALLED))
    carried = proxy.carried
    result = each.begin(client, verb, block.handle, *arguments)
    each.until(lambda: proxy.carried > carried, "the request at the server")
    client.close()
    with pytest.raises(kind, match=says):
        result()


def test_closing_ends_a_pipeline_in_flight(each: Either, proxy: Proxy) -> None:
    client = each.connect(proxy.address, retry=QUICKLY)
    block = client.alloc(8)
    pipeline = client.pipeline()
    pipeline.read(block.handle, 5)
    pipeline.fetch_add(block.handle, 0, 1)
    proxy.now(Fault(replies=0, end=ConnectionEnd.STALLED))
    carried = proxy.carried
    result = each.begin(pipeline, "execute")
    each.until(lambda: proxy.carried > carried, "the requests at the server")
    client.close()
    read, added = result()
    assert (type(read), type(added)) == (ConnectionLost, OutcomeUnknown)
    assert str(read).endswith("the client was closed")
    assert str(added).endswith("the client was closed")


# The decisions alone: what `recover` asks for, step by step.

HERE = Address("here")
LOST = ConnectionLost("lost")
RETRY = Retry(attempts=3, first_delay=0.5, longest_delay=0.7)


def reconnection(retry: Retry | None = RETRY, **options: Any) -> Reconnection:
    return Reconnection(HERE, ConnectOptions(retry=retry, **options))


def play(
    state: Reconnection, lost: ConnectionLost, *failures: tuple[type, EtherError]
) -> tuple[list[str], EtherError | None]:
    """The steps of a recovery, and its error.

    Each failure is for the next step of its type; every other step succeeds.
    """
    steps: list[str] = []
    left = list(failures)

    def perform(step: RecoveryStep) -> None:
        steps.append(str(step.seconds) if isinstance(step, Pause) else type(step).__name__)
        if left and isinstance(step, left[0][0]):
            raise left.pop(0)[1]

    try:
        drive(state.recover(lost), perform)
    except EtherError as error:
        return steps, error
    return steps, None


def test_the_first_attempt_is_made_at_once() -> None:
    assert play(reconnection(), LOST) == (["0.0", "Reconnect", "Repeat"], None)


def test_the_pauses_grow_and_the_last_error_is_raised() -> None:
    last = ConnectionLost("the last one")
    failures = [(Reconnect, LOST), (Repeat, LOST), (Reconnect, last)]
    assert play(reconnection(), LOST, *failures) == (
        ["0.0", "Reconnect", "0.5", "Reconnect", "Repeat", "0.7", "Reconnect"],
        last,
    )


@pytest.mark.parametrize("retry", [None, Retry(attempts=0)], ids=["None", "no attempts"])
def test_without_attempts_the_loss_is_raised(retry: Retry | None) -> None:
    assert play(reconnection(retry), LOST) == ([], LOST)
    assert reconnection(retry).gives_up
    assert not reconnection().gives_up


def test_a_silent_server_is_not_asked_again() -> None:
    silent = TimedOut("no answer in time")
    assert play(reconnection(), silent) == ([], silent)
    steps = ["0.0", "Reconnect", "Repeat"]
    assert play(reconnection(), LOST, (Repeat, silent)) == (steps, silent)


@pytest.mark.parametrize(
    "error",
    [ServerRestarted("others"), OutcomeUnknown("who knows"), RemoteProtocolError("nonsense")],
    ids=lambda error: type(error).__name__,
)
def test_what_another_connection_does_not_heal_is_raised(error: EtherError) -> None:
    assert play(reconnection(), LOST, (Reconnect, error)) == (["0.0", "Reconnect"], error)


@pytest.mark.parametrize("step", [Pause, Reconnect, Repeat], ids=lambda step: step.__name__)
def test_closed_during_any_step_is_the_same_error(step: type) -> None:
    state = reconnection()

    def perform(now: RecoveryStep) -> None:
        if isinstance(now, step):
            state.close()
            if not isinstance(now, Pause):
                raise LOST

    with pytest.raises(ConnectionLost, match="here:9999: the client was closed"):
        drive(state.recover(LOST), perform)
    with pytest.raises(ConnectionLost, match="here:9999: the client was closed"):
        state.check_open()


# What a new connection begins with.


class FakeConnection:
    """Writes down what a new connection is told."""

    address = HERE
    in_step = True

    def __init__(self) -> None:
        self.told: list[object] = []

    def limit_silence(self, seconds: float | None) -> None:
        self.told.append(seconds)

    def trace(self, hook: Any) -> None:
        self.told.append(hook)


def hello_of(instance: int) -> Message:
    hello = replace(decode_hello(HELLO_BODY), instance=instance, auth_needed=False)
    return Message(Command.OK, payload=encode_hello(hello))


def begin(state: Reconnection, reply: Message) -> FakeConnection:
    connection = FakeConnection()

    def exchange(batch: Batch) -> list[Message]:
        ((request, _),) = batch.steps
        connection.told.append(str(request))
        return [reply]

    drive(state.begin(connection), exchange)
    return connection


def test_a_connection_begins_with_hello_and_its_own_limit_of_silence() -> None:
    state = reconnection(name="me", timeout=30.0, trace=print)
    assert begin(state, hello_of(1)).told == [5.0, "HELLO #0 [2 bytes]", 30.0, print]
    assert state.server is not None
    assert state.server.instance == 1


def test_without_retry_nothing_is_asked() -> None:
    state = reconnection(None, timeout=30.0)
    assert begin(state, hello_of(1)).told == [30.0, None]
    assert state.server is None


def test_another_instance_closes_the_client() -> None:
    state = reconnection()
    begin(state, hello_of(1))
    begin(state, hello_of(1))
    state.check_open()
    with pytest.raises(ServerRestarted, match="here:9999 was restarted"):
        begin(state, hello_of(2))
    assert state.closed


def test_a_replaced_hook_is_for_later_connections_but_not_for_their_hello() -> None:
    assert reconnection(trace=print).handshake_trace is print
    state = reconnection(trace=print)
    state.replace_trace(repr)
    assert state.handshake_trace is None
    assert begin(state, hello_of(1)).told[-1] is repr

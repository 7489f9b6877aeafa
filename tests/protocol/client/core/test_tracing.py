"""What a trace hook is called with, by every client."""

from __future__ import annotations

import pytest

from ether_protocol import (
    Client,
    Command,
    Message,
    NotFound,
    ServerError,
    Traced,
)
from harness import Etherd
from protocol.client.either import Either


def test_a_trace_hook_is_told_of_every_message(each: Either, shared_etherd: Etherd) -> None:
    told: list[Traced] = []
    with each.connect(shared_etherd.address, trace=told.append) as client:
        assert [(entry.sent, entry.summary.split()[0]) for entry in told] == [
            (True, "HELLO"),
            (False, "OK"),
        ]
        told.clear()
        with client.alloc(64) as block:
            block.write(b"hello", 3)
            block.read(5, 3)
            pipeline = client.pipeline()
            pipeline.read(block.handle, 5, 3)
            pipeline.read(2**63, 5)
            pipeline.execute()
    assert [(entry.sent, entry.summary.split()[0]) for entry in told if entry.sent] == [
        (True, name) for name in ("ALLOC", "WRITE", "READ", "READ", "READ", "FREE")
    ]
    replies = [entry for entry in told if not entry.sent]
    assert [entry.summary.split()[0] for entry in replies] == ["OK"] * 4 + ["ERROR", "OK"]
    assert all(entry.elapsed is None for entry in told if entry.sent)
    assert all(entry.elapsed is not None and entry.elapsed >= 0 for entry in replies)
    names = {field.name: field for field in told[2].fields}
    assert names["handle"].value == block.handle
    assert str(told[0]).startswith("> ALLOC #2 size=64")
    assert str(told[1]).startswith("< OK #2 ")
    assert str(told[1]).endswith(" ms)")


def test_a_trace_begins_and_ends_at_any_time(any_client: Client) -> None:
    told: list[Traced] = []
    any_client.ping()
    any_client.trace(told.append)
    any_client.ping(b"one")
    any_client.trace(None)
    any_client.ping()
    assert [entry.summary.partition(" #")[0] for entry in told] == ["PING", "PONG"]


def test_a_trace_never_shows_a_token(each: Either, shared_etherd: Etherd) -> None:
    told: list[Traced] = []
    with each.connect(shared_etherd.address, trace=told.append) as client:
        with pytest.raises(ServerError) as caught:
            client.call(Message(Command.AUTH, payload=b"hunter2-secret"))
    assert any(entry.summary.startswith("AUTH") for entry in told)
    for shown in (repr(told), "".join(map(str, told)), repr(caught.value)):
        assert "hunter2" not in shown
        assert "secret" not in shown
        assert b"hunter2".hex() not in shown.lower().replace(" ", "")


@pytest.mark.parametrize("error", [ZeroDivisionError, StopIteration, OSError, NotFound])
@pytest.mark.parametrize("sent", [True, False], ids=["sent", "received"])
def test_what_a_trace_hook_raises_reaches_the_caller(
    each: Either, shared_etherd: Etherd, error: type[Exception], sent: bool
) -> None:
    armed = False

    def hook(entry: Traced) -> None:
        if armed and entry.sent is sent:
            raise error("of the hook")

    with each.connect(shared_etherd.address, trace=hook) as client:
        block = client.alloc(64)
        armed = True
        for act in (lambda: block.write(b"hello"), lambda: block.read(5), lambda: client.ping()):
            with pytest.raises((error, RuntimeError), match="of the hook"):
                act()
        pipeline = client.pipeline()
        pipeline.ping(b"one")
        pipeline.ping(b"two")
        with pytest.raises((error, RuntimeError), match="of the hook"):
            pipeline.execute()
        armed = False
        assert client.ping(b"in step") == b"in step"
        block.free()

"""Clients that have to say who they are: before, while and after they do."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from daemon.connection import (
    LOCAL,
    STRANGER,
    FakeClient,
    asking,
    lines,
    replies,
    run,
    until,
)
from ether_daemon.app import shutdown
from ether_daemon.app.composition import Composition
from ether_daemon.net import challenge
from ether_daemon.service.access import AccessRules, PrincipalRules
from ether_daemon.service.commands import HANDLERS
from ether_daemon.service.quota import Limits
from ether_daemon.settings import Settings
from ether_protocol import Command, Message
from ether_protocol.wire import bodies
from ether_protocol.wire.bodies import decode_error
from ether_protocol.wire.codec import encode
from ether_protocol.wire.constants import REPEATABLE

MIB = 1024 * 1024
HELLO = asking(Command.HELLO)
STATS = asking(Command.STATS)


def digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def auth(token: bytes, **fields: int) -> bytes:
    return asking(Command.AUTH, payload=token, **fields)


ADA = PrincipalRules(frozenset({digest(b"ada's")}), frozenset({digest(b"reader's")}))
BOB = PrincipalRules(frozenset({digest(b"bob's"), digest(b"bob's new")}), max_clients=2)
ROOT = PrincipalRules(frozenset({digest(b"root's")}), admin=True)
RULES = {"ada": ADA, "bob": BOB, "root": ROOT}


@asynccontextmanager
async def guarded(
    rules: Mapping[str, PrincipalRules] = RULES, *, fast_path: bool = True, **changes: Any
) -> AsyncIterator[Composition]:
    """A server whose clients say who they are."""
    settings = Settings(**{"max_memory_bytes": 64 * MIB, **changes})
    parts = Composition(settings, rules=AccessRules(rules), fast_path=fast_path)
    yield parts
    await shutdown.close(parts, asyncio.Event())


async def acting_as(parts: Composition, token: bytes, peer: object = LOCAL) -> FakeClient:
    client = FakeClient(parts, peer)
    await client.send(auth(token))
    assert lines(client.received()) == ["OK #0"]
    return client


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong tokens cost next to nothing."""
    monkeypatch.setattr(challenge, "FIRST_DELAY_SECONDS", 0.001)


# Before


@pytest.mark.parametrize("peer", [LOCAL, STRANGER])
def test_only_hello_and_ping_are_answered_before_auth(peer: object) -> None:
    async def scenario() -> None:
        async with guarded() as parts:
            client = FakeClient(parts, peer)
            await client.send(asking(Command.PING, payload=b"odd") + HELLO)
            pong, hello = replies(client.received())
            assert pong.payload == b"odd"
            assert bodies.decode_hello(hello.payload).auth_needed
            for command in set(HANDLERS) - {Command.PING, Command.HELLO, Command.AUTH}:
                await client.send(asking(command, 1, size=8))
                assert lines(client.received()) == ["UNAUTHENTICATED v2"], command
            assert client.transport.ended() == ""
            assert parts.quota.allocations == 0
            client.lose()

    run(scenario)


def test_version_1_is_told_in_its_own_form() -> None:
    async def scenario() -> None:
        async with guarded() as parts:
            client = FakeClient(parts)
            for command in (Command.ALLOC, Command.FREE, Command.READ):
                await client.send(encode(Message(command, 1, size=8, version=1)))
            await client.send(encode(Message(Command.WRITE, 1, payload=b"abc", version=1)))
            await client.send(encode(Message(Command.PING, version=1)))
            assert lines(client.received()) == ["UNAUTHENTICATED v1"] * 4 + ["PONG v1"]
            client.lose()

    run(scenario)


def test_version_1_is_served_behind_an_auth_of_version_2() -> None:
    async def scenario() -> None:
        async with guarded() as parts:
            client = await acting_as(parts, b"ada's")
            await client.send(encode(Message(Command.ALLOC, size=8, version=1)))
            assert lines(client.received()) == ["OK v1 handle=1"]
            client.lose()

    run(scenario)


def test_nobody_is_counted_and_nothing_is_fast_before_auth() -> None:
    async def scenario() -> None:
        async with guarded() as parts:
            client = FakeClient(parts)
            await client.send((asking(Command.READ, 1, size=8) + HELLO) * 5)
            counters = [parts.principal(name).counters for name in RULES]
            assert [each.clients for each in counters] == [0, 0, 0]
            assert [sum(each.requests) + each.bytes_in for each in counters] == [0, 0, 0]
            assert parts.admission.clients == 0
            client.lose()
            assert parts.admission.empty.is_set()

    run(scenario)


def test_a_long_payload_ends_it_before_it_arrives() -> None:
    async def scenario() -> None:
        async with guarded() as parts:
            for version in (1, 2):
                client = FakeClient(parts)
                write = encode(Message(Command.WRITE, 1, payload=bytes(5000), version=version))
                client.offer(write[:50])
                await client.turns()
                assert lines(client.received()) == [f"UNAUTHENTICATED v{version}"]
                assert client.transport.ended() == "eof"
                client.lose()

    run(scenario)


def test_little_is_received_at_a_time() -> None:
    async def scenario() -> None:
        async with guarded() as parts:
            client = FakeClient(parts)
            client.offer(HELLO[:39])
            assert len(client.connection.get_buffer(1 << 20)) <= 4096 + 40
            client.lose()

    run(scenario)


def test_who_says_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(challenge.Challenge.__init__, "__defaults__", (0.01,))

    async def scenario() -> None:
        async with guarded() as parts:
            silent, talking = FakeClient(parts), FakeClient(parts)
            known = await acting_as(parts, b"ada's")
            while not (silent.transport.closed and talking.transport.closed):
                await talking.send(HELLO)
                await asyncio.sleep(0.001)
            assert known.transport.closed == ""
            for client in (silent, talking, known):
                client.lose()

    run(scenario)


# While


def test_the_right_token_lets_in_wherever_it_comes_from() -> None:
    async def scenario() -> None:
        async with guarded() as parts:
            clients = [
                await acting_as(parts, token, STRANGER)
                for token in (b"ada's", b"bob's", b"bob's new")
            ]
            for client in clients:
                await client.send(asking(Command.ALLOC, size=8) + HELLO)
                alloc, hello = replies(client.received())
                assert alloc.command == Command.OK
                assert not bodies.decode_hello(hello.payload).auth_needed
            quotas = [parts.principal(name).quota.blocks for name in ("ada", "bob")]
            assert quotas == [1, 2]
            for client in clients:
                client.lose()

    run(scenario)


def test_everything_may_be_sent_at_once() -> None:
    async def scenario() -> None:
        async with guarded() as parts:
            client = FakeClient(parts)
            early = asking(Command.ALLOC, size=8)
            work = asking(Command.WRITE, 1, payload=b"12345678") + asking(Command.READ, 1, size=8)
            await client.send(HELLO + early + auth(b"ada's") + early + work * 1000)
            got = lines(client.received())
            assert got[1:4] == ["UNAUTHENTICATED v2", "OK #0", "OK #0 handle=1 size=8"]
            assert len(got) == 2004
            assert parts.principal("ada").counters.requests[Command.READ] == 1000
            client.lose()

    run(scenario)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("token", [b"", b"ada", b"ada's ", b"ADA'S", digest(b"ada's"), bytes(4096)])
def test_a_wrong_token_is_nobodys(token: bytes) -> None:
    async def scenario() -> None:
        async with guarded() as parts:
            client = FakeClient(parts)
            await client.send(auth(token, request_id=7))
            await until(lambda: client.transport.sent)
            (reply,) = replies(client.received())
            assert (reply.request_id, str(decode_error(reply))) == (7, "this token is nobody's")
            await client.send(auth(b"ada's"))
            assert lines(client.received()) == ["OK #0"]
            client.lose()

    run(scenario)


def test_the_answer_to_a_wrong_token_is_late_and_holds_up_only_its_sender() -> None:
    async def scenario() -> None:
        async with guarded() as parts:
            guessing, other = FakeClient(parts), await acting_as(parts, b"ada's")
            await guessing.send(auth(b"wrong") + HELLO)
            assert guessing.received() == b""
            assert not guessing.transport.reading
            await other.send(HELLO)
            assert len(replies(other.received())) == 1
            await until(lambda: guessing.transport.sent)
            await guessing.turns()
            refused, hello = replies(guessing.received())
            assert (refused.command, hello.command) == (Command.ERROR, Command.OK)
            for client in (guessing, other):
                client.lose()

    run(scenario)


def test_each_wrong_token_takes_twice_as_long(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        delays: list[float] = []
        loop = asyncio.get_running_loop()
        later = loop.call_later

        def call_later(delay: float, *rest: Any) -> asyncio.TimerHandle:
            if delay < 5:
                delays.append(delay)
            return later(delay / 1000, *rest) if delay < 5 else later(delay, *rest)

        monkeypatch.setattr(loop, "call_later", call_later)
        async with guarded() as parts:
            client = FakeClient(parts)
            await client.send(auth(b"wrong") * 5)
            await until(lambda: client.transport.ended())
            assert [delay for delay in delays if delay >= 0.1][:5] == [0.1, 0.2, 0.4, 0.8, 1.6]
            client.lose()

    run(scenario)


@pytest.mark.usefixtures("impatient")
def test_the_fifth_wrong_token_closes() -> None:
    async def scenario() -> None:
        async with guarded() as parts:
            client = FakeClient(parts)
            await client.send(auth(b"wrong") * 5 + auth(b"ada's") + HELLO)
            await until(lambda: client.transport.ended())
            got = replies(client.received())
            assert [decode_error(reply).code for reply in got] == [8] * 5
            assert str(decode_error(got[-1])) == "this was wrong token 5 of 5"
            client.lose()
            assert parts.admission.empty.is_set()

    run(scenario)


def test_one_that_goes_while_its_answer_waits_leaves_nothing() -> None:
    async def scenario() -> None:
        async with guarded() as parts:
            client = FakeClient(parts)
            await client.send(auth(b"wrong"))
            client.lose()
            await asyncio.sleep(0.15)
            assert client.received() == b""
            assert parts.admission.empty.is_set()

    run(scenario)


def test_too_many_that_have_not_said_who_they_are() -> None:
    async def scenario() -> None:
        async with guarded(max_clients=4) as parts:
            first, second, third = (FakeClient(parts) for _ in range(3))
            assert first.transport.closed == "aborted", "it has had most time"
            assert (second.transport.closed, third.transport.closed) == ("", "")
            known = [await acting_as(parts, b"ada's") for _ in range(4)]
            assert second.transport.closed == third.transport.closed == "aborted"
            late = FakeClient(parts)
            await late.send(HELLO)
            assert lines(late.received()) == ["BUSY v2"], "the known ones are never given up"
            for client in (first, second, third, *known, late):
                client.lose()
            assert parts.admission.empty.is_set()

    run(scenario)


# After


def test_a_second_auth_is_invalid() -> None:
    async def scenario() -> None:
        async with guarded() as parts:
            client = await acting_as(parts, b"ada's")
            await client.send(auth(b"ada's") + auth(b"bob's") + auth(b"wrong"))
            got = replies(client.received())
            assert [str(decode_error(reply)) for reply in got] == [
                "this connection acts for ada already"
            ] * 3
            assert {decode_error(reply).code for reply in got} == {2}
            client.lose()

    run(scenario)


@pytest.mark.parametrize("fast_path", [True, False])
def test_a_read_token_changes_nothing(fast_path: bool) -> None:
    async def scenario() -> None:
        async with guarded(fast_path=fast_path) as parts:
            writer = await acting_as(parts, b"ada's")
            await writer.send(
                asking(Command.ALLOC, size=300_000) + asking(Command.WRITE, 1, payload=b"12345678")
            )
            reader = await acting_as(parts, b"reader's")
            requests = {
                command: asking(command, 1, size=8, payload=payload)
                for command, payload in {
                    Command.ALLOC: b"",
                    Command.FREE: b"",
                    Command.REALLOC: b"",
                    Command.WRITE: b"x",
                    Command.FILL: b"x",
                    Command.COPY: bodies.COPY_REQUEST.pack(1, 8),
                    Command.COMPARE_SWAP: b"12345678xxxxxxxx",
                    Command.FETCH_ADD: bytes(7) + b"\x01",
                }.items()
            }
            assert set(requests) == set(HANDLERS) - REPEATABLE - {Command.AUTH}
            for request in [*requests.values(), asking(Command.WRITE, 1, payload=bytes(200_000))]:
                await reader.send(request * 2)
                assert lines(reader.received()) == ["FORBIDDEN v2"] * 2
            v1 = encode(Message(Command.WRITE, 1, payload=b"x", version=1))
            await reader.send(v1 + encode(Message(Command.FREE, 1, version=1)))
            assert lines(reader.received()) == ["FORBIDDEN v1"] * 2
            await reader.send(asking(Command.READ, 1, size=8) + asking(Command.LIST, size=9))
            read, listed = replies(reader.received())
            assert read.payload == b"12345678"
            assert bodies.decode_list(listed.payload) == [(1, 300_000)]
            assert parts.principal("ada").quota.allocations == 1
            for client in (writer, reader):
                client.lose()

    run(scenario)


def test_a_principal_has_only_so_many_clients() -> None:
    async def scenario() -> None:
        async with guarded() as parts:
            both = [await acting_as(parts, b"bob's") for _ in range(2)]
            third = FakeClient(parts)
            await third.send(auth(b"bob's"))
            (reply,) = replies(third.received())
            assert str(decode_error(reply)) == "2 clients of bob are connected, and no more may be"
            assert third.transport.ended() == "eof"
            ada = await acting_as(parts, b"ada's")
            both[0].lose()
            again = await acting_as(parts, b"bob's")
            for client in (both[1], third, ada, again):
                client.lose()
            assert parts.admission.empty.is_set()

    run(scenario)


def test_a_principal_has_its_own_limits() -> None:
    rules = {**RULES, "ada": replace(ADA, limits=Limits(1000, 2))}

    async def scenario() -> None:
        async with guarded(rules) as parts:
            client = await acting_as(parts, b"ada's")
            await client.send(
                asking(Command.ALLOC, size=2000)
                + asking(Command.ALLOC, size=8) * 3
                + asking(Command.REALLOC, 1, size=2000)
            )
            assert lines(client.received()) == [
                "QUOTA v2",
                "OK #0 handle=1 size=8",
                "OK #0 handle=2 size=8",
                "QUOTA v2",
                "QUOTA v2",
            ]
            client.lose()

    run(scenario)


def test_an_admin_is_told_of_everybody_and_nobody_else_is() -> None:
    async def scenario() -> None:
        async with guarded() as parts:
            ada = await acting_as(parts, b"ada's")
            root = await acting_as(parts, b"root's")
            await ada.send(asking(Command.ALLOC, size=100) + STATS)
            await root.send(STATS)
            own = bodies.decode_stats(replies(ada.received())[1].payload)
            told = bodies.decode_stats(replies(root.received())[0].payload)
            assert not [name for name in own if name.startswith("principal.")]
            assert (told["used_bytes"], told["principal.ada.used_bytes"]) == (0, 100)
            assert told["principal.ada.requests_alloc"] == told["principal.root.clients"] == 1
            assert told["principal.bob.clients"] == 0
            for client in (ada, root):
                client.lose()

    run(scenario)


@pytest.mark.parametrize("fast_path", [True, False])
def test_a_foreign_a_freed_and_an_unknown_handle_are_answered_alike(fast_path: bool) -> None:
    async def scenario() -> None:
        async with guarded(fast_path=fast_path) as parts:
            ada, bob = await acting_as(parts, b"ada's"), await acting_as(parts, b"bob's")
            await ada.send(asking(Command.ALLOC, size=64) * 9)  # bob has none of 7 and 8
            await bob.send(asking(Command.ALLOC, size=64) * 7 + asking(Command.FREE, 7))
            ada.received(), bob.received()
            for command in set(HANDLERS) - {
                *(Command.PING, Command.HELLO, Command.AUTH, Command.STATS),
                *(Command.ALLOC, Command.LIST),
            }:
                payload = {
                    Command.WRITE: b"x",
                    Command.FILL: b"x",
                    Command.COPY: bodies.COPY_REQUEST.pack(1, 0),
                    Command.COMPARE_SWAP: bytes(16),
                    Command.FETCH_ADD: bytes(8),
                }.get(Command(command), b"")
                told = []
                for handle in (7, 8, 9_000_000):  # freed, ada's alone, never issued
                    await bob.send(asking(command, handle, size=8, payload=payload))
                    (reply,) = replies(bob.received())
                    error = decode_error(reply)
                    told.append((error.code, str(error).replace(str(handle), "N")))
                assert told == [(7, "no block has handle N")] * 3, command
            for client in (ada, bob):
                client.lose()

    run(scenario)


# New rules


def test_new_rules_end_the_connections_that_they_would_not_let_in() -> None:
    async def scenario() -> None:
        async with guarded() as parts:
            ada = await acting_as(parts, b"ada's")
            reader = await acting_as(parts, b"reader's")
            old, new = await acting_as(parts, b"bob's"), await acting_as(parts, b"bob's new")
            await old.send(asking(Command.ALLOC, size=64))
            bob = PrincipalRules(frozenset({digest(b"bob's new")}), limits=Limits(100, 1))
            carl = PrincipalRules(frozenset({digest(b"carl's")}))
            ended = parts.change_rules(AccessRules({"ada": ADA, "bob": bob, "carl": carl}))
            assert ended == 1
            closed = [client.transport.closed for client in (ada, reader, old, new)]
            assert closed == ["", "", "aborted", ""]
            await new.send(asking(Command.ALLOC, size=64))
            assert lines(new.received()) == ["QUOTA v2"], "its limits are the new ones"
            carl_client = await acting_as(parts, b"carl's")
            for client in (ada, reader, old, new, carl_client):
                client.lose()

    run(scenario)


def test_blocks_wait_for_a_principal_that_was_taken_away() -> None:
    async def scenario() -> None:
        async with guarded() as parts:
            ada = await acting_as(parts, b"ada's")
            await ada.send(asking(Command.ALLOC, size=64) + asking(Command.ALLOC, size=8, flags=1))
            parts.change_rules(AccessRules({"bob": BOB}))
            assert ada.transport.closed == "aborted"
            ada.lose()
            late = FakeClient(parts)
            await late.send(auth(b"ada's"))
            assert late.received() == b""
            late.lose()
            parts.change_rules(AccessRules(RULES))
            again = await acting_as(parts, b"ada's")
            await again.send(asking(Command.LIST, size=9))
            (listed,) = replies(again.received())
            assert bodies.decode_list(listed.payload) == [(1, 64)]
            again.lose()

    run(scenario)


def test_without_tokens_auth_is_unsupported() -> None:
    rules = {"ada": PrincipalRules(certificates=frozenset({"ada"}))}

    async def scenario() -> None:
        async with guarded(rules) as parts:
            client = FakeClient(parts)
            await client.send(auth(b"ada") + STATS)
            assert lines(client.received()) == ["UNSUPPORTED v2", "UNAUTHENTICATED v2"]
            client.lose()

    run(scenario)


def test_a_token_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with guarded() as parts:
            client = FakeClient(parts)
            await client.send(auth(b"a wrong secret") + auth(b"ada's"))
            await until(lambda: client.transport.sent)
            await client.turns()
            assert len(replies(client.received())) == 2
            client.lose()

    with caplog.at_level("DEBUG", "etherd"):
        run(scenario)
    assert "AUTH" in caplog.text
    for secret in (b"a wrong secret", b"ada's"):
        for form in (secret.decode(), secret.hex(), digest(secret).hex(), repr(digest(secret))):
            assert form not in caplog.text
    assert digest(b"ada's").hex() not in repr(ADA)
    assert repr(digest(b"ada's")) not in repr(AccessRules(RULES).principals)

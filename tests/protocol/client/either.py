"""Both clients with one interface, so that a test is written once and runs with each.

Rule: it adds no behaviour.  `Driven` awaits what a method of an asyncio object
returns, so it has the methods of the blocking object.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

import uvloop

from ether_protocol import (
    AsyncBlock,
    AsyncClient,
    AsyncPipeline,
    Client,
    Pipeline,
    ServerAddress,
    connect,
    connect_async,
)
from harness import until

KINDS = ("blocking", "asyncio", "uvloop")
_TWINS = (AsyncBlock, AsyncClient, AsyncPipeline)


class Driven:
    """An asyncio client, block or pipeline, each method run to its end on `loop`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, inner: Any) -> None:
        self.loop = loop
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return self._finished(getattr(self.inner, name))

    def __getitem__(self, key: Any) -> Any:
        return self._finished(self.inner[key])

    def __len__(self) -> int:
        inner = self.inner
        if isinstance(inner, AsyncBlock):
            return self.loop.run_until_complete(inner.size())
        return len(inner)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return repr(self.inner)

    def __enter__(self) -> Driven:
        self.loop.run_until_complete(self.inner.__aenter__())
        return self

    def __exit__(self, *how: Any) -> None:
        self.loop.run_until_complete(self.inner.__aexit__(*how))

    def _call(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def called(*arguments: Any, **options: Any) -> Any:
            plain = [
                argument.inner if isinstance(argument, Driven) else argument
                for argument in arguments
            ]
            return self._finished(method(*plain, **options))

        return called

    def _finished(self, value: Any) -> Any:
        if inspect.isasyncgen(value):
            return self.loop.run_until_complete(_all_of(value))
        if inspect.isawaitable(value):
            value = self.loop.run_until_complete(_result_of(value))
        if isinstance(value, _TWINS):
            return Driven(self.loop, value)
        return self._call(value) if inspect.ismethod(value) else value


async def _result_of(value: Any) -> Any:
    return await value


async def _all_of(values: Any) -> list[Any]:
    return [value async for value in values]


@dataclass(frozen=True)
class Either:
    """How to connect with one kind of client."""

    kind: str
    loop: asyncio.AbstractEventLoop | None

    def connect(self, address: str | ServerAddress, **options: Any) -> Client:
        """A client with the methods of `Client`, of this kind."""
        if self.loop is None:
            return connect(address, **options)
        inner = self.loop.run_until_complete(_result_of(connect_async(address, **options)))
        return cast(Client, Driven(self.loop, inner))

    def begin(self, client: Client | Pipeline, verb: str, *arguments: Any) -> Callable[[], Any]:
        """Begin a request; what is returned waits for its result."""
        if self.loop is None:
            threads = ThreadPoolExecutor(1)
            request = threads.submit(getattr(client, verb), *arguments)
            threads.shutdown(wait=False)
            return request.result
        inner = cast(Driven, client).inner
        task = self.loop.create_task(getattr(inner, verb)(*arguments))
        return lambda: cast(asyncio.AbstractEventLoop, self.loop).run_until_complete(task)

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Poll until `condition` holds; a loop runs meanwhile."""

        def settled() -> object:
            self.settle()
            return condition()

        until(settled, what)

    def settle(self) -> None:
        """Let the loop, if there is one, handle what has arrived."""
        if self.loop is not None:
            self.loop.run_until_complete(asyncio.sleep(0.001))

    def close(self) -> None:
        """Close the loop, if there is one."""
        if self.loop is not None:
            self.loop.run_until_complete(asyncio.sleep(0))
            self.loop.close()


def either(kind: str) -> Either:
    """One of KINDS."""
    loops: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
        "asyncio": asyncio.new_event_loop,
        "uvloop": uvloop.new_event_loop,
    }
    return Either(kind, loops[kind]() if kind in loops else None)

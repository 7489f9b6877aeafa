"""Both clients behind one face, so that a test is written once and runs with each.

Rule: it adds no behaviour.  `Driven` awaits what an asyncio object returns and
hands on what comes of it, so it has the methods of its blocking twin.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import uvloop

from ether_protocol import AsyncBlock, AsyncClient, AsyncPipeline, Client, connect, connect_async

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

    def connect(self, address: str, **options: Any) -> Client:
        """A client with the manners of `Client`, whichever it is."""
        if self.loop is None:
            return connect(address, **options)
        inner = self.loop.run_until_complete(_result_of(connect_async(address, **options)))
        return cast(Client, Driven(self.loop, inner))

    def settle(self) -> None:
        """Let the loop, where there is one, see what the network has done in the meantime."""
        if self.loop is not None:
            self.loop.run_until_complete(asyncio.sleep(0.001))

    def close(self) -> None:
        """Give the loop back, if there is one."""
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

"""How a client connects: what is accepted, and the same defaults everywhere."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from ether_protocol import Pool, Retry, connect, connect_async
from ether_protocol.client.core.options import ConnectOptions
from protocol.client.either import Either


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
@pytest.mark.parametrize("name", ["timeout", "connect_timeout"])
def test_a_time_that_is_none_is_a_value_error(each: Either, name: str, seconds: float) -> None:
    with pytest.raises(ValueError, match=f"^{name} is a number of seconds above 0, not {seconds}$"):
        each.connect("localhost", **{name: seconds})


DEFAULTS = {name: field.default for name, field in ConnectOptions.__dataclass_fields__.items()}


@pytest.mark.parametrize("act", [connect, connect_async, Pool], ids=lambda act: act.__name__)
def test_everybody_takes_the_same_options_with_the_same_defaults(act: Any) -> None:
    parameters = inspect.signature(act).parameters
    options = {
        name: parameter.default
        for name, parameter in parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    assert options == DEFAULTS


def test_a_pool_checks_its_options_when_it_is_made() -> None:
    with pytest.raises(ValueError, match="timeout is a number of seconds above 0, not 0"):
        Pool("localhost", timeout=0)


def test_only_a_client_that_comes_back_asks_hello_and_pauses() -> None:
    assert ConnectOptions().asks_hello
    assert list(ConnectOptions(retry=Retry(2, 0.5)).pauses()) == [0.0, 0.5]
    assert not ConnectOptions(retry=None).asks_hello
    assert list(ConnectOptions(retry=None).pauses()) == []

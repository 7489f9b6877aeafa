"""How a client connects: what is accepted, and the same defaults everywhere."""

from __future__ import annotations

import pytest

from protocol.client.either import Either


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
@pytest.mark.parametrize("name", ["timeout", "connect_timeout"])
def test_a_time_that_is_none_is_a_value_error(each: Either, name: str, seconds: float) -> None:
    with pytest.raises(ValueError, match=f"^{name} is a number of seconds above 0, not {seconds}$"):
        each.connect("localhost", **{name: seconds})

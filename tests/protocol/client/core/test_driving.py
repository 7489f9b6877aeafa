from __future__ import annotations

from collections.abc import Generator

import pytest

from ether_protocol import EtherError, NotFound
from ether_protocol.client.aio.driving import drive_async
from ether_protocol.client.blocking.driving import drive
from ether_protocol.client.core.driving import resume
from protocol.client.either import Either


def steps() -> Generator[str, int, list[object]]:
    """Two steps; the value is what they came to."""
    outcomes: list[object] = []
    for name in ("first", "second"):
        try:
            outcomes.append((yield name))
        except NotFound as error:
            outcomes.append(str(error))
    return outcomes


def run(each: Either, perform: dict[str, int | Exception]) -> list[object]:
    """Drive `steps` as a client of this kind does."""

    def act(step: str) -> int:
        outcome = perform[step]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def act_later(step: str) -> int:
        return act(step)

    if each.loop is None:
        return drive(steps(), act)
    return each.loop.run_until_complete(drive_async(steps(), act_later))


def test_a_step_gets_back_what_it_came_to(each: Either) -> None:
    assert run(each, {"first": 1, "second": 2}) == [1, 2]


def test_an_ether_error_is_thrown_in_where_it_belongs(each: Either) -> None:
    assert run(each, {"first": NotFound("gone"), "second": 2}) == ["gone", 2]
    with pytest.raises(EtherError, match="other"):
        run(each, {"first": EtherError("other"), "second": 2})


@pytest.mark.parametrize("error", [ZeroDivisionError("of a callback"), OSError("of a callback")])
def test_any_other_error_stays_outside(each: Either, error: Exception) -> None:
    with pytest.raises(type(error), match="of a callback"):
        run(each, {"first": 1, "second": error})


def test_a_stop_iteration_of_a_callback_is_not_taken_for_the_end() -> None:
    def act(step: str) -> int:
        raise StopIteration("of a callback")

    with pytest.raises(StopIteration, match="of a callback"):
        drive(steps(), act)


def test_the_end_is_a_stop_iteration_with_the_value() -> None:
    generator = steps()
    assert resume(generator, None) == "first"
    assert resume(generator, 1) == "second"
    with pytest.raises(StopIteration) as end:
        resume(generator, 2)
    assert end.value.value == [1, 2]

"""The checker, on histories whose answer is known."""

from __future__ import annotations

import random
from itertools import permutations

import pytest

from linearizability import NEVER, Operation, is_linearizable


def register(
    state: int, asked: tuple[str, int], answered: int, unanswered: bool
) -> tuple[bool, int]:
    """One number that is written, read, or added to."""
    what, value = asked
    if what == "write":
        return True, value
    if what == "add":
        return unanswered or answered == state, state + value
    return unanswered or answered == state, state


def read(called: int, returned: int, value: int) -> Operation:
    return Operation(called, returned, ("read", 0), value)


def write(called: int, returned: int, value: int) -> Operation:
    return Operation(called, returned, ("write", value))


def add(called: int, returned: int, value: int, found: int = 0) -> Operation:
    return Operation(called, returned, ("add", value), found)


POSSIBLE = {
    "nothing": [],
    "one after the other": [write(1, 2, 5), read(3, 4, 5)],
    "a read within a write sees the old": [write(1, 4, 5), read(2, 3, 0)],
    "a read within a write sees the new": [write(1, 4, 5), read(2, 3, 5)],
    "an open write was carried out late": [write(1, NEVER, 5), read(2, 3, 0), read(4, 5, 5)],
    "an open write never was": [write(1, NEVER, 5), read(2, 3, 0), read(4, 5, 0)],
    "two open additions, one of them": [add(1, NEVER, 1), add(2, NEVER, 2), read(3, 4, 2)],
    "a chain that must be turned round": [add(1, 9, 1, 2), add(2, 8, 2, 0), read(10, 11, 3)],
}

BROKEN = {
    "a stale read": [write(1, 2, 5), read(3, 4, 0)],
    "back in time": [write(1, 6, 5), read(2, 3, 5), read(4, 5, 0)],
    "a read of what nobody wrote": [write(1, 4, 5), read(2, 3, 6)],
    "an open write was carried out and undone": [
        write(1, NEVER, 5),
        read(2, 3, 5),
        read(4, 5, 0),
    ],
    "before it was called": [read(1, 2, 5), write(3, NEVER, 5)],
    "a lost addition": [add(1, 4, 1, 0), add(2, 3, 1, 0)],
    "an open addition twice": [add(1, NEVER, 1), read(2, 3, 1), read(4, 5, 2)],
}


@pytest.mark.parametrize("history", POSSIBLE.values(), ids=POSSIBLE)
def test_what_can_have_happened_is_linearizable(history: list[Operation]) -> None:
    assert is_linearizable(history, 0, register)


@pytest.mark.parametrize("history", BROKEN.values(), ids=BROKEN)
def test_what_cannot_is_not(history: list[Operation]) -> None:
    assert not is_linearizable(history, 0, register)


def by_trying_all_orders(history: list[Operation]) -> bool:
    """The definition itself, for short histories."""
    closed = [one for one in history if one.returned != NEVER]
    opened = [one for one in history if one.returned == NEVER]
    for chosen in range(1 << len(opened)):
        taken = closed + [one for at, one in enumerate(opened) if chosen >> at & 1]
        for order in permutations(taken):
            if any(
                later.returned < earlier.called
                for at, earlier in enumerate(order)
                for later in order[at + 1 :]
            ):
                continue
            state = 0
            for one in order:
                possible, state = register(state, one.asked, one.answered, one.returned == NEVER)
                if not possible:
                    break
            else:
                return True
    return False


def test_it_agrees_with_the_definition() -> None:
    chance = random.Random(7)
    verdicts = []
    for _ in range(1500):
        times = chance.sample(range(12), 12)
        history = []
        for at in range(chance.randint(1, 5)):
            called, returned = sorted(times[2 * at : 2 * at + 2])
            if chance.random() < 0.25:
                returned = NEVER
            what = chance.choice(("read", "write", "add"))
            asked = (what, chance.randrange(1, 3))
            history.append(Operation(called, returned, asked, chance.randrange(3)))
        verdict = is_linearizable(history, 0, register)
        assert verdict == by_trying_all_orders(history)
        verdicts.append(verdict)
    assert {True, False} == set(verdicts)

from __future__ import annotations

from functools import reduce

import pytest

from ether_daemon.net.connection_state import TRANSITIONS, Event, State, follow

ADMITTED, CHALLENGED, DENIED, CLIENT_DONE, DRAIN = (
    Event.ADMITTED,
    Event.CHALLENGED,
    Event.DENIED,
    Event.CLIENT_DONE,
    Event.DRAIN,
)
SERVING = {state for state in State if state.serving}
SERVED, BROKEN, ALL_SENT, GONE = Event.SERVED, Event.BROKEN, Event.ALL_SENT, Event.GONE


def after(*events: Event) -> State:
    """The state of a new connection to which `events` happen."""
    return reduce(follow, events, State.GREETING)


LIVES = [
    ("it is served and goes", [ADMITTED, GONE], State.CLOSED),
    ("it has asked for everything", [ADMITTED, CLIENT_DONE], State.FINISHING),
    ("and got it", [ADMITTED, CLIENT_DONE, SERVED], State.CLOSING),
    ("and takes nothing more", [ADMITTED, CLIENT_DONE, SERVED, GONE], State.CLOSED),
    ("the server is to stop", [ADMITTED, DRAIN], State.DRAINING),
    ("the last request is served", [ADMITTED, DRAIN, SERVED], State.CLOSING),
    ("its replies are sent", [ADMITTED, DRAIN, SERVED, ALL_SENT], State.LINGERING),
    ("it has read them", [ADMITTED, DRAIN, SERVED, ALL_SENT, CLIENT_DONE], State.CLOSED),
    ("it has not, in time", [ADMITTED, DRAIN, SERVED, ALL_SENT, GONE], State.CLOSED),
    ("it ends while the server does", [ADMITTED, DRAIN, CLIENT_DONE], State.FINISHING),
    ("the server ends while it does", [ADMITTED, CLIENT_DONE, DRAIN], State.FINISHING),
    ("it sends garbage", [ADMITTED, BROKEN], State.CLOSING),
    ("garbage at its end", [ADMITTED, CLIENT_DONE, BROKEN], State.CLOSING),
    ("garbage when the server is to stop", [ADMITTED, DRAIN, BROKEN], State.CLOSING),
    ("it is told of its garbage", [ADMITTED, BROKEN, ALL_SENT], State.LINGERING),
    ("it goes before that", [ADMITTED, BROKEN, CLIENT_DONE], State.CLOSING),
    ("the server stops before that", [ADMITTED, BROKEN, DRAIN], State.CLOSING),
    ("it has to say who it is", [CHALLENGED], State.UNIDENTIFIED),
    ("it says who it is", [CHALLENGED, ADMITTED], State.OPEN),
    ("it can't, and is told so", [CHALLENGED, BROKEN], State.CLOSING),
    ("it takes too long", [CHALLENGED, GONE], State.CLOSED),
    ("it ends before it is known", [CHALLENGED, CLIENT_DONE], State.FINISHING),
    ("it was in its last bytes who it is", [CHALLENGED, CLIENT_DONE, ADMITTED], State.FINISHING),
    ("the server stops before that is known", [CHALLENGED, DRAIN], State.CLOSING),
    ("it is not served", [DENIED], State.REFUSED),
    ("it has asked why", [DENIED, BROKEN], State.CLOSING),
    ("it is told why", [DENIED, BROKEN, ALL_SENT], State.LINGERING),
    ("it never asks", [DENIED, GONE], State.CLOSED),
    ("it goes instead", [DENIED, CLIENT_DONE], State.CLOSING),
    ("the server stops first", [DENIED, DRAIN], State.CLOSING),
    ("it is lost before it is looked at", [GONE], State.CLOSED),
]


@pytest.mark.parametrize(("what", "events", "state"), LIVES, ids=[what for what, _, _ in LIVES])
def test_a_life(what: str, events: list[Event], state: State) -> None:
    assert after(*events) is state


def test_every_state_is_in_the_table_and_reached_from_the_first() -> None:
    assert set(TRANSITIONS) == set(State)
    reached, found = set[State](), {State.GREETING}
    while found:
        reached |= found
        found = {to for state in found for to in TRANSITIONS[state].values()} - reached
    assert reached == set(State)


def test_every_event_means_something_somewhere() -> None:
    assert {event for events in TRANSITIONS.values() for event in events} == set(Event)


def test_closed_is_final_and_nothing_else_is() -> None:
    for event in Event:
        assert follow(State.CLOSED, event) is State.CLOSED
    for state in set(State) - {State.CLOSED}:
        assert follow(state, GONE) is State.CLOSED, "the transport can lose it at any time"


def test_an_event_that_is_not_listed_changes_nothing() -> None:
    for state in State:
        for event in set(Event) - set(TRANSITIONS[state]):
            assert follow(state, event) is state


def test_no_way_leads_back() -> None:
    order = list(State)
    for state, events in TRANSITIONS.items():
        for to in events.values():
            back = (state, to) == (State.DRAINING, State.FINISHING)  # the client ends, too
            assert order.index(to) > order.index(state) or back


def test_once_it_is_not_served_it_never_is_again() -> None:
    assert {state.name for state in SERVING} == {
        "UNIDENTIFIED",
        "OPEN",
        "FINISHING",
        "DRAINING",
        "REFUSED",
    }
    for state in set(State) - SERVING - {State.GREETING}:
        assert not set(TRANSITIONS[state].values()) & SERVING


def test_every_state_has_a_name_of_its_own() -> None:
    # Two members of equal value would be one.
    assert len({state.value for state in State}) == len(list(State)) == 9


def test_who_was_refused_is_never_open() -> None:
    found = {State.REFUSED}
    for _ in State:
        found |= {to for state in found for to in TRANSITIONS[state].values()}
    assert found & SERVING == {State.REFUSED}
    assert State.OPEN not in found


def test_the_table_can_not_be_changed() -> None:
    with pytest.raises(TypeError):
        TRANSITIONS[State.CLOSED] = {}  # type: ignore[index]  # that is the point

"""The states of a connection, and what takes it from one to another.

Rule: decisions as data; nothing here knows a socket.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType


class State(Enum):
    """What a connection is doing; while it is `serving`, what the client sends is looked at."""

    GREETING = "greeting", False
    """It has no principal yet, and nothing is carried out."""
    UNIDENTIFIED = "unidentified", True
    """It has no principal yet; HELLO, PING and AUTH are answered."""
    OPEN = "open", True
    """Requests are carried out."""
    FINISHING = "finishing", True
    """The client will send no more; what it has sent is still carried out."""
    DRAINING = "draining", True
    """The server is to stop: the request that is being received is the last one."""
    REFUSED = "refused", True
    """The first request is answered with the reason why this client is not served."""
    CLOSING = "closing", False
    """Nothing more is carried out; replies that are due are sent."""
    LINGERING = "lingering", False
    """Everything is sent, and the client has a moment to read it."""
    CLOSED = "closed", False
    """The connection is gone, or is being closed."""

    def __init__(self, _label: str, serving: bool) -> None:
        self.serving = serving


class Event(Enum):
    """What may happen to a connection."""

    ADMITTED = auto()
    CHALLENGED = auto()
    """The client has to say who it is."""
    DENIED = auto()
    CLIENT_DONE = auto()
    """The client has closed its side."""
    DRAIN = auto()
    """The server is to stop."""
    SERVED = auto()
    """The last request that will be carried out has been."""
    BROKEN = auto()
    """A fatal refusal, or a reply that can't be made: the stream is of no more use."""
    ALL_SENT = auto()
    """Nothing is left to be sent."""
    GONE = auto()
    """The transport has lost the connection, or is told to drop it."""


TRANSITIONS: Mapping[State, Mapping[Event, State]] = MappingProxyType(
    {
        State.GREETING: {
            Event.ADMITTED: State.OPEN,
            Event.CHALLENGED: State.UNIDENTIFIED,
            Event.DENIED: State.REFUSED,
            Event.GONE: State.CLOSED,
        },
        State.UNIDENTIFIED: {
            Event.ADMITTED: State.OPEN,
            Event.CLIENT_DONE: State.FINISHING,
            Event.DRAIN: State.CLOSING,
            Event.BROKEN: State.CLOSING,
            Event.GONE: State.CLOSED,
        },
        State.OPEN: {
            Event.CLIENT_DONE: State.FINISHING,
            Event.DRAIN: State.DRAINING,
            Event.BROKEN: State.CLOSING,
            Event.GONE: State.CLOSED,
        },
        State.FINISHING: {
            Event.SERVED: State.CLOSING,
            Event.BROKEN: State.CLOSING,
            Event.GONE: State.CLOSED,
        },
        State.DRAINING: {
            Event.CLIENT_DONE: State.FINISHING,
            Event.SERVED: State.CLOSING,
            Event.BROKEN: State.CLOSING,
            Event.GONE: State.CLOSED,
        },
        State.REFUSED: {
            Event.CLIENT_DONE: State.CLOSING,
            Event.DRAIN: State.CLOSING,
            Event.BROKEN: State.CLOSING,
            Event.GONE: State.CLOSED,
        },
        State.CLOSING: {
            Event.ALL_SENT: State.LINGERING,
            Event.GONE: State.CLOSED,
        },
        State.LINGERING: {
            Event.CLIENT_DONE: State.CLOSED,
            Event.GONE: State.CLOSED,
        },
        State.CLOSED: {},
    }
)
"""What follows what; an event that is not listed for a state changes nothing."""


def follow(state: State, event: Event) -> State:
    """The state behind `state` when `event` happens."""
    return TRANSITIONS[state].get(event, state)

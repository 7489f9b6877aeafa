"""What a handler may use, besides its arguments.

Rule: a handler gets everything from here; it prints nothing and asks nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Final

from ether_protocol import Client, Traced
from ether_shell.language.declaration import Catalogue, Result

from .inputs import Inputs
from .session import Session
from .snapshots import Snapshots

Advance = Callable[[int], None]
"""Called with the bytes that are done so far."""

Progress = Callable[[str, int | None], AbstractContextManager[Advance]]
"""Called with a verb and all bytes there are, None where nobody knows."""

FullScreen = Callable[[Callable[[], Result], float], None]
"""Called with what looks, and the seconds between two looks; returns when a person leaves."""


@contextmanager
def unwatched(_: str, __: int | None) -> Iterator[Advance]:
    """Progress that nobody looks at."""
    yield lambda _: None


KEPT_MESSAGES: Final = 1_000
"""Most messages that `trace save` writes: the last ones."""


OnMessage = Callable[[Traced, bool], object]
"""Called with each message while `trace` is on, and whether it was the prompt that asked."""


@dataclass(slots=True)
class Context:
    """The surroundings of a command.

    `guarded` says that the output is a terminal, which must not be flooded;
    `confirm` asks a question of a person and tells whether the answer was yes.
    `snapshots` are what was seen of blocks, by `home`.  `next_line` is what an
    empty line does next, where the command said so.  `interactive` says that a
    person is at a prompt, `unattended` that nobody is there to be asked and
    nobody has said yes.  `progress` shows how far a long transfer has come.
    `full_screen` shows something on the whole of it, None where there is none.
    `on_message` is shown what `trace` shows, and `messages` keeps it.
    `asked` says that the command had the client, so that it may have sent
    something.
    """

    session: Session
    catalogue: Catalogue
    inputs: Inputs
    guarded: bool
    confirm: Callable[[str], bool]
    interactive: bool = False
    unattended: bool = False
    progress: Progress = unwatched
    full_screen: FullScreen | None = None
    on_message: OnMessage = lambda _, __: None
    messages: deque[Traced] = field(default_factory=lambda: deque(maxlen=KEPT_MESSAGES))
    asked: bool = False
    next_line: str = ""
    snapshots: Snapshots = field(default_factory=Snapshots)

    @property
    def home(self) -> int:
        """Which set of blocks a handle belongs to, as far as the server tells."""
        hello = self.session.hello
        return hello.instance if hello is not None else 0

    @property
    def client(self) -> Client:
        """The connected client."""
        client = self.session.client()
        self.asked = True
        return client

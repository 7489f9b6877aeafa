"""What a handler may use, besides its arguments.

Rule: a handler reaches the server, the user and the terminal only through its context; it
writes to no stream itself.
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
from .session import ShellSession
from .snapshots import Snapshots

Advance = Callable[[int], None]
"""Called with how many bytes are done."""

ShowProgress = Callable[[str, int | None], AbstractContextManager[Advance]]
"""Called with a verb and the total of bytes, None where that is not known."""

FullScreen = Callable[[Callable[[], Result], float], None]
"""Called with a function that fetches the result, and the seconds between two calls of it.

Returns when the user leaves.
"""


@contextmanager
def not_shown(_: str, __: int | None) -> Iterator[Advance]:
    """Progress that is not shown."""
    yield lambda _: None


KEPT_MESSAGES: Final = 1_000
"""How many of the last messages `trace save` can write."""


TRANSFER_STEP_BYTES: Final = 4 * 1024 * 1024
"""Bytes that `load` and `dump` transfer between two updates of the progress line."""

OnMessage = Callable[[Traced, bool], object]
"""Called with each message while `trace` is on, and whether the shell itself sent the request."""


@dataclass(slots=True)
class Context:
    """The surroundings of a command.

    Attributes:
        session: The connection, and what is known about the server.
        catalogue: All commands.
        inputs: Reads the files that a line names.
        limits_output: The output is a terminal, and long results are cut short.
        confirm: Asks the user a question; returns whether the answer was yes.
        ask_secret: Asks the user for text that is not shown; None where there is no user.
        interactive: There is a user at a prompt.
        unattended: Nobody can be asked, and `-y` was not given.
        progress: Shows how far a long transfer is.
        transfer_step_bytes: How much `load` and `dump` transfer at a time.
        full_screen: Shows a result on the full screen; None where there is no terminal.
        on_message: Gets every message while `trace` is on.
        messages: The last of those messages.
        used_client: The command has asked for the client, so it may have sent something.
        next_line: What an empty line runs next; set by the command.
        snapshots: Copies of what blocks held.
    """

    session: ShellSession
    catalogue: Catalogue
    inputs: Inputs
    limits_output: bool
    confirm: Callable[[str], bool]
    interactive: bool = False
    unattended: bool = False
    ask_secret: Callable[[str], str] | None = None
    progress: ShowProgress = not_shown
    transfer_step_bytes: int = TRANSFER_STEP_BYTES
    full_screen: FullScreen | None = None
    on_message: OnMessage = lambda _, __: None
    messages: deque[Traced] = field(default_factory=lambda: deque(maxlen=KEPT_MESSAGES))
    used_client: bool = False
    next_line: str = ""
    snapshots: Snapshots = field(default_factory=Snapshots)

    @property
    def instance(self) -> int:
        """The server's set of blocks, to which handles belong; 0 where it is not known."""
        hello = self.session.hello
        return hello.instance if hello is not None else 0

    @property
    def client(self) -> Client:
        """The connected client."""
        client = self.session.client()
        self.used_client = True
        return client

"""What a handler may use, besides its arguments.

Rule: a handler gets everything from here; it prints nothing and asks nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ether_protocol import Client

from .inputs import Inputs
from .language.declaration import Catalogue
from .session import Session


@dataclass(slots=True)
class Context:
    """The surroundings of a command.

    `guarded` says that the output is a terminal, which must not be flooded;
    `confirm` asks a question of a person and tells whether the answer was yes.
    `next_line` is what an empty line does next, where the command said so.
    `interactive` says that a person is at a prompt.  `asked` says that the
    command had the client, so that it may have sent something.
    """

    session: Session
    catalogue: Catalogue
    inputs: Inputs
    guarded: bool
    confirm: Callable[[str], bool]
    interactive: bool = False
    asked: bool = False
    next_line: str = ""

    @property
    def client(self) -> Client:
        """The connected client."""
        client = self.session.client()
        self.asked = True
        return client

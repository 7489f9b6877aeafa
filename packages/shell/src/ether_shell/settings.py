"""What a user may set: how the prompt behaves, and servers by name.

Rule: plain values and their defaults, for every layer; how they are read from a file is
`command.config`'s business.
"""

from __future__ import annotations

from dataclasses import dataclass

from ether_protocol import ServerAddress


@dataclass(frozen=True, slots=True)
class PromptSettings:
    """What is shown while a line is typed, and how keys are understood."""

    menu: bool = True
    hints: bool = True
    suggestions: bool = True
    validation: bool = True
    toolbar: bool = True
    history: bool = True
    questions: bool = True
    vi: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """A server by name. The prompt marks a `production` one."""

    address: ServerAddress
    name: str = ""
    production: bool = False

"""What the user asked for, on the command line and in `shell.toml`.

Rule: plain values; they are not changed once the program runs.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

from ether_shell.settings import Profile, PromptSettings


@dataclass(frozen=True, slots=True)
class ShellOptions:
    """The options of one run; `commands` are those of `-c`, `file` is that of `-f`."""

    profile: Profile
    prompt: PromptSettings
    commands: tuple[str, ...]
    file: str | None
    as_json: bool
    plain: bool
    yes: bool
    timeout: float

    @property
    def interactive(self) -> bool:
        """Whether a user will type lines."""
        return not self.commands and self.file is None and sys.stdin.isatty()

    @property
    def asks(self) -> bool:
        """Whether there is a user who wants to be asked before something is lost."""
        return self.interactive and not self.yes and self.prompt.questions

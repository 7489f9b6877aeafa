"""What a user may set: how the prompt behaves, and servers by name.

Rule: plain values and their defaults, for every layer; how they are read from a file is
`command.config`'s business.
"""

from __future__ import annotations

import os
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
class Access:
    """What a server is shown, and what it must show: files, each None where there is none."""

    token_file: str | None = None
    tls_ca: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    tls_insecure: bool = False

    def or_else(self, other: Access) -> Access:
        """What is set here; what is left open as in `other`.

        The two answers to the question whom to trust are one choice, and so are certificate
        and key.
        """
        trusts = self.tls_ca is not None or self.tls_insecure
        return Access(
            self.token_file or other.token_file,
            self.tls_ca if trusts else other.tls_ca,
            self.tls_cert or other.tls_cert,
            self.tls_key if self.tls_cert or self.tls_key else other.tls_key,
            self.tls_insecure if trusts else other.tls_insecure,
        )


def expanded(path: str) -> str:
    """`path` with `~` as the home directory."""
    return os.path.expanduser(path)


@dataclass(frozen=True, slots=True)
class Profile:
    """A server by name. The prompt marks a `production` one."""

    address: ServerAddress
    name: str = ""
    production: bool = False
    access: Access = Access()

"""Fixtures of the shell's tests.

Rule: a fixture that starts something ends it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from shell.conversation import Conversation

Talk = Callable[..., Conversation]


@pytest.fixture
def talk() -> Iterator[Talk]:
    """Make shells in the test's process; all are closed at the end."""
    made: list[Conversation] = []

    def make(address: str, **options: Any) -> Conversation:
        made.append(Conversation(address, **options))
        return made[-1]

    yield make
    for shell in made:
        shell.close()

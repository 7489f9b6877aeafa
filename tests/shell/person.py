"""A user who is asked questions in a test."""

from __future__ import annotations


class Person:
    """Answers every question alike, and remembers them."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: bool | KeyboardInterrupt = True

    def __call__(self, question: str) -> bool:
        self.asked.append(question)
        if isinstance(self.answer, KeyboardInterrupt):
            raise self.answer
        return self.answer

"""What renderers have in common."""

from __future__ import annotations

from dataclasses import dataclass

from ether_shell.views.renderer import Renderer, View, as_declared, encoded


@dataclass(frozen=True, slots=True)
class Found:
    """Something like a result."""

    offset: int
    data: bytes
    name: str


def test_without_words_of_its_own_a_result_is_its_fields() -> None:
    found = Found(3, b"hello", "x")
    assert list(as_declared(found).items()) == [("offset", 3), ("data", "aGVsbG8="), ("name", "x")]
    assert Renderer(lambda _, __: iter(())).json(found) == as_declared(found)


def test_only_bytes_are_encoded() -> None:
    assert [encoded(value) for value in (b"", b"\xff", "text", 7, None)] == [
        "", "/w==", "text", 7, None,
    ]  # fmt: skip


def test_a_pipe_is_what_nobody_said_anything_about() -> None:
    view = View()
    assert (view.terminal, view.redraws, view.columns, view.lines) == (False, False, 80, 24)
    assert view.paint("error", "text") == "text"

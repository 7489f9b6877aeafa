"""How traced messages look."""

from __future__ import annotations

from ether_protocol import Client
from ether_shell.commands.tracing import TraceSaved, Tracing
from ether_shell.drawing.style import coloured, plain, without_colour
from ether_shell.views.registry import render
from ether_shell.views.renderer import Note, View
from ether_shell.views.tracing import traced
from harness import Etherd
from shell.conftest import Talk


def test_the_state_and_what_was_saved() -> None:
    view = View(terminal=True)
    on, off = Tracing(True, 1_000), Tracing(False, 0)
    assert list(render(on, view)) == [Note("trace is on; 1,000 messages are kept")]
    assert list(render(off, view)) == [Note("trace is off; 0 messages are kept")]
    assert list(render(TraceSaved(12, "f"), view)) == [Note("saved 12 messages")]


def test_a_message_has_its_fields_unless_it_is_brief(
    etherd: Etherd, client: Client, talk: Talk
) -> None:
    shell = talk(etherd.address)
    shell.run("alloc 4")
    shell.run("trace on")
    shell.run("ping")
    request, reply = shell.context.messages
    for message, role in ((request, "sent"), (reply, "received")):
        first, *fields = traced(message, coloured, brief=False)
        assert first == coloured(role, str(message))
        assert fields
        assert all(line.startswith("    ") for line in fields)
        (only,) = traced(message, plain, brief=True)
        assert only == without_colour(first)

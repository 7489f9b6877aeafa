"""What a handler learns from its surroundings."""

from __future__ import annotations

from ether_shell.session.context import not_shown
from harness import Etherd
from shell.conftest import Talk


def test_who_takes_the_client_may_have_sent_something(etherd: Etherd, talk: Talk) -> None:
    context = talk(etherd.address).context
    assert not context.used_client
    context.client.ping()
    assert context.used_client


def test_the_set_of_blocks_is_known_after_the_handshake(etherd: Etherd, talk: Talk) -> None:
    context = talk(etherd.address).context
    assert context.instance == 0
    context.session.start()
    assert context.session.hello is not None
    assert context.instance == context.session.hello.instance != 0


def test_progress_may_go_unseen() -> None:
    with not_shown("load", None) as advance:
        advance(5)

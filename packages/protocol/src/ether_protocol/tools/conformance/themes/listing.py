"""LIST: pages of handles, ascending, up to the end.

Rule: other clients may have blocks on the server, so only the entries of the
rule's own handles are checked.
"""

from __future__ import annotations

from ether_protocol.tools.conformance import expect
from ether_protocol.tools.conformance.fixture import Fixture
from ether_protocol.tools.conformance.peer import Peer
from ether_protocol.tools.conformance.requests import free, list_blocks
from ether_protocol.tools.conformance.rules import Theme
from ether_protocol.wire.bodies import decode_list
from ether_protocol.wire.constants import MAX_LIST_ENTRIES, MAX_SIZE
from ether_protocol.wire.messages import Message

theme: Theme = Theme("list")

COMMANDS, BLOCK = "Commands", "What a block promises"


def _page(peer: Peer, after: int, most: int) -> tuple[Message, list[tuple[int, int]]]:
    reply = expect.ok(peer.ask(list_blocks(after, most)))
    return reply, expect.parsed("list", decode_list, reply.payload)


@theme.rule(COMMANDS)
def entries(fixture: Fixture) -> None:
    """LIST gives handle and size of each block, handles ascending, without the freed."""
    peer = fixture.connect()
    made = [(fixture.block(peer, size), size) for size in (10, 20, 30, 40)]
    expect.ok(peer.ask(free(made.pop(1)[0])))
    _, page = _page(peer, made[0][0] - 1, 100)
    expect.equal("the order of the handles", page, sorted(page))
    expect.equal("the list of these blocks", [entry for entry in page if entry in made], made)


@theme.rule(COMMANDS)
def count_of_all(fixture: Fixture) -> None:
    """The reply's size is how many blocks exist, however few the page has."""
    peer = fixture.connect()
    handles = fixture.blocks(peer, 5, 8)
    for most in (0, 1, 2):
        reply, page = _page(peer, 0, most)
        expect.true(reply.size >= 5, "at least 5 blocks", reply.size)
        expect.equal("the entries", len(page), most)
    before = _page(peer, 0, 0)[0].size
    expect.ok(peer.ask(free(handles[0])))
    after = _page(peer, 0, 0)[0].size
    expect.true(after < before, f"fewer than {before} blocks", after)


@theme.rule(BLOCK)
def pages(fixture: Fixture) -> None:
    """LIST begins above the handle named; page by page it comes to an empty list."""
    peer = fixture.connect()
    made = fixture.blocks(peer, 7, 8)
    seen: list[int] = []
    last = made[0] - 1
    while True:
        _, page = _page(peer, last, 2)
        expect.true(len(page) <= 2, "at most 2 entries", len(page))
        if not page:
            break
        handles = [handle for handle, _ in page]
        expect.true(handles[0] > last, f"handles above {last}", handles)
        seen += handles
        last = handles[-1]
    expect.equal("the handles of these blocks", [h for h in seen if h in made], made)
    _, page = _page(peer, MAX_SIZE, 2)
    expect.equal("the list behind the last handle", page, [])


@theme.rule(BLOCK)
def never_more_than_4096(fixture: Fixture) -> None:
    """LIST never gives more than 4,096 entries, however many are wanted."""
    peer = fixture.connect()
    handles = fixture.blocks(peer, MAX_LIST_ENTRIES + 1, 1)
    for most in (MAX_LIST_ENTRIES, MAX_LIST_ENTRIES + 1, MAX_SIZE):
        _, page = _page(peer, handles[0] - 1, most)
        expect.equal("the entries", len(page), MAX_LIST_ENTRIES)

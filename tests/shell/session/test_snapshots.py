"""What is kept of blocks, and for how long."""

from __future__ import annotations

from ether_shell.session.snapshots import Snapshots

HOME, OTHER = 1, 2


def test_snapshots_of_a_block_are_numbered() -> None:
    kept = Snapshots()
    numbers = [
        kept.take(HOME, handle, 0, data).number  # type: ignore[union-attr]  # they are small
        for handle, data in ((7, b"a"), (7, b"b"), (8, b"c"), (7, b"d"))
    ]
    assert numbers == [1, 2, 1, 3]
    found = kept.find(HOME, 7, 2)
    assert found is not None
    assert found.data == b"b"
    newest = kept.newest(HOME, 7)
    assert newest is not None
    assert newest.data == b"d"


def test_what_has_not_changed_is_no_new_snapshot() -> None:
    kept = Snapshots()
    assert kept.take(HOME, 7, 0, b"a") is kept.take(HOME, 7, 0, b"a")
    assert kept.take(HOME, 7, 1, b"a") is not kept.take(HOME, 7, 0, b"a")


def test_another_server_has_other_blocks() -> None:
    kept = Snapshots()
    kept.take(HOME, 7, 0, b"a")
    assert kept.newest(OTHER, 7) is None
    assert list(kept.kept(OTHER)) == []


def test_the_oldest_go_first() -> None:
    kept = Snapshots(most=4096)
    for byte in range(5):
        kept.take(HOME, 7, 0, bytes([byte]) * 1000)
    assert [each.number for each in kept.kept(HOME)] == [4, 5]
    assert kept.find(HOME, 7, 1) is None
    assert kept.take(HOME, 8, 0, bytes(4096)) is None
    assert [each.number for each in kept.kept(HOME)] == [4, 5]


def test_very_many_small_ones_are_bounded_too() -> None:
    kept = Snapshots(most=10_000)
    for number in range(1000):
        kept.take(HOME, 7, number, b"")
    assert len(list(kept.kept(HOME))) < 20

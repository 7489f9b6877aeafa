"""What a send queue writes to, and streamed reads to write.

Rule: a sink takes as much as its window allows and keeps the rest, saying so
as a transport does.
"""

from __future__ import annotations

from ether_daemon.net.send_queue import SendQueue
from ether_daemon.stores.contract import Identity, StreamedRead
from ether_daemon.stores.memory.store import MemoryStore

NAMELESS = Identity("anonymous", 1, 0, 0)


class FakeSink:
    """Takes `window` bytes and keeps the rest."""

    def __init__(self, window: int = 1 << 60) -> None:
        self.window = window
        self.sent = bytearray()
        self.kept = bytearray()
        self.largest = 0
        self.send_queue = SendQueue(self)

    def write(self, data: bytes | bytearray) -> None:
        self.largest = max(self.largest, len(data))
        self.kept += data
        self.move()

    def writelines(self, list_of_data: list[bytearray]) -> None:
        self.write(b"".join(list_of_data))

    def get_write_buffer_size(self) -> int:
        return len(self.kept)

    def move(self) -> None:
        count = min(self.window, len(self.kept))
        self.sent += self.kept[:count]
        del self.kept[:count]
        self.window -= count
        if self.kept:
            self.send_queue.paused = True

    def take(self, count: int) -> None:
        """The client takes so many bytes more."""
        self.window += count
        self.move()
        if self.send_queue.paused and not self.kept:
            self.send_queue.paused = False
            self.send_queue.pump()


def streamed(store: MemoryStore, data: bytes) -> StreamedRead:
    """A streamed read of `data`, which must be long enough for one."""
    ref = store.allocate(len(data), NAMELESS)
    store.write(ref, 0, data)
    made = store.read(ref, 0, len(data))
    assert not isinstance(made, (bytearray, memoryview))
    return made

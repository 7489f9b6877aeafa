"""A store that answers later, in any order, and fails when it is told to.

Rule: it does what `stores.contract` promises and no more.  What is asked about a
block is carried out in the order in which it was asked, a COPY in the order of
both its blocks; whoever holds the store says when, which answer comes next, and
what fails.  Whoever asks must keep the contract as well: that is checked here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from daemon.deferred_list import DeferredList
from ether_daemon.stores.contract import (
    MAX_REF,
    Identity,
    Ref,
    StoreContents,
    StoredBlock,
    StreamedRead,
    TakeablePayload,
)
from ether_daemon.stores.future import Answer, Future
from ether_daemon.stores.memory.store import MemoryStore
from ether_protocol import NoMemory
from ether_protocol.wire.messages import Buffer

CAPACITY_BYTES = 64 * 1024 * 1024
LOST_BYTES = 1024 * 1024


class StoreFailed(NoMemory):
    """The failure of a request to the store; its text names the request."""

    TEXT = "the store failed at request "

    def __init__(self, number: int) -> None:
        super().__init__(f"{self.TEXT}{number}")


class ContractBroken(AssertionError):
    """The store was asked for what it need not do."""


@dataclass(eq=False)
class StoredBytes:
    """A block of the late store."""

    identity: Identity
    size: int
    inner: Ref
    queue: deque[StoreRequest] = field(default_factory=deque)
    """What is asked about it and not carried out yet."""
    ending: StoreRequest | None = None
    """The unanswered `resize` or `release`, after which nothing may be asked."""


@dataclass(eq=False)
class StoreRequest:
    """What the store was asked."""

    number: int
    text: str
    verb: str
    blocks: tuple[StoredBytes, ...]
    work: Callable[[], Any]
    identity: Identity
    """Of the block that is changed."""
    more_blocks: int = 0
    more_bytes: int = 0
    """How much more there is if it succeeds."""
    future: Future[Any] = field(default_factory=Future)
    value: Any = None
    error: Exception | None = None
    carried_out: bool = False

    @property
    def may_be_carried_out(self) -> bool:
        """Whether everything is carried out that was asked about its blocks before it."""
        return not self.carried_out and all(block.queue[0] is self for block in self.blocks)

    @property
    def may_be_answered(self) -> bool:
        """Whether its outcome is known."""
        inner = self.value
        return self.carried_out and not (isinstance(inner, Future) and not inner.done())


class LateStore:
    """A memory store behind answers that come when a test says so.

    `outlives_process` only tells what it promises; it lives as long as the object.
    A store that is not `strict` does not complain of requests about a block that is
    gone or going: it carries them out where nobody finds them.
    """

    def __init__(self, outlives_process: bool = False, strict: bool = True) -> None:
        self.outlives_process = outlives_process
        self.strict = strict
        self.deferred = DeferredList()
        self.memory = MemoryStore(CAPACITY_BYTES, self.deferred.append)
        self.blocks: dict[Ref, StoredBytes] = {}
        self.unanswered: list[StoreRequest] = []
        """In the order in which they were asked."""
        self.log: list[str] = []
        """What was asked, in words."""
        self.broken: list[ContractBroken] = []
        """How the contract was broken by whoever asked; each was raised, too."""
        self.before_answer: Callable[[StoreRequest], object] = lambda request: None
        """Called with each request just before it is answered."""
        self._last_ref = 0

    # What a test says

    def hold(self, identity: Identity, data: bytes) -> None:
        """Have a block from before the store is opened."""
        inner = self.memory.allocate(len(data), identity)
        self.memory.write(inner, 0, data)
        self._keep(StoredBytes(identity, len(data), inner))

    def carry_out(self, request: StoreRequest, fails: bool = False) -> None:
        """Do what was asked, or fail at it and change nothing."""
        assert request.may_be_carried_out, "not in the order in which it was asked"
        for block in request.blocks:
            block.queue.popleft()
        request.carried_out = True
        if fails:
            request.error = StoreFailed(request.number)
            return
        try:
            request.value = request.work()
        except NoMemory as error:
            request.error = error

    def answer(self, request: StoreRequest) -> None:
        """Say how it ended."""
        assert request.may_be_answered
        self.unanswered.remove(request)
        for block in request.blocks:
            if block.ending is request:
                block.ending = None
        if isinstance(request.value, Future):
            try:
                request.value = request.value.result()
            except NoMemory as error:
                request.error = error
        self.before_answer(request)
        if request.error is not None:
            request.future.set_exception(request.error)
        else:
            request.future.set_result(request.value)

    def go(self, which: int = 0, fails: bool = False) -> str:
        """Carry out and answer one request, the oldest if no other is named; says what it was."""
        request = self.unanswered[which]
        if not request.carried_out:
            self.carry_out(request, fails)
        while not request.may_be_answered:
            self.deferred.step()
        self.answer(request)
        return request.text

    def go_on(self) -> list[str]:
        """Answer everything, the oldest first, until nothing more is asked."""
        done = []
        while self.unanswered:
            done.append(self.go())
        return done

    # What is asked

    def open(self) -> Answer[StoreContents]:
        held = [StoredBlock(b.identity, ref, b.size) for ref, b in self.blocks.items()]
        last: dict[str, int] = {}
        for identity, _, _ in held:
            last[identity.principal] = max(last.get(identity.principal, 0), identity.handle)
        contents = StoreContents(held, last)
        return self._ask("open", (), lambda: contents, Identity("", 0, 0, 0))

    def allocate(self, size: int, identity: Identity) -> Answer[Ref]:
        def allocate() -> Ref:
            return self._keep(StoredBytes(identity, size, self.memory.allocate(size, identity)))

        self._check(size > 0, "a block of no bytes")
        return self._ask(f"allocate {size}", (), allocate, identity, 1, size)

    def release(self, ref: Ref) -> Answer[None]:
        block = self._block(ref)

        def release() -> None:
            del self.blocks[ref]
            self.memory.release(block.inner)

        return self._end(f"release {block.identity.handle}", block, release)

    def resize(self, ref: Ref, size: int) -> Answer[Ref]:
        block = self._block(ref)

        def resized(inner: Ref) -> Ref:
            # The ref is always another one, so that whoever keeps an old one is found out.
            del self.blocks[ref]
            block.inner, block.size = inner, size
            return self._keep(block)

        def resize() -> Answer[Ref]:
            inner = self.memory.resize(block.inner, size)
            return inner.then(resized) if isinstance(inner, Future) else resized(inner)

        self._check(size > 0, "a block of no bytes")
        more = max(0, size - block.size)
        return self._end(f"resize {block.identity.handle} to {size}", block, resize, more)

    def read(self, ref: Ref, offset: int, size: int) -> Answer[Buffer | StreamedRead]:
        block = self._range(ref, offset, size)
        return self._ask(
            f"read {block.identity.handle} [{offset}:{offset + size}]",
            (block,),
            lambda: _owned(self.memory.read(block.inner, offset, size)),
            block.identity,
        )

    def write(
        self, ref: Ref, offset: int, data: Buffer, payload: TakeablePayload | None = None
    ) -> Answer[None]:
        block = self._range(ref, offset, len(data))
        kept = bytes(data)  # only lent
        return self._ask(
            f"write {block.identity.handle} [{offset}:{offset + len(kept)}]",
            (block,),
            lambda: self.memory.write(block.inner, offset, kept),
            block.identity,
        )

    def fill(self, ref: Ref, offset: int, size: int, byte: int) -> Answer[None]:
        block = self._range(ref, offset, size)
        return self._ask(
            f"fill {block.identity.handle} [{offset}:{offset + size}]",
            (block,),
            lambda: self.memory.fill(block.inner, offset, size, byte),
            block.identity,
        )

    def copy(
        self, source: Ref, source_offset: int, target: Ref, offset: int, size: int
    ) -> Answer[None]:
        taken = self._range(source, source_offset, size)
        block = self._range(target, offset, size)
        return self._ask(
            f"copy {taken.identity.handle} to {block.identity.handle} [{offset}:{offset + size}]",
            (block,) if taken is block else (taken, block),
            lambda: self.memory.copy(taken.inner, source_offset, block.inner, offset, size),
            block.identity,
        )

    def compare_swap(self, ref: Ref, offset: int, expected: bytes, desired: bytes) -> Answer[bytes]:
        block = self._range(ref, offset, 8)
        return self._ask(
            f"compare_swap {block.identity.handle} [{offset}:{offset + 8}]",
            (block,),
            lambda: self.memory.compare_swap(block.inner, offset, expected, desired),
            block.identity,
        )

    def fetch_add(self, ref: Ref, offset: int, delta: int) -> Answer[int]:
        block = self._range(ref, offset, 8)
        return self._ask(
            f"fetch_add {block.identity.handle} [{offset}:{offset + 8}]",
            (block,),
            lambda: self.memory.fetch_add(block.inner, offset, delta),
            block.identity,
        )

    def close(self) -> Answer[None]:
        self._check(not self.unanswered, "closed while requests are unanswered")
        self.deferred.finish()
        self.memory.close()
        return None

    # How it is kept

    def _keep(self, block: StoredBytes) -> Ref:
        # Refs from both ends of what the contract allows.
        self._last_ref += 1
        ref = self._last_ref if self._last_ref % 2 else MAX_REF - self._last_ref
        self.blocks[ref] = block
        return ref

    def _ask(
        self,
        what: str,
        blocks: tuple[StoredBytes, ...],
        work: Callable[[], Any],
        identity: Identity,
        more_blocks: int = 0,
        more_bytes: int = 0,
    ) -> Future[Any]:
        request = StoreRequest(
            len(self.log), what, what.split()[0], blocks, work, identity, more_blocks, more_bytes
        )
        self.log.append(what)
        for block in blocks:
            block.queue.append(request)
        self.unanswered.append(request)
        return request.future

    def _end(
        self, what: str, block: StoredBytes, work: Callable[[], Any], more_bytes: int = 0
    ) -> Future[Any]:
        """The same for what nothing may be asked after."""
        future = self._ask(what, (block,), work, block.identity, 0, more_bytes)
        block.ending = self.unanswered[-1]
        return future

    def _block(self, ref: Ref) -> StoredBytes:
        block = self.blocks.get(ref)
        if not self.strict and (block is None or block.ending is not None):
            size = LOST_BYTES if block is None else block.size
            identity = Identity("nobody", 0, 0, 0)
            return StoredBytes(identity, size, self.memory.allocate(size, identity))
        self._check(block is not None, f"ref {ref} is no block's")
        assert block is not None
        self._check(block.ending is None, f"asked before the answer to: {block.ending}")
        return block

    def _range(self, ref: Ref, offset: int, size: int) -> StoredBytes:
        block = self._block(ref)
        inside = 0 <= offset <= offset + size <= block.size
        self._check(inside, f"[{offset}:{offset + size}] of {block.size} bytes")
        return block

    def _check(self, kept: bool, text: str) -> None:
        if not kept:
            self.broken.append(ContractBroken(text))
            raise self.broken[-1]


def _owned(data: memoryview | bytearray | StreamedRead) -> bytearray | StreamedRead:
    """What may be kept: a view is only lent by a store that answers at once."""
    return bytearray(data) if isinstance(data, memoryview) else data

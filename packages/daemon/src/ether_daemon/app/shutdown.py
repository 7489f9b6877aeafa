"""The end: requests in flight are finished, then memory is wiped and the store closed.

Rule: it waits for clients as long as it is told and no longer, and for the store
until everything acknowledged is safe.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from ether_daemon.net.admission import Admission
from ether_daemon.stores.future import Answer, Future, T

from .composition import Composition

log = logging.getLogger("etherd")

DRAIN_SECONDS = 10.0
"""How long requests in flight may take once the server is to stop."""


async def drain(admission: Admission, at_once: asyncio.Event) -> bool:
    """Let requests in flight finish, or until `at_once` is set; returns whether all did."""
    await asyncio.sleep(0)  # a connection accepted just now is there by then
    for connection in admission.connections:
        connection.drain()
    if not admission.empty.is_set():
        log.info("Waiting up to %.0f s for requests in flight", DRAIN_SECONDS)
    waits = [asyncio.ensure_future(event.wait()) for event in (admission.empty, at_once)]
    await asyncio.wait(waits, timeout=DRAIN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
    in_time = admission.empty.is_set()
    for connection in admission.connections:
        connection.abort()
    with suppress(TimeoutError):
        await asyncio.wait_for(admission.empty.wait(), 1.0)
    return in_time


async def close(parts: Composition, at_once: asyncio.Event) -> bool:
    """Free what does not outlive the process, wipe it, and close the store.

    Returns whether the store has closed; it is waited for until `at_once` is set.
    """
    for principal in parts.principals.values():
        principal.fast_path = None
        if not parts.store.outlives_process:
            for _ in principal.blocks.free_all():
                pass
    parts.deferred_work.finish()
    closing = asyncio.ensure_future(answered(parts.store.close()))
    waiting = asyncio.ensure_future(at_once.wait())
    await asyncio.wait((closing, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not closing.done():
        closing.cancel()
        return False
    closing.result()  # raises what went wrong
    return True


async def answered(answer: Answer[T]) -> T:
    """Wait for an answer of the store."""
    if not isinstance(answer, Future):
        return answer
    done = asyncio.Event()
    answer.add_done_callback(done.set)
    await done.wait()
    return answer.result()

"""Whether the time of an answer tells a handle that is somebody's from one that never was.

Rule: both kinds are asked in turns, in an order by chance, on one connection, so
that whatever else changes with time changes both alike.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from math import erfc, sqrt
from pathlib import Path

from daemons import TorturedDaemon, daemon, has_option
from idle_connections import auth_file
from talk import ALLOC, AUTH, FREE, INFO, NOT_FOUND, OK, V2, Hung, ask, receive_exactly, request
from trials import Trial

_ALPHA = 0.001
_ANSWER_BYTES = V2.size


def mann_whitney(first: Sequence[int], second: Sequence[int]) -> tuple[float, float]:
    """Two-sided p that both come from one distribution, and the chance that a first is larger.

    The normal approximation, with ties counted half and the variance corrected
    for them.
    """
    counts: dict[int, list[int]] = {}
    for which, values in enumerate((first, second)):
        for value in values:
            counts.setdefault(value, [0, 0])[which] += 1
    larger, below, ties = 0.0, 0, 0.0
    for value in sorted(counts):
        here, there = counts[value]
        larger += here * (below + there / 2)
        below += there
        ties += (here + there) ** 3 - (here + there)
    one, other = len(first), len(second)
    both = one + other
    variance = one * other / 12 * (both + 1 - ties / (both * (both - 1)))
    if variance <= 0:
        return 1.0, 0.5
    z = (larger - one * other / 2) / sqrt(variance)
    return erfc(abs(z) / sqrt(2)), larger / (one * other)


def _sample(
    target: TorturedDaemon, token: bytes, real: Sequence[int], unreal: Sequence[int], samples: int
) -> tuple[list[int], list[int]]:
    chance = random.Random(2)
    times: tuple[list[int], list[int]] = ([], [])
    handles = (real, unreal)
    length = len(_not_found(target, token, real[0]))
    with target.socket() as sock:
        if token:
            ask(sock, AUTH, payload=token)
        clock = time.perf_counter_ns
        for _ in range(samples):
            which = chance.randrange(2)
            message = request(INFO, chance.choice(handles[which]))
            began = clock()
            sock.sendall(message)
            receive_exactly(sock, length)
            times[which].append(clock() - began)
    return times


def _not_found(target: TorturedDaemon, token: bytes, handle: int) -> bytes:
    with target.socket() as sock:
        if token:
            ask(sock, AUTH, payload=token)
        heard = ask(sock, INFO, handle)
        if heard.code != NOT_FOUND:
            raise Hung(f"handle {handle} is found")
        return bytes(_ANSWER_BYTES) + heard.payload


def run(samples: int = 1_000_000, flaw: str = "") -> list[Trial]:
    """Foreign against unknown handles where there are principals; freed ones, too."""
    trials = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="torture-")))
        flags = ["--max-memory", "64MiB"]
        tokens = {"one": b"", "other": b""}
        if has_option("--auth-file"):
            flags += ["--auth-file", str(auth_file(folder, [*tokens]))]
            tokens = {name: (folder / f"{name}.token").read_bytes() for name in tokens}
        target = stack.enter_context(daemon(*flags, flaw=flaw))
        kinds = {"freed": _make(target, tokens["one"], free=True)}
        if tokens["other"]:
            kinds["foreign"] = _make(target, tokens["other"], free=False)
        for kind, real in kinds.items():
            # As many digits, so that the answers are equally long.
            unreal = [handle + 5000 for handle in real]
            times = _sample(target, tokens["one"], real, unreal, samples)
            p, larger = mann_whitney(*times)
            middle = [sorted(one)[len(one) // 2] / 1000 for one in times]
            trials.append(
                Trial(
                    f"{kind} and unknown handles take the same time, {samples:,} samples",
                    f"Mann–Whitney p = {p:.3g}, P(slower) = {larger:.4f}, "
                    f"medians {middle[0]:.2f} and {middle[1]:.2f} µs",
                    p >= _ALPHA,
                    timed=True,
                )
            )
    return trials


def _make(target: TorturedDaemon, token: bytes, *, free: bool) -> list[int]:
    """Handles 1001 to 1100 of somebody, freed again or not."""
    with target.socket() as sock:
        if token and ask(sock, AUTH, payload=token).command != OK:
            raise Hung("the token was not taken")
        handles = [ask(sock, ALLOC, size=16).handle for _ in range(1100)]
        if free:
            for handle in handles:
                ask(sock, FREE, handle)
        return handles[1000:]

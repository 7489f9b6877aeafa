"""More clients than the daemon may open descriptors.

Rule: the limit is the daemon's alone; this process may open as many as it needs.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path

from daemons import daemon, may_open
from talk import PING, PONG, Hung, ask
from trials import KIB, Trial

LIMIT = 64
_MOST_SHARE = 0.05
_MOST_LOG_BYTES = 10 * KIB
_SERVING_AGAIN_SECONDS = 1.0


def run(
    connects: int = 200, seconds: float = 5.0, flaw: str = "", *, uvloop: bool = True
) -> list[Trial]:
    """Connect so often, watch for so long, hang up, and ask."""
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        if not uvloop:
            Path(folder, "uvloop.py").write_text("raise ImportError")
        return _run(connects, seconds, flaw, {} if uvloop else {"PYTHONPATH": folder})


def _run(connects: int, seconds: float, flaw: str, env: Mapping[str, str]) -> list[Trial]:
    may_open(connects + 100)
    quiet = ["--max-memory", "16MiB", "--idle-poll", "0", "--log-level", "info"]
    with daemon(*quiet, descriptors=LIMIT, flaw=flaw, env=env) as target:
        with ExitStack() as stack:
            for _ in range(connects):
                with suppress(OSError):
                    stack.enter_context(target.socket())
            time.sleep(0.5)  # accepting as far as it goes is no spinning
            used, logged, began = target.cpu_seconds, target.log_bytes, time.monotonic()
            time.sleep(seconds)
            share = (target.cpu_seconds - used) / (time.monotonic() - began)
            logged = target.log_bytes - logged
            said = "Too many open files" in target.log_path.read_text()
        hung_up = time.monotonic()
        served = _served(lambda: target.socket(), hung_up)
    what = f"RLIMIT_NOFILE {LIMIT}, {connects} connects{', asyncio' if env else ''}"
    trials = [
        Trial(f"CPU ≤ {_MOST_SHARE:.0%}, {what}", f"{share:.1%}", share <= _MOST_SHARE),
        Trial(
            f"log ≤ {_MOST_LOG_BYTES // KIB} KiB, {what}",
            f"{logged:,} B in {seconds:g} s",
            logged <= _MOST_LOG_BYTES,
        ),
        Trial(
            f"serving within {_SERVING_AGAIN_SECONDS:g} s after, {what}",
            "no" if served is None else f"{served:.2f} s",
            served is not None and served <= _SERVING_AGAIN_SECONDS,
            timed=served is not None,
        ),
    ]
    if env:  # uvloop drops whom it can't accept, and says nothing
        trials.append(Trial(f"the log says why, {what}", "yes" if said else "no", said))
    return trials


def _served(connect: object, since: float) -> float | None:
    """How long after `since` a PING was answered; None if not within ten seconds."""
    assert callable(connect)
    while time.monotonic() < since + 10:
        with suppress(OSError, Hung), connect() as sock:
            sock.settimeout(1.0)
            if ask(sock, PING).command == PONG:
                return time.monotonic() - since
        time.sleep(0.02)
    return None

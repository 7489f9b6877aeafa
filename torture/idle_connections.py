"""What connections cost that do nothing.

Rule: memory is what the system says of the daemon, before and after.
"""

from __future__ import annotations

import hashlib
import secrets
import select
import tempfile
import time
from contextlib import ExitStack, suppress
from pathlib import Path

from daemons import TorturedDaemon, daemon, has_option, may_open, need, wait_for
from talk import PING, WRITE, ask, request
from trials import KIB, MIB, CannotRunHere, Trial, in_mib

_GONE_SECONDS = 12.0
_BEFORE_AUTH_BYTES = 4 * KIB


def idle(
    connections: int = 10_000, transport: str = "tcp", most_bytes: int = 40 * MIB, flaw: str = ""
) -> list[Trial]:
    """So many connections on which one PING was answered."""
    may_open(connections + 200)
    limit = ["--max-clients", str(connections + 100)]
    with (
        daemon("--max-memory", "64MiB", *limit, transport=transport, flaw=flaw) as target,
        ExitStack() as stack,
    ):
        stack.enter_context(target.socket())
        before = _level(target)
        for _ in range(connections):
            ask(stack.enter_context(target.socket()), PING)
        grown = _level(target) - before
    each = grown / connections / KIB
    return [
        Trial(
            f"{connections:,} idle connections ≤ {in_mib(most_bytes)}, {transport}",
            f"{in_mib(grown)}, {each:.1f} KiB each",
            grown <= most_bytes,
        )
    ]


def before_auth(connections: int = 2000, flaw: str = "") -> list[Trial]:
    """Connections that never say who they are, each with most of a request sent."""
    if not has_option("--auth-file"):
        raise CannotRunHere("this etherd knows no --auth-file")
    may_open(connections + 200)
    with tempfile.TemporaryDirectory(prefix="torture-") as folder, ExitStack() as stack:
        flags = ["--max-memory", "64MiB", "--auth-file", str(auth_file(Path(folder), ["one"]))]
        limit = ["--max-clients", str(connections + 100)]
        target = stack.enter_context(daemon(*flags, *limit, flaw=flaw))
        before = _level(target)
        strangers = [stack.enter_context(target.socket()) for _ in range(connections)]
        last = time.monotonic()
        for sock in strangers:
            with suppress(OSError):
                sock.sendall(request(WRITE, 1, payload=bytes(_BEFORE_AUTH_BYTES))[:-1])
        time.sleep(1.0)
        grown = target.resident_bytes - before
        time.sleep(max(0.0, last + _GONE_SECONDS - time.monotonic()))
        polled = select.poll()
        for sock in strangers:
            polled.register(sock, select.POLLIN)
        gone = len(polled.poll(0))
    return [
        Trial(
            f"before AUTH ≤ 16 KiB a connection ({connections:,})",
            f"{grown / connections / KIB:.1f} KiB",
            grown <= connections * 16 * KIB,
        ),
        Trial(
            f"before AUTH gone after {_GONE_SECONDS:g} s",
            f"{gone:,} of {connections:,}",
            gone == connections,
        ),
    ]


def auth_file(folder: Path, names: list[str]) -> Path:
    """A file of principals; the token of NAME stands in NAME.token beside it."""
    lines = []
    for name in names:
        token = secrets.token_urlsafe(32)
        (folder / f"{name}.token").write_text(token)
        digest = hashlib.sha256(token.encode()).hexdigest()
        lines.append(f'[principals.{name}]\ntoken = "sha256:{digest}"\n')
    path = folder / "auth.toml"
    path.write_text("\n".join(lines))
    path.chmod(0o600)
    return path


def over_tls(connections: int = 4000, most_bytes: int = 200 * MIB) -> list[Trial]:
    """The same as `idle` with TLS; raises CannotRunHere."""
    need("tls")
    return idle(connections, "tls", most_bytes)


def _level(target: TorturedDaemon) -> int:
    """Its resident memory when it does not change any more."""
    seen = [0]

    def same() -> bool:
        seen.append(target.resident_bytes)
        return len(seen) > 10 and len({*seen[-10:]}) == 1

    wait_for(same, 5)
    return seen[-1]

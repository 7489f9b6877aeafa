"""Bytes by chance against everything that takes bytes: with atheris in full, without it in short.

Rule: the number of executions is the bound.  A find becomes a line of a file in
`torture/finds`, and the tests try each of these lines for ever.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from fuzz_targets import opened
from trials import CannotRunHere, Trial

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parent / "packages" / "protocol" / "vectors"
CORPUS = HERE / "corpus"
FINDS = HERE / "finds"
_MOST_BYTES = 4096

SHARES = {"codec": 0.55, "server receiver": 0.2, "client receiver": 0.2, "connection": 0.05}
"""How the executions are shared out; a whole connection takes the longest."""


def seeds(target: str) -> list[bytes]:
    """What mutation begins with: the vectors, and the corpus of `target`."""
    streams = [data for file in sorted(VECTORS.glob("*.json")) for data in _bytes_in(file)]
    prefix = b"" if target == "codec" else b"\x30\x60\x90\xc0"  # where the stream is cut
    return [prefix + data for data in streams] + _lines(CORPUS, target)


def _lines(folder: Path, target: str) -> list[bytes]:
    """The inputs in `folder` for `target`: a line of hexadecimal digits each."""
    file = folder / f"{target.replace(' ', '-')}.txt"
    return (
        [bytes.fromhex(line) for line in file.read_text("ascii").split()] if file.exists() else []
    )


def _bytes_in(file: Path) -> Iterator[bytes]:
    """Every run of bytes that a file of vectors has in hexadecimal."""

    def strings(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            for part in value.values():
                yield from strings(part)
        elif isinstance(value, list):
            for part in value:
                yield from strings(part)

    for text in strings(json.loads(file.read_text("utf-8"))):
        plain = text.replace(" ", "")
        if len(plain) >= 16 and len(plain) % 2 == 0 and re.fullmatch(r"[0-9a-fA-F]+", plain):
            yield bytes.fromhex(plain)[:_MOST_BYTES]


def mutations(target: str, count: int, seed: int) -> Iterator[bytes]:
    """`count` inputs made of the seeds by chance, the same for the same `seed`."""
    chance = random.Random(seed)
    known = seeds(target)
    interesting = (b"\xe7\xe7\xe7\xe7", b"\xff" * 4, bytes(4), b"\x01\x00\x00\x00", b"\x02\x20")
    for _ in range(count):
        data = bytearray(chance.choice(known))
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(data) + 1)
            match chance.randrange(6):
                case 0:
                    data[at : at + 1] = bytes([chance.randrange(256)])
                case 1:
                    del data[at : at + chance.randrange(1, 9)]
                case 2:
                    data[at:at] = chance.choice(interesting)
                case 3:
                    data += chance.choice(known)[:_MOST_BYTES]
                case 4 if at < len(data):
                    data[at] ^= 1 << chance.randrange(8)
                case _:
                    word = chance.choice(interesting)
                    data[at : at + len(word)] = word
        yield bytes(data[:_MOST_BYTES])


def in_short(target: str, executions: int = 3000, seed: int = 1) -> Trial:
    """Mutations of our own, without atheris."""
    done, find = 0, ""
    with opened(target) as run:
        for data in mutations(target, executions, seed):
            done += 1
            try:
                run(data)
            except Exception as error:
                find = f"{type(error).__name__}: {error} for {data[:60].hex()}"
                break
    return Trial(
        f"{target}: no uncaught exception",
        f"{done:,} executions{'; ' + find if find else ''}",
        not find,
    )


def try_finds(target: str) -> int:
    """Run every find that was frozen; returns how many there are."""
    finds = _lines(FINDS, target)
    with opened(target) as run:
        for data in finds:
            run(data)
    return len(finds)


def run(executions: int = 20_000_000, flaw: str = "") -> list[Trial]:
    """In full, with atheris, one target after the other; raises CannotRunHere without it."""
    if find_spec("atheris") is None:
        raise CannotRunHere("atheris is not installed (it has wheels for some Pythons only)")
    shares = {"codec": 1.0} if flaw else SHARES
    return [_fuzz(target, round(executions * share), flaw) for target, share in shares.items()]


def _fuzz(target: str, executions: int, flaw: str) -> Trial:
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        inputs, finds = Path(folder, "inputs"), Path(folder, "finds")
        inputs.mkdir()
        finds.mkdir()
        for number, data in enumerate(seeds(target)):
            (inputs / str(number)).write_bytes(data)
        command = [sys.executable, str(HERE / "fuzz_worker.py"), target, flaw or "-"]
        limits = [f"-runs={executions}", f"-max_len={_MOST_BYTES}", "-timeout=20"]
        how = [*limits, "-print_final_stats=1", f"-artifact_prefix={finds}/", str(inputs)]
        done = subprocess.run([*command, *how], capture_output=True, text=True, check=False)
        found = [f"{file.name}: {file.read_bytes()[:40].hex()}" for file in sorted(finds.iterdir())]
    units = re.findall(r"number_of_executed_units:\s*(\d+)", done.stderr)
    ran = int(units[-1]) if units else 0
    enough = ran >= executions and done.returncode == 0
    last = "" if enough or found else f"; ended: {done.stderr[-300:]}"
    return Trial(
        f"{target}: {executions:,} atheris executions, no uncaught exception",
        f"{ran:,} executions, {len(found)} finds, {time.monotonic() - began:.0f} s"
        f"{'; ' + '; '.join(found) if found else ''}{last}",
        enough and not found,
    )

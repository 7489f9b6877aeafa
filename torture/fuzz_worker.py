"""One target under atheris: `fuzz_worker.py TARGET FLAW|- LIBFUZZER-OPTIONS`.

Rule: only what is fuzzed is instrumented; what to try and for how long is the
caller's.
"""

from __future__ import annotations

import sys

import atheris

# A whole connection imports the daemon when it is made.
with atheris.instrument_imports(include=["ether_protocol", "ether_daemon"]):
    from fuzz_targets import opened, plant

    held = opened(sys.argv[1])
    target = held.__enter__()  # until the process ends: atheris never returns

if __name__ == "__main__":
    if sys.argv[2] != "-":
        plant()
    atheris.Setup([sys.argv[0], *sys.argv[3:]], target)
    atheris.Fuzz()

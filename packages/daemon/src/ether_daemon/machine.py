"""What the machine gives this process: memory and file descriptors.

Rule: files in, numbers out; where something can't be read, the next best
answer is taken.
"""

from __future__ import annotations

import os
from pathlib import Path

_SPARE_DESCRIPTORS = 32


def memory_bytes(root: Path = Path("/")) -> int:
    """The memory of the machine, or of this process's cgroup where that is less."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in _cgroup_limit_files(root):
        text = _read(path)
        if text.isdigit():
            limits.append(int(text))
    return min(limits)


def raise_descriptor_limit(connections: int) -> int:
    """Allow for `connections` sockets, as far as that goes; returns how many are possible."""
    import resource  # not on every system, and needed once

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _SPARE_DESCRIPTORS
    if soft != resource.RLIM_INFINITY and soft < wanted:
        target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
            soft = target
        except (OSError, ValueError, OverflowError):
            pass
    if soft == resource.RLIM_INFINITY:
        return connections
    return max(1, min(connections, soft - _SPARE_DESCRIPTORS))


def _cgroup_limit_files(root: Path) -> list[Path]:
    files = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        hierarchy, controllers, path = line.split(":", 2)
        path = path.lstrip("/")
        if hierarchy == "0":
            base, name = root / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            base, name = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes"
        else:
            continue
        # A limit of any group above this one binds as well.
        group = base / path
        while group.is_relative_to(base):
            files.append(group / name)
            group = group.parent
    return files


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""

"""What the machine gives this process: memory, processors, file descriptors, and no core dumps.

Rule: files in, numbers out; where something can't be read or set, the next
best answer is taken.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_SPARE_DESCRIPTORS = 32
_M_MMAP_THRESHOLD = -3  # of malloc.h
_LARGE_BUFFER_BYTES = 192 * 1024


def memory_bytes(root: Path = Path("/")) -> int:
    """The memory of the machine, or of this process's cgroup where that is less."""
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for group in _groups(root, "memory"):
        text = _read(group / "memory.max") or _read(group / "memory.limit_in_bytes")
        if text.isdigit():
            limits.append(int(text))
    return min(limits)


def processors(root: Path = Path("/")) -> float:
    """The processors of the machine, or what of them this process's cgroup may use."""
    shares = [float(os.cpu_count() or 1)]
    for group in _groups(root, "cpu"):
        quota, _, period = _read(group / "cpu.max").partition(" ")
        quota = quota or _read(group / "cpu.cfs_quota_us")
        period = period or _read(group / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit() and int(period):
            shares.append(int(quota) / int(period))
    return min(shares)


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


def check_room(threads_wanted: int = 4) -> None:
    """Raise MemoryError where there is none for what the event loop takes when it listens.

    libuv starts threads when it first looks a name up, and aborts the process,
    without a word, where it can't.
    """
    import threading

    try:
        "localhost".encode("idna")
    except LookupError:  # its tables could not be loaded
        raise MemoryError("there is no memory for names of hosts") from None

    over = threading.Event()
    threads = [threading.Thread(target=over.wait) for _ in range(threads_wanted)]
    started = []
    try:
        for thread in threads:
            thread.start()
            started.append(thread)
    except RuntimeError:
        raise MemoryError("there is no memory, or no room, for threads") from None
    finally:
        over.set()
        for thread in started:
            thread.join()


def forbid_core_dumps(root: Path = Path("/")) -> None:
    """Have the kernel write no memory of this process anywhere, should it crash.

    A program that takes core dumps from a pipe is not bound by the limit, with
    one exception: the kernel starts none for a process whose limit is 1 byte.
    """
    import resource  # not on every system, and needed once

    piped = _read(root / "proc/sys/kernel/core_pattern").startswith("|")
    limit = int(piped)
    with suppress(OSError, ValueError):  # the limit was 0 already, and may not be raised
        resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))


def give_back_large_buffers() -> bool:
    """Have malloc map each buffer that is large by itself; returns whether it does.

    It does so at first, but not any more once one was freed.  uvloop has a buffer
    of 256 KiB for each TLS connection and touches the first page of it: taken from
    pages that were used before, it costs 30 KiB more.
    """
    import ctypes  # only for those who encrypt

    try:
        return bool(ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BUFFER_BYTES))
    except (OSError, AttributeError):  # not glibc
        return False


def _groups(root: Path, controller: str) -> list[Path]:
    """The cgroups whose limits of what `controller` controls bind this process, of both versions.

    A limit of any group above its own binds as well.
    """
    groups = []
    for line in _read(root / "proc/self/cgroup").splitlines():
        hierarchy, controllers, path = line.split(":", 2)
        if hierarchy == "0":
            base = root / "sys/fs/cgroup"
        elif controller in controllers.split(","):
            base = root / "sys/fs/cgroup" / controller
        else:
            continue
        group = base / path.lstrip("/")
        while group.is_relative_to(base):
            groups.append(group)
            group = group.parent
    return groups


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""

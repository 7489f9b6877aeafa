from __future__ import annotations

import os
import platform
import resource
import threading
from pathlib import Path

import pytest

from ether_daemon.app import resources
from ether_daemon.app.resources import (
    give_back_large_buffers,
    memory_bytes,
    processors,
    raise_descriptor_limit,
)

PHYSICAL = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
LITTLE, LESS = 4096 * 1000, 4096 * 500


def put(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_a_machine_without_cgroups(tmp_path: Path) -> None:
    assert memory_bytes(tmp_path) == PHYSICAL


@pytest.mark.parametrize("where", ["app.slice/etherd", "app.slice", "."])
def test_version_2_limits_bind_from_above_too(tmp_path: Path, where: str) -> None:
    put(tmp_path, "proc/self/cgroup", "0::/app.slice/etherd\n")
    for group in ("app.slice/etherd", "app.slice", "."):
        put(tmp_path, f"sys/fs/cgroup/{group}/memory.max", "max\n")
    put(tmp_path, f"sys/fs/cgroup/{where}/memory.max", f"{LITTLE}\n")
    assert memory_bytes(tmp_path) == LITTLE


def test_the_least_limit_counts(tmp_path: Path) -> None:
    put(tmp_path, "proc/self/cgroup", "0::/a/b\n")
    put(tmp_path, "sys/fs/cgroup/a/b/memory.max", f"{LITTLE}\n")
    put(tmp_path, "sys/fs/cgroup/a/memory.max", f"{LESS}\n")
    assert memory_bytes(tmp_path) == LESS


def test_version_2_inside_a_container(tmp_path: Path) -> None:
    put(tmp_path, "proc/self/cgroup", "0::/\n")
    put(tmp_path, "sys/fs/cgroup/memory.max", f"{LITTLE}")
    assert memory_bytes(tmp_path) == LITTLE


def test_version_1(tmp_path: Path) -> None:
    put(
        tmp_path,
        "proc/self/cgroup",
        "5:cpu,cpuacct:/docker/x\n4:memory:/docker/x\n1:name=systemd:/docker/x\n",
    )
    put(tmp_path, "sys/fs/cgroup/memory/docker/x/memory.limit_in_bytes", f"{LITTLE}\n")
    put(tmp_path, "sys/fs/cgroup/memory.max", f"{LESS}\n")
    assert memory_bytes(tmp_path) == LITTLE


def test_version_1_inside_a_container_sees_only_the_top(tmp_path: Path) -> None:
    put(tmp_path, "proc/self/cgroup", "4:hugetlb,memory:/docker/x\n")
    put(tmp_path, "sys/fs/cgroup/memory/memory.limit_in_bytes", f"{LITTLE}\n")
    assert memory_bytes(tmp_path) == LITTLE


@pytest.mark.parametrize("text", ["max", "", "9223372036854771712", "-1", "a lot", "1e9"])
def test_no_limit_or_none_that_makes_sense(tmp_path: Path, text: str) -> None:
    put(tmp_path, "proc/self/cgroup", "0::/\n")
    put(tmp_path, "sys/fs/cgroup/memory.max", f"{text}\n")
    assert memory_bytes(tmp_path) == PHYSICAL


def test_this_machine_has_memory() -> None:
    assert 0 < memory_bytes() <= PHYSICAL


def test_processors_of_a_machine_without_cgroups(tmp_path: Path) -> None:
    assert processors(tmp_path) == os.cpu_count()


@pytest.mark.parametrize("where", ["app.slice/etherd", "app.slice", "."])
def test_a_quota_of_version_2_binds_from_above_too(tmp_path: Path, where: str) -> None:
    put(tmp_path, "proc/self/cgroup", "0::/app.slice/etherd\n")
    for group in ("app.slice/etherd", "app.slice", "."):
        put(tmp_path, f"sys/fs/cgroup/{group}/cpu.max", "max 100000\n")
    put(tmp_path, f"sys/fs/cgroup/{where}/cpu.max", "50000 100000\n")
    assert processors(tmp_path) == 0.5


def test_a_quota_of_version_1(tmp_path: Path) -> None:
    put(tmp_path, "proc/self/cgroup", "5:cpu:/docker/x\n4:memory:/docker/x\n")
    put(tmp_path, "sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us", "25000\n")
    put(tmp_path, "sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us", "100000\n")
    put(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n")
    put(tmp_path, "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n")
    assert processors(tmp_path) == 0.25


@pytest.mark.parametrize("text", ["max 100000", "", "100000", "1 0", "-1 100000", "a lot", "9e9 1"])
def test_no_quota_or_none_that_makes_sense(tmp_path: Path, text: str) -> None:
    put(tmp_path, "proc/self/cgroup", "0::/\n")
    put(tmp_path, "sys/fs/cgroup/cpu.max", f"{text}\n")
    assert processors(tmp_path) == os.cpu_count()


class Descriptors:
    """The limit of open files, without this process being touched."""

    def __init__(self, soft: int, hard: int, allowed: bool = True) -> None:
        self.limits = (soft, hard)
        self.allowed = allowed

    def getrlimit(self, what: int) -> tuple[int, int]:
        assert what == resource.RLIMIT_NOFILE
        return self.limits

    def setrlimit(self, what: int, limits: tuple[int, int]) -> None:
        if not self.allowed:
            raise ValueError("not allowed to raise maximum limit")
        if limits[0] >= 1 << 63:
            raise OverflowError("Python int too large to convert to C long")
        assert limits[1] == self.limits[1]
        assert limits[0] <= limits[1] or limits[1] == resource.RLIM_INFINITY
        self.limits = limits


@pytest.mark.parametrize(
    ("soft", "hard", "asked", "possible", "soft_after"),
    [
        (1024, 4096, 100, 100, 1024),
        (1024, 4096, 992, 992, 1024),
        (1024, 4096, 993, 993, 1025),
        (1024, 4096, 10_000, 4064, 4096),
        (1024, resource.RLIM_INFINITY, 10_000, 10_000, 10_032),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, 10_000, 10_000, resource.RLIM_INFINITY),
        (20, 20, 10_000, 1, 20),
        (1024, resource.RLIM_INFINITY, 1 << 70, 992, 1024),
    ],
)
def test_descriptors(
    soft: int,
    hard: int,
    asked: int,
    possible: int,
    soft_after: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limit = Descriptors(soft, hard)
    monkeypatch.setattr(resource, "getrlimit", limit.getrlimit)
    monkeypatch.setattr(resource, "setrlimit", limit.setrlimit)
    assert raise_descriptor_limit(asked) == possible
    assert limit.limits == (soft_after, hard)


def test_a_system_that_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = Descriptors(1024, 4096, allowed=False)
    monkeypatch.setattr(resource, "getrlimit", limit.getrlimit)
    monkeypatch.setattr(resource, "setrlimit", limit.setrlimit)
    assert resources.raise_descriptor_limit(10_000) == 992


@pytest.mark.parametrize(
    ("pattern", "limit"),
    [("core\n", 0), ("/var/crash/core.%p\n", 0), ("|/usr/lib/systemd/systemd-coredump %P\n", 1)],
)
def test_a_crash_leaves_no_core_dump(
    tmp_path: Path, pattern: str, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, "proc/sys/kernel/core_pattern", pattern)
    said: list[object] = []
    monkeypatch.setattr(resource, "setrlimit", lambda *arguments: said.append(arguments))
    resources.forbid_core_dumps(tmp_path)
    assert said == [(resource.RLIMIT_CORE, (limit, limit))]


def test_a_system_that_does_not_know_core_dumps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise ValueError("not allowed to raise maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refused)
    resources.forbid_core_dumps(tmp_path)


def test_there_is_room_for_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def limited(thread: threading.Thread) -> None:
        if len(started) == 3:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    resources.check_room()
    monkeypatch.setattr(threading.Thread, "start", limited)
    resources.check_room(3)
    assert not any(thread.is_alive() for thread in started)
    started.clear()
    with pytest.raises(MemoryError, match="no room, for threads"):
        resources.check_room(4)
    assert not any(thread.is_alive() for thread in started)


def test_large_buffers_are_given_back_where_malloc_can() -> None:
    assert give_back_large_buffers() is (platform.libc_ver()[0] == "glibc")

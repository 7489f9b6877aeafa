from __future__ import annotations

import ctypes
import os
import sys

import pytest

from ether_daemon.engine.freed_objects import MAX_READ_OBJECT_BYTES, overwrite_freed_objects

pytestmark = pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="looks at where CPython puts objects"
)
LENGTHS = [16, 64, 100, 479, 480, 1000, 1024, MAX_READ_OBJECT_BYTES]


@pytest.mark.parametrize("length", LENGTHS)
def test_what_was_freed_last_of_each_size_is_overwritten(length: int) -> None:
    secrets = [os.urandom(length) for _ in range(4)]
    ends = [id(secret) + sys.getsizeof(secret) - 9 for secret in secrets]
    tails = [secret[-8:] for secret in secrets]
    assert [ctypes.string_at(end, 8) for end in ends] == tails
    del secrets
    overwrite_freed_objects()
    assert not any(ctypes.string_at(end, 8) in tails for end in ends)

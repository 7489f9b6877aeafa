"""The example with numpy does what it says, as a program and as functions."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from ether_protocol import Client
from harness import DEADLINE_SECONDS, Etherd

EXAMPLE = Path(__file__).parents[2] / "examples" / "numpy_block.py"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("numpy") is None, reason="numpy is not installed"
)


@pytest.fixture
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("numpy_block", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_program_prints_what_it_mapped_back(etherd: Etherd) -> None:
    ran = subprocess.run(
        [sys.executable, str(EXAMPLE), etherd.address],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )
    assert (ran.stdout, ran.stderr) == (
        "[[ 0.  1.  2.  3.]\n [ 7.  7.  7.  7.]\n [ 8.  9. 10. 11.]]\n[ 8.  9. 10. 11.]\n",
        "",
    )


@pytest.mark.parametrize("dtype", ["u1", ">i2", "f4", "c16", "S7"])
def test_an_array_comes_back_as_it_was(example: ModuleType, client: Client, dtype: str) -> None:
    import numpy as np

    array = np.frombuffer(bytes(range(252)) * 8, dtype=dtype)
    array = array[: len(array) // 6 * 6].reshape(2, 3, -1)
    with example.store(client, array) as block:
        back = example.load(block, array.shape, dtype)
    assert back.dtype == array.dtype
    assert back.tobytes() == array.tobytes()

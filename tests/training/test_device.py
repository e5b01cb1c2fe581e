"""Memory that training frees and takes again."""

import subprocess
import sys

import pytest

BLOCKS = """
import ctypes, resource, sys
import numpy  # as in a training run
from training.device import keep_freed_memory
if "keep" in sys.argv:
    keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
libc.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]
def step():
    # Two blocks of 64 MB, as a step's activations.
    blocks = [libc.malloc(2**26) for _ in range(2)]
    for block in blocks:
        libc.memset(block, 1, 2**26)
    for block in blocks:
        libc.free(block)
step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""
PAGES = 3 * 2 * 2**26 // 4096  # of three steps


def pages_asked_for(*arguments: str) -> int:
    result = subprocess.run(
        [sys.executable, "-c", BLOCKS, *arguments], capture_output=True, text=True, check=True
    )
    return int(result.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the setting is one of glibc")
def test_a_step_gets_the_memory_that_the_step_before_it_freed() -> None:
    assert pages_asked_for("keep") < PAGES / 100
    assert pages_asked_for() > PAGES / 2  # else the C library does so by itself

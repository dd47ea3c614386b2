"""Freed memory goes back to the system."""

import ctypes
import sys

import pytest

from dlnlp import memory


def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows it in /proc")
def test_small_blocks_below_a_used_one_are_given_back():
    """The C library returns the memory above the last used block by itself, but not this."""
    libc = ctypes.CDLL(None)
    if not hasattr(libc, "malloc_trim"):
        pytest.skip("this C library has nothing to give back")
    libc.malloc.restype, libc.free.argtypes = ctypes.c_void_p, (ctypes.c_void_p,)
    size, count = 4096, 25_000
    blocks = [libc.malloc(size) for _ in range(count)]
    for block in blocks:
        ctypes.memset(ctypes.c_void_p(block), 1, size)
    last = libc.malloc(size)
    for block in blocks:
        libc.free(block)
    before = resident()
    memory.trim()
    given_back = before - resident()
    libc.free(last)
    assert given_back > size * count / 2


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: pytest.fail("glibc was called"))
    memory.trim()

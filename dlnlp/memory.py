"""Give memory that is no longer needed back to the system."""

from __future__ import annotations

import ctypes
import sys


def trim() -> None:
    """Return freed memory, which glibc would keep: after a model was loaded up to 200 MB."""
    if sys.platform == "linux":
        release = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries lack it
        if release:
            release(0)

"""A bounded cache on the server, so that sessions need not store large results."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Cache(Generic[Value]):
    """Keeps the most recently used results up to a total size; safe to share between threads.

    Results are shared between visitors, so they must be immutable.

    Args:
        max_bytes: Total size of the results. A larger result is returned but not kept.
        size: The size of a result in bytes.
    """

    def __init__(self, max_bytes: int, size: Callable[[Value], int]) -> None:
        self._max_bytes, self._size = max_bytes, size
        self._kept: OrderedDict[Hashable, Value] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, key: Hashable, compute: Callable[[], Value]) -> Value:
        """The result for the key, computed if it is not in the cache."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        value = compute()  # without the lock, so that other keys need not wait
        with self._lock:
            if key not in self._kept and self._size(value) <= self._max_bytes:
                self._kept[key] = value
                self._bytes += self._size(value)
            while self._bytes > self._max_bytes:
                _, oldest = self._kept.popitem(last=False)
                self._bytes -= self._size(oldest)
        return value

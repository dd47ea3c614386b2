"""Results of recent texts, kept on the server so that visitors' states hold only the text."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")


class Recent(Generic[Result]):
    """Results of ``compute`` for the texts used last, at most ``size`` of them."""

    def __init__(self, compute: Callable[[str], Result], size: int = 64) -> None:
        self._compute, self._size = compute, size
        self._results: OrderedDict[str, Result] = OrderedDict()
        self._lock = threading.Lock()

    def renew(self, text: str) -> Result:
        """The result, computed anew; the model may have changed."""
        result = self._compute(text)
        with self._lock:
            self._results[text] = result
            self._results.move_to_end(text)
            if len(self._results) > self._size:
                self._results.popitem(last=False)
        return result

    def get(self, text: str) -> Result:
        """The result, computed only if it is no longer kept."""
        with self._lock:
            if text in self._results:
                self._results.move_to_end(text)
                return self._results[text]
        return self.renew(text)

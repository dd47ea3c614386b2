"""A time limit for computations, checked between batches or steps.

The limit is part of the current context, so functions need no extra argument for it:

>>> with deadline(20):
...     predictor.translate(texts)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_limit: ContextVar[tuple[float, float] | None] = ContextVar("deadline", default=None)


class DeadlineExceeded(RuntimeError):
    """A computation took longer than its time limit."""


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Limit the code inside to ``seconds``; an enclosing limit that ends earlier still holds."""
    end = time.monotonic() + seconds
    outer = _limit.get()
    token = _limit.set(outer if outer and outer[0] <= end else (end, seconds))
    try:
        yield
    finally:
        _limit.reset(token)


def check_deadline() -> None:
    """Check the time limit; to be called between batches or steps.

    Raises:
        DeadlineExceeded: The time limit of the current context has passed.
    """
    limit = _limit.get()
    if limit and time.monotonic() > limit[0]:
        raise DeadlineExceeded(
            f"The request took longer than {limit[1]:g} seconds and was stopped: "
            "send fewer or shorter texts."
        )

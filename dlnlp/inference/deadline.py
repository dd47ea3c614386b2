"""A time limit for computations, checked between batches or steps, which also can be cancelled.

The limit is part of the current context, so functions need no extra argument for it:

>>> with deadline(20):
...     predictor.translate(texts)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass
from threading import Event
from typing import TypeVar

Item = TypeVar("Item")


@dataclass(frozen=True)
class Limit:
    """The end of a computation in the current context."""

    end: float  # in time.monotonic()
    seconds: float
    cancelled: Event


_limit: ContextVar[Limit | None] = ContextVar("deadline", default=None)


class DeadlineExceeded(RuntimeError):
    """A computation took longer than its time limit."""


class Cancelled(RuntimeError):
    """Nobody waits for the result of a computation any longer."""


@contextmanager
def deadline(seconds: float, cancelled: Event | None = None) -> Iterator[None]:
    """Limit the code inside to ``seconds``; an enclosing limit that ends earlier still holds.

    Args:
        cancelled: Setting it ends the code inside at its next check.
    """
    end = time.monotonic() + seconds
    outer = _limit.get()
    flag = cancelled or (outer.cancelled if outer else Event())
    earlier = outer if outer and outer.end <= end else None
    token = _limit.set(
        Limit(earlier.end if earlier else end, earlier.seconds if earlier else seconds, flag)
    )
    try:
        yield
    finally:
        _limit.reset(token)


def seconds_left(default: float) -> float:
    """The seconds until the time limit of the current context, or the default without a limit."""
    limit = _limit.get()
    return default if limit is None else max(0.0, limit.end - time.monotonic())


def check_deadline() -> None:
    """Check the time limit; to be called between batches or steps.

    Raises:
        DeadlineExceeded: The time limit of the current context has passed.
        Cancelled: The computation was cancelled.
    """
    limit = _limit.get()
    if limit is None:
        return
    if limit.cancelled.is_set():
        raise Cancelled("The request was cancelled.")
    if time.monotonic() > limit.end:
        raise DeadlineExceeded(
            f"The request took longer than {limit.seconds:g} seconds and was stopped: "
            "send fewer or shorter texts."
        )


def within_deadline(items: Iterator[Item]) -> Iterator[Item]:
    """The items, with the deadline of the calling context checked before each is passed on."""
    context = copy_context()  # now: a generator may be resumed in other contexts

    def checked() -> Iterator[Item]:
        for item in items:
            context.run(check_deadline)
            yield item

    return checked()

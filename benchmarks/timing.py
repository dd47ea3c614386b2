"""Timing contenders in turn, since only ratios within one run mean anything."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

PAUSE = 0.3  # seconds in which the last contender's threads stop waiting actively
Call = Callable[[], object]
Name = TypeVar("Name", str, int)


def race(contenders: Mapping[Name, Call], rounds: int, calls: int = 1) -> dict[Name, float]:
    """Each one's median seconds; they take turns of so many calls, and who begins changes."""
    taken: dict[Name, list[float]] = {name: [] for name in contenders}
    for call in contenders.values():
        call()
    order: list[Name] = list(contenders)
    for _ in range(rounds):
        for name in order:
            time.sleep(PAUSE)
            taken[name] += [seconds(contenders[name]) for _ in range(calls)]
        order.append(order.pop(0))
    return {name: statistics.median(values) for name, values in taken.items()}


def seconds(call: Call) -> float:
    """How long it takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start

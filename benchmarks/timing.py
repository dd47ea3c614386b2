"""Time contenders in turns, because only ratios within one run are meaningful."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import TypeVar

PAUSE = 0.3  # seconds, until the idle threads of the last contender stop spinning
Call = Callable[[], object]
Name = TypeVar("Name", str, int)


def race(contenders: Mapping[Name, Call], rounds: int, calls: int = 1) -> dict[Name, float]:
    """The median seconds of each contender; they take turns of ``calls`` calls."""
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
    """The duration of a call in seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start

"""Group inputs of similar length into batches."""

from __future__ import annotations

from collections.abc import Sequence


def batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Indices in batches of similar length, each of at most ``budget`` padded tokens."""
    result: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if not result or lengths[index] * (len(result[-1]) + 1) > budget:
            result.append([])
        result[-1].append(index)
    return result

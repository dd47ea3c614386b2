"""Select the rows of an epoch and group them into batches, reproducibly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np


def shuffled(count: int, seed: int, epoch: int) -> list[int]:
    """A permutation that depends only on the arguments, so a run can be resumed."""
    return np.random.default_rng((seed, epoch)).permutation(count).tolist()


def taking_turns(parts: Sequence[tuple[int, float]], epoch: int) -> list[int]:
    """Row numbers of one epoch, when each epoch takes only a share of some parts.

    A share of 1/3 takes every third row, and in the next epoch the rows after those. A share is
    rounded to a fraction with a denominator of at most 100.

    Args:
        parts: Number of rows and share of each part; parts follow one another.
        epoch: Number of the epoch.
    """
    result: list[int] = []
    begin = 0
    for count, share in parts:
        taken, of = _fraction(share)
        result += [begin + i for i in range(count) if (i - epoch) * taken % of < taken]
        begin += count
    return result


def fewest(parts: Sequence[tuple[int, float]]) -> int:
    """At most the number of rows of any epoch of ``taking_turns``."""
    return sum(count // of * taken for count, share in parts for taken, of in [_fraction(share)])


def _fraction(share: float) -> tuple[int, int]:
    return Fraction(share).limit_denominator(100).as_integer_ratio()


def length_batches(
    lengths: Sequence[int] | Sequence[tuple[int, int]],
    size: int,
    seed: int,
    epoch: int,
    noise: float = 0.1,
) -> Iterator[list[int]]:
    """Indices in shuffled batches of ``size`` rows of nearly equal length.

    If rows have two lengths, most batches have equal first and nearly equal second lengths.
    """
    random_state = np.random.default_rng((seed, epoch, 1))
    if not lengths:
        return
    sizes = np.asarray(lengths).reshape(len(lengths), -1)
    keys = sizes[:, -1] * random_state.uniform(1 - noise, 1 + noise, len(sizes))
    order = np.lexsort((keys, *sizes[:, :-1].T))
    groups = [order[i : i + size].tolist() for i in range(0, len(order), size)]
    for index in random_state.permutation(len(groups)):
        yield groups[index]

"""Group inputs of similar length into batches and pad them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

Result = TypeVar("Result")


def batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Indices of inputs in batches of similar length, at most ``budget`` padded tokens each."""
    result: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if not result or lengths[index] * (len(result[-1]) + 1) > budget:
            result.append([])
        result[-1].append(index)
    return result


def pad_rows(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """B rows of token ids, padded with 0 to the longest: ids (B, T) and lengths (B,)."""
    ids = pad_sequence([torch.tensor(row) for row in rows], batch_first=True)
    return ids, torch.tensor([len(row) for row in rows])


def in_order(order: Sequence[Sequence[int]], found: Iterable[Iterable[Result]]) -> list[Result]:
    """The results ``found`` for the batches in ``order``, in the order of the inputs."""
    pairs = zip(chain.from_iterable(order), chain.from_iterable(found), strict=True)
    return [result for _, result in sorted(pairs, key=lambda pair: pair[0])]

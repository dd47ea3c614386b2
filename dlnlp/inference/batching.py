"""Group inputs of similar length into batches and pad them."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


def batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Indices in batches of similar length, each of at most ``budget`` padded tokens."""
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

"""Decode with fixed attention weights instead of the model's own, to see what attention is for."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dlnlp.models.char_seq2seq.model import CharSeq2Seq, Memory, State

# Attention (B, S) at a step, for the mask (B, S) of the source characters.
Pattern = Callable[[Tensor, int], Tensor]


def uniform(mask: Tensor, step: int) -> Tensor:
    """The same weight on each source character: the decoder sees only their mean."""
    return mask / mask.sum(dim=1, keepdim=True)


def last(mask: Tensor, step: int) -> Tensor:
    """All weight on the last source character: the source as one vector (Sutskever et al. 2014)."""
    return _one_hot(mask, mask.shape[1])


def diagonal(mask: Tensor, step: int) -> Tensor:
    """All weight on the source character at the same position as the target character."""
    return _one_hot(mask, step)


PATTERNS: dict[str, Pattern] = {"uniform": uniform, "last": last, "diagonal": diagonal}


def _one_hot(mask: Tensor, position: int) -> Tensor:
    """All weight on the character at the position, or on the last one of a shorter source."""
    ends = mask.sum(dim=1) - 1
    rows = torch.arange(len(mask), device=mask.device)
    weights = torch.zeros(mask.shape, device=mask.device)
    weights[rows, ends.clamp(max=position)] = 1
    return weights


class FixedAttention:
    """The step of beam search with a fixed pattern; it counts its calls."""

    def __init__(self, model: CharSeq2Seq, memory: Memory, pattern: Pattern) -> None:
        self._model, self._memory, self._pattern = model, memory, pattern
        self._position = 0

    def __call__(self, tokens: Tensor, state: State) -> tuple[Tensor, Tensor, State]:
        """See ``CharSeq2Seq.step``."""
        weights = self._pattern(self._memory.mask, self._position)
        self._position += 1
        return self._model.step(self._memory, tokens, state, weights)

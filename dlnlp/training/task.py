"""What a chapter gives to train: a model, its rows as examples, its outputs and its predictor."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dlnlp.training.progress import Answer


@dataclass(frozen=True)
class Task:
    """One model with its training data.

    Args:
        model: Parameters that are not trained have ``requires_grad`` False.
        predictor: The chapter's predictor, which shares the model's weights.
        examples: One per row, as ``outputs`` takes them.
        outputs: The logits of examples, (N,) of binary or (N, V) of V classes, and their
            targets (N,).
        answer: The predictor's answer to a sentence.
        save: Writes a predictor's checkpoint folder, given the folder, the predictor and the
            content of training.json.
        batch_size: The number of rows of a batch.
    """

    model: nn.Module
    predictor: Any
    examples: Sequence[Any]
    outputs: Callable[[Sequence[Any]], tuple[Tensor, Tensor]]
    answer: Callable[[str], Answer]
    save: Callable[[Path, Any, dict[str, Any]], None]
    batch_size: int = 16

    def loss(self, examples: Sequence[Any]) -> Tensor:
        """The mean cross-entropy of the examples."""
        return cross_entropy(*self.outputs(examples))

    @torch.inference_mode()
    def evaluate(self, examples: Sequence[Any]) -> tuple[float, float]:
        """The mean cross-entropy of the examples, and the share of targets predicted rightly."""
        self.model.eval()
        loss, right, count = 0.0, 0, 0
        for start in range(0, len(examples), self.batch_size):
            logits, targets = self.outputs(examples[start : start + self.batch_size])
            chosen = (logits > 0).to(targets) if logits.ndim == 1 else logits.argmax(-1)
            loss += float(cross_entropy(logits, targets)) * len(targets)
            right += int((chosen == targets).sum())
            count += len(targets)
        return loss / count, right / count


def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean cross-entropy of logits (N,) of binary or (N, V) of V classes."""
    if logits.ndim == 1:
        return F.binary_cross_entropy_with_logits(logits, targets)
    return F.cross_entropy(logits, targets)

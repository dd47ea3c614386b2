"""Compute the logits of batches of token ids, with PyTorch or another engine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import torch
from torch import Tensor

from dlnlp.inference.batching import pad_rows
from dlnlp.inference.deadline import check_deadline
from dlnlp.memory import trim
from dlnlp.models.sentiment_bert.model import label_logits

if TYPE_CHECKING:
    from transformers import BertForSequenceClassification


class Forward(Protocol):
    """Computes logits: ``TorchForward``, or an engine of ``dlnlp.accelerate``."""

    batch_tokens: int  # the fastest number of padded tokens per batch

    def __call__(self, batches: Sequence[tuple[Tensor, Tensor]]) -> list[np.ndarray]:
        """Logits (B, 2) of each batch of token ids (B, T) and attention mask (B, T).

        Raises:
            DeadlineExceeded: The time limit of the current context has passed.
        """


class TorchForward:
    """Computes logits with the PyTorch model, on the model's device."""

    batch_tokens = 8192

    def __init__(self, model: LazyModel) -> None:
        self._model = model

    def __call__(self, batches: Sequence[tuple[Tensor, Tensor]]) -> list[np.ndarray]:
        """See ``Forward``."""
        model = self._model()
        device = model.classifier.weight.device
        found = []
        for ids, mask in batches:
            check_deadline()
            found.append(label_logits(model, ids.to(device), mask.to(device)).cpu().numpy())
        return found


class LazyModel:
    """A PyTorch model, or a function that builds it on first use."""

    def __init__(
        self, model: BertForSequenceClassification | Callable[[], BertForSequenceClassification]
    ) -> None:
        self._lock = threading.Lock()
        self._model: BertForSequenceClassification | None = None
        if isinstance(model, torch.nn.Module):  # modules are callable too
            self._model = cast("BertForSequenceClassification", model).eval()
        else:
            self._build = model

    def __call__(self) -> BertForSequenceClassification:
        """The model in eval mode, built only once for all threads."""
        with self._lock:
            if self._model is None:
                # Weights created in inference mode can't have gradients.
                with torch.inference_mode(False):
                    self._model = self._build().eval()
                trim()
            return self._model


def collate(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Padded ids (B, T) and the attention mask (B, T), which is 0 at padding."""
    ids, lengths = pad_rows(rows)
    return ids, (torch.arange(ids.shape[1]) < lengths.unsqueeze(1)).long()

"""Compute the log-probability of given texts with chapter 3's model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from dlnlp.inference import token_scores as scoring
from dlnlp.models.token_transformer.model import TransformerModel
from dlnlp.models.token_transformer.tokens import Tokens
from dlnlp.results import TokenScore
from dlnlp.text.byte_level import BEGIN_ID, UNK_ID

SPECIAL = [UNK_ID, BEGIN_ID]


def token_scores(model: TransformerModel, vocabulary: Tokens, text: str) -> list[TokenScore]:
    """The log-probability of every token of the text, with the most likely ones at its position."""
    return scoring.token_scores(windows(model, vocabulary.encode(text)), vocabulary, SPECIAL)


def total_log_prob(model: TransformerModel, ids: Sequence[int]) -> float:
    """The summed log-probability in nats of all ids but the first, given those before them."""
    return sum(sum(scoring.picked(*window)) for window in windows(model, ids))


def windows(model: TransformerModel, ids: Sequence[int]) -> Iterator[scoring.Window]:
    """Yield log-probabilities (N, V) and the actual ids (N,), for all ids but the first."""

    def logits(window: Tensor, new: int) -> Tensor:
        return model.logits(model.hidden(window)[0, -new:])

    return scoring.windows(logits, ids, model.config.context, model.embedding.weight.device)


def predictable(logits: Tensor) -> Tensor:
    """A float copy of logits (..., V) in which special tokens are -inf."""
    logits = logits.float().clone()
    logits[..., SPECIAL] = -torch.inf
    return logits

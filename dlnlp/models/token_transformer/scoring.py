"""Compute the log-probability of given texts, token by token, in windows of the context.

Windows overlap by half, so after the first window each token is predicted from at least half a
window. The deadline is checked between windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from dlnlp.inference.deadline import check_deadline
from dlnlp.models.token_transformer.model import TransformerModel
from dlnlp.models.token_transformer.tokens import Tokens
from dlnlp.results import NextToken, TokenScore
from dlnlp.text.byte_level import BEGIN_ID, UNK_ID, split_whole

EXPECTED = 3  # most likely tokens listed for each position


def token_scores(model: TransformerModel, vocabulary: Tokens, text: str) -> list[TokenScore]:
    """The log-probability of every token of the text, with the most likely ones at its position."""
    result: list[TokenScore] = []
    held, total, count = b"", 0.0, 0
    expected: tuple[NextToken, ...] = ()
    for log_probs, tokens in windows(model, vocabulary.encode(text)):
        best, positions = predictable(log_probs).topk(EXPECTED)
        rows = zip(best.exp().tolist(), positions.tolist(), strict=True)
        scores = _picked(log_probs, tokens)
        for token, log_prob, row in zip(tokens.tolist(), scores, rows, strict=True):
            if not held:
                pairs = zip(*row, strict=True)
                expected = tuple(vocabulary.candidate(i, p) for p, i in pairs)
            held += vocabulary.bytes[token]
            total, count = total + log_prob, count + 1
            whole, rest = split_whole(held)
            if not rest:  # tokens that share a character are one entry
                result.append(TokenScore(whole, total, expected, count))
                held, total, count = b"", 0.0, 0
    return result


def total_log_prob(model: TransformerModel, ids: Sequence[int]) -> float:
    """The summed log-probability in nats of all ids but the first, given those before them."""
    return sum(sum(_picked(*window)) for window in windows(model, ids))


def windows(model: TransformerModel, ids: Sequence[int]) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield log-probabilities (N, V) and the actual ids (N,), for all ids but the first."""
    size, device = model.config.context, model.embedding.weight.device
    start = done = 0
    while done < len(ids) - 1:
        check_deadline()
        window = torch.tensor([ids[start : start + size + 1]], device=device)
        states = model.hidden(window[:, :-1])
        new = start + window.shape[1] - 1 - done
        logits = model.logits(states[0, -new:]).float()
        yield F.log_softmax(logits, dim=-1), window[0, -new:]
        done += new
        start += size // 2


def _picked(log_probs: Tensor, tokens: Tensor) -> list[float]:
    """The log-probability of each token (N,) in its row of log-probabilities (N, V)."""
    return log_probs.gather(1, tokens.unsqueeze(1)).squeeze(1).clamp(max=0.0).tolist()


def predictable(logits: Tensor) -> Tensor:
    """A float copy of logits (..., V) in which special tokens are -inf."""
    logits = logits.float().clone()
    logits[..., [UNK_ID, BEGIN_ID]] = -torch.inf
    return logits

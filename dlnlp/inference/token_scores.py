"""Compute the log-probability of given texts, token by token, with any language model.

Texts are scored in windows of the context, which overlap by half, so after the first window each
token is predicted from at least half a window. The deadline is checked between windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from dlnlp.inference.deadline import check_deadline
from dlnlp.results import NextToken, TokenScore
from dlnlp.text.byte_level import split_whole

EXPECTED = 3  # most likely tokens listed for each position
Window = tuple[Tensor, Tensor]  # log-probabilities (N, V), and the ids (N,) that follow


class Vocabulary(Protocol):
    """The tokens of a model as bytes and as candidates."""

    bytes: tuple[bytes, ...]

    def candidate(self, token: int, probability: float) -> NextToken:
        """The token as a candidate for the next token."""


def windows(
    logits: Callable[[Tensor, int], Tensor],
    ids: Sequence[int],
    size: int,
    device: torch.device | str = "cpu",
) -> Iterator[Window]:
    """Yield log-probabilities (N, V) and the actual ids (N,), for all ids but the first.

    Args:
        logits: Computes logits (N, V) after each of the last N of the token ids (1, T).
        size: The most token ids that it reads.
        device: The device of its token ids.
    """
    start = done = 0
    while done < len(ids) - 1:
        check_deadline()
        window = torch.tensor([ids[start : start + size + 1]], device=device)
        new = start + window.shape[1] - 1 - done
        yield F.log_softmax(logits(window[:, :-1], new).float(), dim=-1), window[0, -new:]
        done += new
        start += size // 2


def token_scores(
    scored: Iterable[Window], vocabulary: Vocabulary, unexpected: Sequence[int] = ()
) -> list[TokenScore]:
    """The log-probability of every token, with the most likely ones at its position.

    Args:
        scored: The windows of a text.
        unexpected: The ids of tokens that are not listed among the most likely ones.
    """
    result: list[TokenScore] = []
    held, total, count = b"", 0.0, 0
    expected: tuple[NextToken, ...] = ()
    for log_probs, tokens in scored:
        scores = picked(log_probs, tokens)
        listed = log_probs.clone()
        listed[:, list(unexpected)] = -torch.inf
        best, positions = listed.topk(EXPECTED)
        rows = zip(best.exp().tolist(), positions.tolist(), strict=True)
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


def picked(log_probs: Tensor, tokens: Tensor) -> list[float]:
    """The log-probability of each token (N,) in its row of log-probabilities (N, V)."""
    return log_probs.gather(1, tokens.unsqueeze(1)).squeeze(1).clamp(max=0.0).tolist()

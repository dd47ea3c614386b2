"""Attribute a classifier's logit to the words of a text.

The functions take callables and tensors, so they work with any model.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from dlnlp.inference.deadline import check_deadline
from dlnlp.results import Attribution
from dlnlp.text.words import without, words

METHODS = ("integrated_gradients", "leave_one_out")
STEPS = 24
MOST_STEPS_TOKENS = 2400  # steps of integrated gradients × tokens
BATCH_TOKENS = 2048
MANY_WORDS = 60  # in longer texts, leave-one-out removes sentences instead of words
LONG_SENTENCE = 40  # words; longer sentences are removed in parts
LEAST_PART = 4  # words
MANY_UNITS = 32  # at most; sentences are grouped if there are more


def check_method(method: str) -> None:
    """Check the name of an attribution method.

    Raises:
        ValueError: It is not one of ``METHODS``.
    """
    if method not in METHODS:
        raise ValueError(f"The method must be one of {', '.join(METHODS)}, not {method!r}.")


def attribute(
    text: str,
    method: str,
    logits: Callable[[list[str]], list[float]],
    token_scores: Callable[[str], tuple[Sequence[int], Sequence[float]]],
    truncated: bool = False,
) -> Attribution:
    """Attribute a classifier's logit for a text to its words.

    Args:
        text: The text in natural spelling, no longer than the model can read.
        logits: Computes the logits of texts, for leave-one-out.
        token_scores: Computes the start positions of the text's tokens and their integrated
            gradients.
        truncated: Whether the text is only the beginning of a longer one.

    Raises:
        ValueError: The method is unknown.
    """
    check_method(method)
    if method == "leave_one_out":
        scores = leave_one_out(logits, text)
    else:
        scores = per_word(text, *token_scores(text))
    found = words(text)
    names, starts = tuple(word for word, _ in found), tuple(start for _, start in found)
    return Attribution(text, names, starts, scores, method, truncated)


def steps_for(tokens: int) -> int:
    """The steps of integrated gradients for a Transformer: fewer for long texts, to save time."""
    return max(8, min(STEPS, MOST_STEPS_TOKENS // tokens))


def integrated_gradients(
    logit: Callable[[Tensor], Tensor], x: Tensor, baseline: Tensor, steps: int = STEPS
) -> Tensor:
    """Scores (T,) of the rows of ``x`` (T, E); their sum is about logit(x) - logit(baseline).

    Averages the gradients at the midpoints of ``steps`` equal parts of the straight path from
    the baseline to ``x`` (Sundararajan et al. 2017).

    Args:
        logit: Maps embeddings (B, T, E) to logits (B,).
    """
    midpoints = (torch.arange(steps, device=x.device) + 0.5) / steps
    total = torch.zeros_like(x)
    with torch.enable_grad():
        for part in midpoints.split(max(1, BATCH_TOKENS // len(x))):
            check_deadline()
            points = baseline + part.view(-1, 1, 1) * (x - baseline)  # (B, T, E)
            points = points.detach().requires_grad_()
            [gradient] = torch.autograd.grad(logit(points).sum(), points)
            total += gradient.sum(dim=0)
    return ((x - baseline) * total / steps).sum(dim=-1).detach()


def leave_one_out(logits: Callable[[list[str]], list[float]], text: str) -> np.ndarray:
    """Scores (N,) of the text's words: how much the logit falls when the word is removed.

    In texts of more than ``MANY_WORDS`` words whole sentences are removed, and the words of a
    sentence share its score equally. Very long sentences are removed in parts.

    Args:
        logits: Computes the logits of texts.
    """
    found = words(text)
    units = [[i] for i in range(len(found))]
    if len(found) > MANY_WORDS:
        parts = sentence_parts(text)
        size = -(-len(parts) // MANY_UNITS)  # parts per unit
        units = [list(chain(*parts[i : i + size])) for i in range(0, len(parts), size)]
    whole, *others = logits([text, *(without(text, unit) for unit in units)])
    scores = np.zeros(len(found))
    for unit, other in zip(units, others, strict=True):
        scores[unit] = (whole - other) / len(unit)
    return scores


def sentence_parts(text: str) -> list[list[int]]:
    """The indices of the text's words, one list per sentence or per part of a long sentence.

    The parts are as small as ``MANY_UNITS`` allows.
    """
    sentences = sentence_units(text)
    room = MANY_UNITS - len(sentences)
    if room <= 0:
        return sentences
    long = sum(len(sentence) for sentence in sentences if len(sentence) > LONG_SENTENCE)
    part = max(LEAST_PART, -(-long // room))
    sizes = [part if len(each) > LONG_SENTENCE else len(each) for each in sentences]
    return [
        sentence[i : i + size]
        for sentence, size in zip(sentences, sizes, strict=True)
        for i in range(0, len(sentence), size)
    ]


def sentence_units(text: str) -> list[list[int]]:
    """The indices of the text's words, one list per sentence."""
    ends = [match.end() for match in re.finditer(r"[.!?]+(?=\s)", text)] + [len(text)]
    units: list[list[int]] = [[] for _ in ends]
    sentence = 0
    for index, (_, start) in enumerate(words(text)):
        while start >= ends[sentence]:
            sentence += 1
        units[sentence].append(index)
    return [unit for unit in units if unit]


def per_word(text: str, starts: Sequence[int], scores: Sequence[float]) -> np.ndarray:
    """Scores (N,) of the text's words: the sums of the scores of their tokens.

    Args:
        starts: The position in the text at which each token starts.
    """
    word_starts = [start for _, start in words(text)]
    result = np.zeros(len(word_starts))
    for start, score in zip(starts, scores, strict=True):
        index = int(np.searchsorted(word_starts, start, side="right")) - 1
        if index >= 0:
            result[index] += score
    return result

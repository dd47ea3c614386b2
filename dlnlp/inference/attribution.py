"""Attributions: callables and tensors in, scores out. Nothing here knows a model."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
import torch
from torch import Tensor

from dlnlp.text.words import without, words

METHODS = ("integrated_gradients", "leave_one_out")
STEPS = 24
MANY_UNITS = 32
MANY_WORDS = 60  # beyond, words are left out by the sentence, and gradients take fewer steps
BATCH_TOKENS = 2048
_CUDNN_SWITCH = threading.Lock()  # the switch is the whole process's


def check_method(method: str) -> None:
    """Raises a ValueError unless the method is one of ``METHODS``."""
    if method not in METHODS:
        raise ValueError(f"The method must be one of {', '.join(METHODS)}, not {method!r}.")


def integrated_gradients(
    logit: Callable[[Tensor], Tensor], x: Tensor, baseline: Tensor, steps: int = STEPS
) -> Tensor:
    """Scores (T,) of the rows of ``x`` (T, E), summing to logit(x) - logit(baseline).

    The gradient is averaged over the straight way from the baseline to ``x``, at the middles
    of ``steps`` equal parts (Sundararajan et al. 2017).

    Args:
        logit: Takes embeddings (B, T, E), gives logits (B,).
    """
    middles = (torch.arange(steps, device=x.device) + 0.5) / steps
    total = torch.zeros_like(x)
    # cuDNN refuses an RNN's gradient in eval mode; its plain kernels do not.
    with _CUDNN_SWITCH, torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
        for part in middles.split(max(1, BATCH_TOKENS // len(x))):
            points = baseline + part.view(-1, 1, 1) * (x - baseline)  # (B, T, E)
            points = points.detach().requires_grad_()
            [gradient] = torch.autograd.grad(logit(points).sum(), points)
            total += gradient.sum(dim=0)
    return ((x - baseline) * total / steps).sum(dim=-1).detach()


def leave_one_out(logits: Callable[[list[str]], list[float]], text: str) -> np.ndarray:
    """Scores (N,) of the text's words: how far the logit falls when the word is left out.

    Of a long text whole sentences are left out, and a sentence's fall is shared by its words.

    Args:
        logits: The logits of texts, with which the model reads what is left anew.
    """
    found = words(text)
    units = [[i] for i in range(len(found))]
    if len(found) > MANY_WORDS:
        sentences = sentence_units(text)
        size = -(-len(sentences) // MANY_UNITS)  # of very many short sentences, some together
        groups = (sentences[i : i + size] for i in range(0, len(sentences), size))
        units = [list(chain.from_iterable(group)) for group in groups]
    whole, *parts = logits([text, *(without(text, unit) for unit in units)])
    scores = np.zeros(len(found))
    for unit, part in zip(units, parts, strict=True):
        scores[unit] = (whole - part) / len(unit)
    return scores


def sentence_units(text: str) -> list[list[int]]:
    """The indices of the text's words, sentence by sentence."""
    ends = [match.end() for match in re.finditer(r"[.!?]+(?=\s)", text)] + [len(text)]
    units: list[list[int]] = [[] for _ in ends]
    sentence = 0
    for index, (_, start) in enumerate(words(text)):
        while start >= ends[sentence]:
            sentence += 1
        units[sentence].append(index)
    return [unit for unit in units if unit]


def per_word(text: str, starts: Sequence[int], scores: Sequence[float]) -> np.ndarray:
    """Scores (N,) of the text's words, from those of the model's tokens and their starts."""
    found = words(text)
    begins = [start for _, start in found]
    result = np.zeros(len(found))
    for start, score in zip(starts, scores, strict=True):
        index = int(np.searchsorted(begins, start, side="right")) - 1
        if index >= 0:
            result[index] += score
    return result

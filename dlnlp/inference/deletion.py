"""Deletion curves: check attributions by deleting the words that they call important."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from dlnlp.results import Attribution
from dlnlp.text.words import without
from dlnlp.views import DeletionCurves

MOST_STEPS = 10
RANDOM_ORDERS = 5


def deletion_curves(
    logits: Callable[[list[str]], list[float]], explained: Mapping[str, Attribution]
) -> DeletionCurves:
    """The logit of a text as more and more of its words are deleted (Petsiuk et al. 2018).

    Each method's words are deleted in order of how strongly they support the verdict: the better
    an explanation, the faster the verdict falls, and faster than in a random order.

    Args:
        logits: Computes the logits of texts.
        explained: The attribution of the same text by each method.
    """
    found = list(explained.values())
    text, count = found[0].text, len(found[0].words)
    deleted = sorted({round(n) for n in np.linspace(0, count, min(count, MOST_STEPS) + 1)})
    [whole] = logits([text])
    sign = 1 if whole > 0 else -1
    orders = [np.argsort(-sign * each.scores, kind="stable") for each in found]
    chance = np.random.default_rng(count)  # the same orders each time
    orders += [chance.permutation(count) for _ in range(RANDOM_ORDERS)]
    values = np.array(logits([without(text, o[:n].tolist()) for o in orders for n in deleted]))
    curves = values.reshape(len(orders), len(deleted))
    return DeletionCurves(
        count,
        tuple(deleted),
        tuple(explained),
        curves[: len(found)],
        curves[len(found) :].mean(axis=0),
        found[0].truncated,
    )

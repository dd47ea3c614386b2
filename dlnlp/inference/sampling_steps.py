"""How temperature, softmax, top-k and top-p turn logits into probabilities, step by step."""

from __future__ import annotations

import numpy as np

from dlnlp.inference.sampling import check_settings, check_whole, filtered
from dlnlp.results import Distribution
from dlnlp.views import SamplingSteps

COLDEST = 1e-6  # divides the logits at temperature 0, where only the most likely token remains


def sampling_steps(
    found: Distribution,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    k: int = 12,
) -> SamplingSteps:
    """The steps for the ``k`` most likely tokens, most likely first.

    The logits are the log-probabilities: they differ from the output layer's by a constant, which
    the softmax removes.

    Raises:
        ValueError: A setting is out of its range; the message names it.
    """
    check_whole("k", k, 1, 100)
    check_settings(temperature, top_k, top_p)
    logits = found.log_probs.astype(np.float64)
    best = np.argsort(-logits, kind="stable")[:k]
    best = best[np.isfinite(logits[best])]
    softmax = filtered(logits, temperature)
    after_top_k = filtered(logits, temperature, top_k)
    after_top_p = filtered(logits, temperature, top_k, top_p)
    return SamplingSteps(
        tuple(found.texts[i] for i in best),
        logits[best],
        logits[best] / max(temperature, COLDEST),
        softmax[best],
        after_top_k[best],
        after_top_p[best],
        int(np.count_nonzero(after_top_p)),
        found.truncated,
    )

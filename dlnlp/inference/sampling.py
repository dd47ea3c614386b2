"""From log-probabilities to the distribution that is sampled from. Pure numpy, no torch."""

from __future__ import annotations

import functools

import numpy as np

from dlnlp.results import Distribution, NextToken


def filtered(
    log_probs: np.ndarray,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
) -> np.ndarray:
    """Probabilities (V,) after temperature, then top-k, then top-p (Holtzman et al. 2020).

    Temperature 0 puts all probability on the best token. ``top_p`` keeps the smallest set
    of tokens that reaches it. At least one token always remains.

    Raises:
        ValueError: A setting is out of its range; the message names it.
    """
    check_settings(temperature, top_k, top_p)
    if temperature == 0:
        probabilities = np.zeros(len(log_probs))
        probabilities[int(np.argmax(log_probs))] = 1.0
        return probabilities
    scaled = np.asarray(log_probs, dtype=np.float64)
    scaled = (scaled - scaled.max()) / temperature
    kept = np.arange(len(scaled))
    if top_k is not None and top_k < len(scaled):
        kept = np.sort(np.argpartition(scaled, -top_k)[-top_k:])
    weights = np.exp(scaled[kept])
    if top_p is not None and top_p < 1:
        order = np.argsort(-weights, kind="stable")
        before = np.cumsum(weights[order]) - weights[order]
        weights[order[(before >= top_p * weights.sum()) & (np.arange(len(order)) > 0)]] = 0.0
    probabilities = np.zeros(len(scaled))
    probabilities[kept] = weights / weights.sum()
    return probabilities


class Draws:
    """Tokens by their probability; the same seed and place always draw alike.

    The token with the largest share of its own random number wins, as in a race of exponential
    clocks. Where two distributions differ little, so do the tokens that a place draws of them.
    """

    def __init__(self, seed: int | None) -> None:
        self._seed = seed if seed is not None else int(np.random.default_rng().integers(2**63))
        # A place is mostly asked about twice in a short while.
        self._clocks = functools.lru_cache(maxsize=16)(self._started)

    def __call__(self, probabilities: np.ndarray, place: int) -> int:
        """One token of the probabilities (V,) for a place."""
        best = int(np.argmax(probabilities))
        if probabilities[best] == 1:
            return best
        return int(np.argmax(probabilities / self._clocks(place, len(probabilities))))

    def _started(self, place: int, count: int) -> np.ndarray:
        return np.random.default_rng((self._seed, place)).standard_exponential(count)


def likeliest(found: Distribution, probabilities: np.ndarray, k: int) -> list[NextToken]:
    """The ``k`` likeliest tokens, likeliest first, without those of no probability.

    Args:
        probabilities: Of each token (V,), such as what ``filtered`` leaves of the distribution.

    Raises:
        ValueError: ``k`` is no whole number above 0.
    """
    check_whole("k", k, 1, 10**6)
    best = np.argsort(-probabilities, kind="stable")[:k].tolist()
    return [found.token(i, float(probabilities[i])) for i in best if probabilities[i] > 0]


def check_settings(temperature: float, top_k: int | None, top_p: float | None) -> None:
    """Raises a ValueError that names the setting which is out of its range."""
    if not _is_number(temperature) or not 0 <= temperature <= 100:
        raise ValueError(f"The temperature must be a number from 0 to 100, not {temperature!r}.")
    if top_k is not None:
        check_whole("top_k", top_k, 1, 10**9)
    if top_p is not None and not (_is_number(top_p) and 0 < top_p <= 1):
        raise ValueError(f"top_p must be a number above 0 and at most 1, not {top_p!r}.")


def check_whole(name: str, value: object, low: int, high: int) -> None:
    """Raises a ValueError with the name unless the value is an int from low to high."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}, not {value!r}.")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)

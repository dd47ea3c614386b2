"""Filter next-token distributions by the generation settings, and sample from them."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence

import numpy as np

from dlnlp.results import Distribution, NextToken

MAX_NEW_TOKENS = 1000
RECENT = 128  # the repetition penalty applies to this many last tokens


def filtered(
    log_probs: np.ndarray,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    repetition_penalty: float = 1.0,
    recent: Sequence[int] = (),
) -> np.ndarray:
    """Probabilities (V,) after the repetition penalty, temperature, top-k and top-p, in that order.

    Temperature 0 gives the most likely token probability 1. ``top_p`` keeps the smallest set of
    tokens whose probabilities reach p (Holtzman et al. 2020). At least one token remains.

    Args:
        log_probs: Log-probabilities or logits (V,); -inf rules a token out.
        repetition_penalty: Divides the logits of the ``recent`` tokens (Keskar et al. 2019,
            section 4.1); 1 turns it off. Logits are centred on their mean over the vocabulary, and
            negative ones are multiplied, so that no token becomes more likely.
        recent: Token ids that should not be repeated.

    Raises:
        ValueError: A setting is out of its range; the message names it.
    """
    check_settings(temperature, top_k, top_p, repetition_penalty)
    scaled = np.asarray(log_probs, dtype=np.float64)
    if repetition_penalty != 1 and len(recent):
        scaled = _penalised(scaled, repetition_penalty, np.unique(recent))
    if temperature == 0:
        probabilities = np.zeros(len(scaled))
        probabilities[int(np.argmax(scaled))] = 1.0
        return probabilities
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


def _penalised(logits: np.ndarray, penalty: float, tokens: np.ndarray) -> np.ndarray:
    """A centred copy of the logits (V,) in which ``tokens`` are less likely."""
    logits = logits - logits[np.isfinite(logits)].mean()
    chosen = logits[tokens]
    logits[tokens] = np.where(chosen > 0, chosen / penalty, chosen * penalty)
    return logits


class Draws:
    """Samples tokens with random numbers that depend only on seed, prompt and position.

    Each token gets an exponentially distributed arrival time with its probability as the rate,
    and the earliest one is chosen. Because the same random numbers are reused, two similar
    distributions mostly give the same token, which speculative decoding relies on.
    """

    def __init__(self, seed: int | None, prompt: str = "") -> None:
        self._seed = seed if seed is not None else int(np.random.default_rng().integers(2**63))
        # Not Python's hash, which differs between processes.
        digest = hashlib.blake2b(prompt.encode("utf-8", "replace"), digest_size=8).digest()
        self._prompt = int.from_bytes(digest, "little")
        # Speculative decoding samples most positions twice.
        self._waits = functools.lru_cache(maxsize=16)(self._exponential)

    def __call__(self, probabilities: np.ndarray, position: int) -> int:
        """A token sampled from the probabilities (V,) at a position."""
        best = int(np.argmax(probabilities))
        if probabilities[best] == 1:
            return best
        return int(np.argmax(probabilities / self._waits(position, len(probabilities))))

    def _exponential(self, position: int, count: int) -> np.ndarray:
        key = (self._seed, self._prompt, position)
        return np.random.default_rng(key).standard_exponential(count)


def likeliest(found: Distribution, probabilities: np.ndarray, k: int) -> list[NextToken]:
    """The ``k`` most likely tokens with a probability above 0, most likely first.

    Args:
        probabilities: Those of all tokens (V,), such as ``filtered(found.log_probs, top_k=50)``.

    Raises:
        ValueError: ``k`` is not a whole number above 0.
    """
    check_whole("k", k, 1, 10**6)
    best = np.argsort(-probabilities, kind="stable")[:k].tolist()
    return [found.token(i, float(probabilities[i])) for i in best if probabilities[i] > 0]


def check_settings(
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    repetition_penalty: float = 1.0,
) -> None:
    """Check the ranges of the generation settings.

    Raises:
        ValueError: A setting is out of its range; the message names it.
    """
    if not _is_number(temperature) or not 0 <= temperature <= 100:
        raise ValueError(f"The temperature must be a number from 0 to 100, not {temperature!r}.")
    if top_k is not None:
        check_whole("top_k", top_k, 1, 10**9)
    if top_p is not None and not (_is_number(top_p) and 0 < top_p <= 1):
        raise ValueError(f"top_p must be a number above 0 and at most 1, not {top_p!r}.")
    if not _is_number(repetition_penalty) or not 1 <= repetition_penalty <= 10:
        raise ValueError(
            f"repetition_penalty must be a number from 1 to 10, not {repetition_penalty!r}."
        )


def check_generation(max_new_tokens: int, seed: int | None) -> None:
    """Check the length of a continuation and its seed.

    Raises:
        ValueError: One is out of its range; the message names it.
    """
    check_whole("max_new_tokens", max_new_tokens, 0, MAX_NEW_TOKENS)
    if seed is not None:
        check_whole("seed", seed, 0, 2**63)


def check_whole(name: str, value: object, low: int, high: int) -> None:
    """Check that a value is an int from ``low`` to ``high``.

    Raises:
        ValueError: The value is not; the message names it.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} must be a whole number from {low} to {high}, not {value!r}.")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)

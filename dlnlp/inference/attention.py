"""Select and aggregate attention weights for display, with numpy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlnlp.results import AttentionMaps, Translation
from dlnlp.text.words import words


@dataclass(frozen=True)
class AttentionWindow:
    """The attention between N of the tokens, in order.

    ``weights`` (layers, heads, N, N) are the weights between these tokens. ``hidden_share``
    (layers, heads) is the mean share of their attention, 0 to 1, that goes to hidden special
    tokens. ``begin`` is the index of the first token among the ``total`` tokens to choose from.
    """

    tokens: tuple[str, ...]
    weights: np.ndarray
    hidden_share: np.ndarray
    begin: int
    total: int


def attention_window(
    maps: AttentionMaps, begin: int, size: int, special: frozenset[str], hide: bool
) -> AttentionWindow:
    """``size`` tokens from ``begin`` on, without the special tokens if ``hide`` is set."""
    named = [i for i, token in enumerate(maps.tokens) if token in special]
    kept = [i for i, token in enumerate(maps.tokens) if not (hide and token in special)]
    begin = max(0, min(begin, len(kept) - size))
    chosen = kept[begin : begin + size]
    rows = maps.weights[:, :, chosen]  # (L, H, N, T)
    to_special = rows[..., named].sum(axis=-1) if hide else np.zeros(rows.shape[:3])
    share = to_special.mean(axis=-1) if chosen else np.zeros(rows.shape[:2])
    tokens = tuple(maps.tokens[i] for i in chosen)
    return AttentionWindow(tokens, rows[..., chosen], share, begin, len(kept))


@dataclass(frozen=True)
class WordAttention:
    """The attention of a translation by words: ``weights`` (target words, source words).

    Weights are summed over the characters of a source word and averaged over those of a target
    word, so rows sum to 1. Spaces and line breaks count as part of the word before them.
    ``characters`` (target words, source characters) holds the rows before they are summed.
    """

    source: tuple[str, ...]
    target: tuple[str, ...]
    weights: np.ndarray
    characters: np.ndarray


def word_attention(result: Translation) -> WordAttention:
    """The attention of a translation by words and punctuation marks."""
    source, target = words("".join(result.source)), words("".join(result.target))
    rows = [result.attention[start : start + len(word)].mean(axis=0) for word, start in target]
    characters = np.array(rows).reshape(len(target), len(result.source))
    begins = [start for _, start in source]
    weights = (
        np.add.reduceat(characters, begins, axis=1)
        if begins and rows
        else np.zeros((len(target), len(source)))
    )
    return WordAttention(
        tuple(word for word, _ in source), tuple(word for word, _ in target), weights, characters
    )

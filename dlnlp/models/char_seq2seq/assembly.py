"""Assemble the translation of a text from the translations of its sentences."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np

from dlnlp.results import BlockMatrix, Translation

Rated = tuple[float, Translation]  # the rank score and translation of a sentence


def likeliest(options: Sequence[Sequence[Rated]], count: int) -> list[list[Translation]]:
    """The best ``count`` ways to choose one translation of each sentence, by summed rank scores."""
    found: list[tuple[float, list[Translation]]] = [(0.0, [])]
    for sentence in options:
        longer = [
            (rate + further, [*chosen, each])
            for rate, chosen in found
            for further, each in sentence
        ]
        found = heapq.nlargest(count, longer, key=lambda pair: pair[0])
    return [chosen for _, chosen in found]


def joined(
    parts: Sequence[Translation],
    separators: Sequence[str],
    target_separators: Sequence[str] | None = None,
    truncated: bool = False,
    looks_english: bool = True,
) -> Translation:
    """The translation of a text from the translations of its parts.

    Separators are copied, not predicted: they have probability 1, and each attends only
    to its counterpart in the source.

    Args:
        separators: The separator after each part of the source: a space, line breaks, or "".
        target_separators: The separators in the translation, if they are different.
        truncated: Whether the text was cut.
        looks_english: Whether the whole text looks English.
    """
    source, target = "", ""
    log_probs = [np.zeros(0, dtype=np.float32)]
    blocks = []
    for part, gap, target_gap in zip(
        parts, separators, target_separators or separators, strict=True
    ):
        blocks.append((len(target), len(source), np.asarray(part.attention)))
        source, target = source + "".join(part.source), target + part.text
        blocks.append((len(target), len(source), _copied(gap, target_gap)))
        source, target = source + gap, target + target_gap
        log_probs += [part.log_probs, np.zeros(len(target_gap), dtype=np.float32)]
    shape = len(target), len(source)
    return Translation(
        target,
        sum((part.score for part in parts), 0.0),
        tuple(source),
        tuple(target),
        np.concatenate(log_probs),
        parts[0].attention if len(parts) == 1 else BlockMatrix(shape, blocks),
        truncated,
        max(1, len(parts)),
        looks_english,
    )


def _copied(gap: str, target_gap: str) -> np.ndarray:
    """Attention of a target separator to the source separator.

    Each character attends to the one at its position, further ones to the last.
    """
    looked_at = np.minimum(np.arange(len(target_gap)), len(gap) - 1)
    return np.eye(len(gap), dtype=np.float32)[looked_at]

"""Split texts that are longer than BERT's 512 positions into windows."""

from __future__ import annotations

from typing import TypeVar

Token = TypeVar("Token", int, str)  # an id, or the word piece itself
MAX_WINDOWS = 8


def windowed(ids: list[int], max_length: int) -> tuple[list[list[int]], bool]:
    """Overlapping windows of a text's token ids, and whether the text was truncated.

    Each window begins with [CLS], ends with [SEP] and has ``max_length`` tokens, unless the text
    is shorter. Consecutive windows overlap by at least an eighth, so most sentences are complete
    in one of them. Beyond ``MAX_WINDOWS`` windows the text is truncated.
    """
    if len(ids) <= max_length:
        return [ids], False
    cls, inner, sep = ids[0], ids[1:-1], ids[-1]
    size = max_length - 2
    stride = size - size // 8
    longest = size + stride * (MAX_WINDOWS - 1)
    truncated = len(inner) > longest
    inner = inner[:longest]
    count = -(-(len(inner) - size) // stride) + 1
    starts = [round(k * (len(inner) - size) / (count - 1)) for k in range(count)]
    return [[cls, *inner[start : start + size], sep] for start in starts], truncated


def first_window(tokens: list[Token], max_length: int) -> tuple[list[Token], bool]:
    """The first ``max_length`` tokens, ending with [SEP], and whether any were left out."""
    if len(tokens) <= max_length:
        return tokens, False
    return tokens[: max_length - 1] + tokens[-1:], True

"""Compare what one model makes of a text and of an edited version of it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from dlnlp.catalog import record
from dlnlp.results import TokenScore
from dlnlp.service import Service

VERBS = ("classify", "explain", "translate", "score")
WORD = re.compile(r"\w+(?:['’]\w+)*|[^\w\s]")
Span = tuple[int, int]
MOST_PAIRS = 4_000_000  # of words that are compared; they take at most a second


def differing(first: str, second: str) -> tuple[list[Span], list[Span]]:
    """The ranges of characters of each text that hold words which the other text lacks.

    If the texts are long and differ in many places, it is one range: all between their first and
    last different words.
    """
    matches = [list(WORD.finditer(text)) for text in (first, second)]
    spans = [[match.span() for match in row] for row in matches]
    one, other = ([match.group() for match in row] for row in matches)
    only: tuple[list[Span], list[Span]] = ([], [])
    for kind, a, b, c, d in _operations(one, other):
        if kind != "equal":
            for ranges, row, (begin, end) in zip(only, spans, ((a, b), (c, d)), strict=True):
                if begin < end:
                    ranges.append((row[begin][0], row[end - 1][1]))
    return only


def _operations(one: list[str], other: list[str]) -> list[tuple[str, int, int, int, int]]:
    """The operations of difflib that turn one list of words into the other.

    Its time grows with the product of the lengths, so it only gets what lies between the words
    that both have at the beginning and at the end, and nothing that is too long.
    """
    shorter = min(len(one), len(other))
    head = next((i for i in range(shorter) if one[i] != other[i]), shorter)
    rest = range(shorter - head)
    tail = next((i for i in rest if one[-1 - i] != other[-1 - i]), len(rest))
    a, b = one[head : len(one) - tail], other[head : len(other) - tail]
    if len(a) * len(b) > MOST_PAIRS:
        return [("replace", head, head + len(a), head, head + len(b))]
    found = SequenceMatcher(None, a, b, autojunk=False).get_opcodes()
    return [(kind, i + head, j + head, k + head, m + head) for kind, i, j, k, m in found]


def both(service: Service, stem: str, first: str, second: str) -> dict[str, tuple[Any, Any]]:
    """The model's results for both texts, by verb, for all of ``VERBS`` that it has.

    Raises:
        KeyError, CheckpointError, TypeError, ValueError, Busy, DeadlineExceeded: See
            ``Service.call``.
    """
    found: dict[str, tuple[Any, Any]] = {}
    for verb in filter(record(stem).can, VERBS):
        if verb in ("classify", "translate"):
            one, other = service.call(stem, verb, texts=[first, second])
        else:
            one, other = (service.call(stem, verb, text=t) for t in (first, second))
        found[verb] = (one, other)
    return found


def total_bits(scores: Sequence[TokenScore]) -> float:
    """The surprisal of a whole text in bits."""
    return sum(token.bits for token in scores)

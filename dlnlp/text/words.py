"""Normalise text and split it into words.

Training and prediction both use these functions, so their tokens agree.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_TREEBANK = [
    (re.compile(r"-lrb-", re.I), "("),
    (re.compile(r"-rrb-", re.I), ")"),
    (re.compile(r"``|''"), '"'),
    (re.compile(r"\b(\w+)\s+n't\b", re.I), r"\1n't"),
    (re.compile(r"(\w)\s+'(s|re|ve|ll|d|m|t)\b", re.I), r"\1'\2"),
]
_TOKEN = re.compile(
    r"\w+?(?=n't\b)"  # do|n't
    r"|n't\b"
    r"|'(?:s|re|ve|ll|d|m)\b"
    r"|\w+"
    r"|[^\w\s]",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+(?:'\w+)*|[^\w\s]")


def clean(text: str) -> str:
    """The text in NFC; control characters, unpaired surrogates and runs of space become a space."""
    text = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
    return " ".join(unicodedata.normalize("NFC", text).split())


def natural(text: str) -> str:
    """The text in natural spelling, without treebank tokens such as "it 's", "ca n't" and "-lrb-".

    SST-2 is distributed in treebank spelling. In natural text, this only replaces typographic
    apostrophes and quotes, IMDB's ``<br />``, and what ``clean`` replaces.
    """
    text = re.sub(r"<br\s*/?>", " ", text).translate(str.maketrans("‘’“”", "''\"\""))
    text = clean(text)
    for pattern, replacement in _TREEBANK:
        text = pattern.sub(replacement, text)
    return text


def basic_english(text: str) -> list[str]:
    """Lower-case words and punctuation marks, like torchtext's ``basic_english``.

    Unlike there, contractions are split as in the Penn Treebank ("don't" → "do", "n't"), so that
    SST-2's spelling and a user's give the same tokens.
    """
    return [token.lower() for token, _ in spans_of_tokens(natural(text))]


def spans_of_tokens(text: str) -> list[tuple[str, int]]:
    """The tokens of a natural text, in their original casing, with their start positions."""
    return [(match.group(), match.start()) for match in _TOKEN.finditer(text)]


def words(text: str) -> list[tuple[str, int]]:
    """The words and punctuation marks of a natural text, with their start positions.

    The attributions of both sentiment models have one score per word. A contraction is one word,
    even if a model splits it into several tokens.
    """
    return [(match.group(), match.start()) for match in _WORD.finditer(text)]


def without(text: str, chosen: Sequence[int]) -> str:
    """The text without the words at these indices; the words around them stay separate."""
    left, end = [], 0
    found = words(text)
    for word, start in (found[i] for i in sorted(chosen)):
        left.append(text[end:start])
        end = start + len(word)
    return " ".join([*left, text[end:]])

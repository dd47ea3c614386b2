"""Normalise text and split it into words.

Training and prediction both use these functions, so they tokenise alike.
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
    """NFC, with control and unpaired surrogate characters and runs of space as one space."""
    text = "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text)
    return " ".join(unicodedata.normalize("NFC", text).split())


def natural(text: str) -> str:
    """Natural spelling of a text that may be in the treebank's ("it 's", "ca n't", "-lrb-").

    SST-2 is distributed so; people type otherwise. Natural text comes back as it was, but
    for typographic apostrophes and quotes and IMDB's ``<br />``.
    """
    text = re.sub(r"<br\s*/?>", " ", text).translate(str.maketrans("‘’“”", "''\"\""))
    text = clean(text)
    for pattern, replacement in _TREEBANK:
        text = pattern.sub(replacement, text)
    return text


def basic_english(text: str) -> list[str]:
    """Lower-case words and punctuation marks, after torchtext's ``basic_english``.

    Unlike it, contractions split as in the Penn Treebank ("don't" → "do", "n't"), so that
    SST-2's spelling and a user's give the same tokens.
    """
    return [token.lower() for token, _ in spans_of_tokens(natural(text))]


def spans_of_tokens(text: str) -> list[tuple[str, int]]:
    """The tokens of a natural text, as written, and where each begins."""
    return [(match.group(), match.start()) for match in _TOKEN.finditer(text)]


def words(text: str) -> list[tuple[str, int]]:
    """The words and punctuation marks of a natural text, as a reader counts them.

    Both sentiment models' attributions are given per word of these, with where it begins.
    A contraction is one word, whatever pieces a model reads it in.
    """
    return [(match.group(), match.start()) for match in _WORD.finditer(text)]


def without(text: str, chosen: Sequence[int]) -> str:
    """The text without the words of these indices; no two words grow together."""
    left, end = [], 0
    found = words(text)
    for word, start in (found[i] for i in sorted(chosen)):
        left.append(text[end:start])
        end = start + len(word)
    return " ".join([*left, text[end:]])

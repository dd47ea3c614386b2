"""Normalise the casing of a text, and restore it in a translation."""

from __future__ import annotations

import re
from collections.abc import Callable

OPENING = " \"'«“‘([¿¡–—-"  # what may stand before the first letter of a sentence


class Casing:
    """The casing of a text: normal, with a lower-case first letter, or all in capitals.

    A translator trained on normally cased sentences reads the ``canonical`` text, and its output
    is ``restored`` to the user's casing. The number and order of characters never change.
    """

    def __init__(self, text: str, within: str = "") -> None:
        """The casing of a text, or of a sentence within a longer text.

        A single word in capitals, such as "OK", only counts as capitals if the longer text is
        in capitals too.
        """
        self.capitals = _in_capitals(within or text) or (" " in text and _in_capitals(text))
        self.small = text.lstrip(OPENING)[:1].islower()  # not of "@anna" or "3pm"

    def canonical(self, text: str) -> str:
        """The text in normal casing: a capital first letter, and a capital "I"."""
        if self.capitals:
            text = _each(str.lower, text)
        if self.capitals or self.small:
            text = _first(str.upper, re.sub(r"(?<![^\W_])i(?![^\W_])", "I", text))
        return text

    def restored(self, text: str) -> str:
        """A translation of the canonical text, in the casing of the original."""
        if self.capitals:
            return _each(str.upper, text)
        return _first(str.lower, text) if self.small else text

    def written(self, text: str) -> str:
        """The most likely text that ``restored`` would turn into this one."""
        if self.capitals:
            text = _each(str.lower, text)
        return _first(str.upper, text) if self.capitals or self.small else text


def _in_capitals(text: str) -> bool:
    cased = [c for c in text if c.isalpha() and c.lower() != c.upper()]
    return len(cased) > 1 and not any(c.islower() for c in cased)


def _first(change: Callable[[str], str], text: str) -> str:
    """The text with its first letter changed, which only opening marks may precede."""
    place = len(text) - len(text.lstrip(OPENING))
    return text[:place] + _each(change, text[place : place + 1]) + text[place + 1 :]


def _each(change: Callable[[str], str], text: str) -> str:
    """Every character changed, except where the result is not a single character ("ß")."""
    return "".join(new if len(new := change(c)) == 1 else c for c in text)

"""The casing of a text, and how to restore it in a translation."""

from __future__ import annotations

import re
from collections.abc import Callable

OPENING = " \"'«“‘([¿¡–—-"  # what may stand before the first letter of a sentence


class Casing:
    """How a text is cased: as usual, with a small first letter, or all in capitals.

    A translator that learnt from well-spelt sentences reads ``canonical`` ones, and what it
    writes is put back into the user's casing; no character moves or is added.
    """

    def __init__(self, text: str, within: str = "") -> None:
        """The casing of a text, or of a sentence within one.

        A lone word in capitals, such as "OK", is so only where everything else is, too.
        """
        self.capitals = _in_capitals(within or text) or (" " in text and _in_capitals(text))
        self.small = text.lstrip(OPENING)[:1].islower()  # not of "@anna" or "3pm"

    def canonical(self, text: str) -> str:
        """The text as it would usually be written: one capital first, and "I"."""
        if self.capitals:
            text = _each(str.lower, text)
        if self.capitals or self.small:
            text = _first(str.upper, re.sub(r"(?<![^\W_])i(?![^\W_])", "I", text))
        return text

    def restored(self, text: str) -> str:
        """What was written for the canonical text, in the casing of the original."""
        if self.capitals:
            return _each(str.upper, text)
        return _first(str.lower, text) if self.small else text

    def written(self, text: str) -> str:
        """The likeliest text that ``restored`` made this one of."""
        if self.capitals:
            text = _each(str.lower, text)
        return _first(str.upper, text) if self.capitals or self.small else text


def _in_capitals(text: str) -> bool:
    cased = [c for c in text if c.isalpha() and c.lower() != c.upper()]
    return len(cased) > 1 and not any(c.islower() for c in cased)


def _first(change: Callable[[str], str], text: str) -> str:
    """The text with its first letter changed, which nothing but opening marks may precede."""
    place = len(text) - len(text.lstrip(OPENING))
    return text[:place] + _each(change, text[place : place + 1]) + text[place + 1 :]


def _each(change: Callable[[str], str], text: str) -> str:
    """Every character changed for which there is just one other."""
    return "".join(new if len(new := change(c)) == 1 else c for c in text)

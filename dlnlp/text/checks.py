"""Type checks for texts that callers pass in."""

from __future__ import annotations

from collections.abc import Sequence


def check_texts(texts: Sequence[str]) -> list[str]:
    """The texts as a list.

    Raises:
        TypeError: A bare string was given where a list is meant, or an item is no string.
    """
    if isinstance(texts, str):
        raise TypeError("Expected a list of texts, got one string: put it in a list, [text].")
    texts = list(texts)
    for position, text in enumerate(texts):
        check_text(text, f"text {position}")
    return texts


def check_text(text: str, name: str = "text") -> str:
    """The text itself.

    Raises:
        TypeError: It is no string.
    """
    if not isinstance(text, str):
        raise TypeError(f"Expected {name} to be a string, got {type(text).__name__}.")
    return text

"""Limits on the length of texts, and checks of their types."""

from __future__ import annotations

from collections.abc import Sequence

MAX_CHARACTERS = 100_000  # per text in a request
MAX_TRANSLATED = 3_000  # characters of a text that a translator reads


def check_texts(texts: Sequence[str]) -> list[str]:
    """The texts as a list.

    Raises:
        TypeError: A single string was given instead of a list, or an item is not a string.
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
        TypeError: It is not a string.
    """
    if text is None:
        raise TypeError(f"No {name} was given; it must be a string.")
    if not isinstance(text, str):
        raise TypeError(f"Expected {name} to be a string, got {type(text).__name__}.")
    return text

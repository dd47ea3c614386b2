"""Split a source text into the sentences that the model translates one at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from dlnlp.text.casing import OPENING, Casing
from dlnlp.text.checks import MAX_TRANSLATED
from dlnlp.text.sentences import cut, split
from dlnlp.text.words import clean

LONGEST_SENTENCE = 150  # characters; few training sentences are longer
_STOP = re.compile(r" ?[.!?]?$")


class Sentence:
    """A sentence as typed and as the model reads it.

    The model reads ``canonical``: normal casing, and a full stop if the sentence ends in a letter
    or digit, in which case ``is_open`` is True. ``separator`` follows the sentence in its text: a
    space or line breaks.
    """

    def __init__(self, text: str, within: str, separator: str = "") -> None:
        self.text = text
        self.separator = separator
        self.casing = Casing(text, within)
        self.is_open = text[-1:].isalnum()
        self.canonical = self.casing.canonical(text) + ("." if self.is_open else "")

    def restored(self, translation: str) -> str:
        """The model's translation in the casing of the sentence, without the stop if it is open."""
        text = self.casing.restored(translation)
        return (self._without_stop(text) or text) if self.is_open else text

    def streamed(self, characters: Iterable[str]) -> Iterator[str]:
        """Like ``restored``, piece by piece for characters as they are generated."""
        first, held, begun = True, "", False
        for character in characters:
            cased = first or self.casing.capitals
            held += self.casing.restored(character) if cased else character
            first = first and character in OPENING
            ready = self._without_stop(held) if self.is_open else held
            if ready:  # a possible final stop is held back
                yield ready
                held, begun = held[len(ready) :], True
        if not begun:
            yield held

    def as_written(self, translation: str) -> str:
        """The user's translation in the casing that the model would use."""
        same_casing = self.casing.restored(translation) == translation
        return self.casing.written(translation) if same_casing else translation

    @staticmethod
    def _without_stop(text: str) -> str:
        return _STOP.sub("", text)


def read(text: str, longest: int = LONGEST_SENTENCE) -> tuple[list[Sentence], bool]:
    """The sentences of a text, and whether it was cut at ``MAX_TRANSLATED``.

    Every line break ends a sentence. Sentences of more than ``longest`` characters are split into
    parts.
    """
    text = normalise(text)
    kept = cut(text, MAX_TRANSLATED)
    found = [Sentence(part, kept, separator) for part, separator in split(kept, longest)]
    return found, len(kept) < len(text)


def max_length(sentence: Sentence) -> int:
    """The maximum length of the translation in characters, so that decoding always ends."""
    return 2 * len(sentence.text) + 20


def normalise(text: str) -> str:
    """The text with clean lines, single empty lines, and no empty lines at its ends."""
    lines = "\n".join(clean(line) for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip("\n")


def join(sentences: Sequence[Sentence]) -> Sentence:
    """Several sentences joined by spaces into one ``Sentence``."""
    text = " ".join(sentence.text for sentence in sentences)
    return Sentence(text, text)


def align(
    source: Sequence[Sentence], target: Sequence[Sentence]
) -> tuple[Sequence[Sentence], Sequence[Sentence]]:
    """Source and target in the same number of parts.

    The parts are sentences if both have the same number of them, else lines, else the whole texts.
    """
    if len(source) == len(target):
        return source, target
    lines, others = _lines(source), _lines(target)
    if len(lines) == len(others):
        return lines, others
    return [join(source)], [join(target)]


def _lines(sentences: Sequence[Sentence]) -> list[Sentence]:
    """Each line as a single sentence."""
    text = "".join(sentence.text + sentence.separator for sentence in sentences)
    return [Sentence(line, text, breaks) for line, breaks in re.findall(r"([^\n]+)(\n*)", text)]

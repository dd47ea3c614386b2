"""Read a text as sentences: what the translator translates one at a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from dlnlp.text.casing import OPENING, Casing
from dlnlp.text.sentences import sentences
from dlnlp.text.words import clean

MAX_CHARACTERS = 3000
LONGEST_SENTENCE = 150  # characters; the model was trained on hardly any longer ones
LOOK_AHEAD = 10  # characters that show whether a sentence ends before them
_STOP = re.compile(r" ?[.!?]?$")


class Sentence:
    """A sentence as it was typed and as the model reads it.

    ``canonical`` is what the model reads: cased as in a book and ended by a full stop. A
    sentence typed without one is ``is_open``. ``separator`` follows the sentence in its text: a
    space, line breaks or, after the last one, nothing.
    """

    def __init__(self, text: str, within: str, separator: str = "") -> None:
        self.text = text
        self.separator = separator
        self.casing = Casing(text, within)
        self.is_open = text[-1:].isalnum()
        self.canonical = self.casing.canonical(text) + ("." if self.is_open else "")

    def restored(self, translation: str) -> str:
        """What the model wrote, cased like the sentence and without a stop if it is open."""
        text = self.casing.restored(translation)
        return (self._without_stop(text) or text) if self.is_open else text

    def streamed(self, characters: Iterable[str]) -> Iterator[str]:
        """The same, piece by piece while the characters are written."""
        first, held, begun = True, "", False
        for character in characters:
            cased = first or self.casing.capitals
            held += self.casing.restored(character) if cased else character
            first = first and character in OPENING
            ready = self._without_stop(held) if self.is_open else held
            if ready:  # what may turn out to be the stop is held back
                yield ready
                held, begun = held[len(ready) :], True
        if not begun:
            yield held

    def as_written(self, translation: str) -> str:
        """A translation by the user in the casing in which the model would write it."""
        same_casing = self.casing.restored(translation) == translation
        return self.casing.written(translation) if same_casing else translation

    @staticmethod
    def _without_stop(text: str) -> str:
        return _STOP.sub("", text)


def read(text: str, longest: int = LONGEST_SENTENCE) -> tuple[list[Sentence], bool]:
    """The sentences of a text, and whether it was cut at ``MAX_CHARACTERS``.

    Sentences do not continue over a line break, and longer ones are read in parts of at most
    ``longest`` characters.
    """
    text = normalise(text)
    kept = cut(text, MAX_CHARACTERS)
    found = [Sentence(part, kept, separator) for part, separator in split(kept, longest)]
    return found, len(kept) < len(text)


def max_length(sentence: Sentence) -> int:
    """The most characters that its translation may have, so that decoding always ends."""
    return 2 * len(sentence.text) + 20


def normalise(text: str) -> str:
    """The text with clean lines, at most one empty line in a row, and none at its ends."""
    lines = "\n".join(clean(line) for line in text.splitlines())
    return re.sub(r"\n{3,}", "\n\n", lines).strip("\n")


def split(text: str, longest: int) -> list[tuple[str, str]]:
    """The parts of a normalised text, each with the separator that follows it.

    Parts are sentences, or pieces of at most ``longest`` characters of a longer one. A word that
    is longer than that is split, too: the separator of its pieces is empty.
    """
    found = []
    for line, breaks in re.findall(r"([^\n]+)(\n*)", text):
        for part in sentences(line, longest):
            pieces = [part[i : i + longest] for i in range(0, len(part), longest)]
            found += [(piece, "") for piece in pieces[:-1]]
            found.append((pieces[-1], " "))
        found[-1] = (found[-1][0], breaks)
    return found


def cut(text: str, limit: int) -> str:
    """The beginning of a normalised text: at most ``limit`` characters.

    It ends with a sentence. If the first sentence is too long, it ends with a word, and if the
    first word is too long, within that.
    """
    if len(text) <= limit:
        return text
    head = text[: limit + LOOK_AHEAD]
    end = 0
    for sentence, separator in split(head, len(head))[:-1]:  # the last one may be incomplete
        if end + len(sentence) > limit:
            break
        end += len(sentence + separator)
    if not end:
        end = max(head.rfind(" ", 0, limit + 1), head.rfind("\n", 0, limit + 1))
    return text[: end if end > 0 else limit].rstrip()


def join(sentences: Sequence[Sentence]) -> Sentence:
    """Several sentences as a single one, separated by spaces."""
    text = " ".join(sentence.text for sentence in sentences)
    return Sentence(text, text)


def align(
    source: Sequence[Sentence], target: Sequence[Sentence]
) -> tuple[Sequence[Sentence], Sequence[Sentence]]:
    """Source and target in equally many parts.

    The parts are sentences if there are equally many, else lines, else the whole texts.
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

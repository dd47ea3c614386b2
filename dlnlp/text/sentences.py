"""Split text into sentences."""

from __future__ import annotations

import re

from dlnlp.text.casing import OPENING, Casing

LOOK_AHEAD = 10  # characters after a limit, to see whether a sentence ends there

# A sentence may end before this space: after a full stop and closing quotes or brackets. The
# lookbehind keeps the search linear in the length of a word.
_STOP = re.compile(r"(?<!\S)(\S*[.!?…])([\"'”’»)\]]*) ")
_NO_STOP = re.compile(
    r"(?:\W|^)(?:[a-hj-z]|mr|mrs|ms|dr|prof|st|jr|sr|vs|mt|gen|col|capt|lt|sgt|rev|gov|sen|rep"
    r"|(?:\w\.)+\w)\.$",
    re.IGNORECASE,
)


def sentences(text: str, longest: int) -> list[str]:
    """The sentences of a clean line of text; joining them with spaces restores the line.

    A sentence of more than ``longest`` characters is split into parts: after a comma, semicolon
    or colon in the second half of that length, else between two words. Longer words are not split.
    """
    small = Casing(text).small  # then sentences may begin with a lower-case letter
    result, begin = [], 0
    for match in _STOP.finditer(text):
        following = text[match.end() :].lstrip(OPENING)[:1]
        ends = small or following.isupper() or following.isdigit()
        alone = match[1][:-1].isdigit() and match.start() == begin  # "12. And then ..."
        number = following.isdigit() and match[1].lower() == "no."
        if ends and (match[2] or not (alone or number or _NO_STOP.search(match[1]))):
            result.append(text[begin : match.end() - 1])
            begin = match.end()
    result.append(text[begin:])
    return [part for sentence in result for part in _parts(sentence, longest)]


def split(text: str, longest: int) -> list[tuple[str, str]]:
    """The parts of a text with clean lines, each with the separator that follows it.

    Parts are sentences, or pieces of at most ``longest`` characters of longer sentences. Longer
    words are split too, with an empty separator between their pieces.
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
    """The beginning of a text with clean lines: at most ``limit`` characters.

    It ends with a whole sentence; with a whole word if the first sentence is too long; and within
    a word if the first word is too long.
    """
    if len(text) <= limit:
        return text
    head = text[: limit + LOOK_AHEAD].rstrip()  # ``split`` takes clean lines
    end = 0
    for sentence, separator in split(head, len(head))[:-1]:  # the last one may be incomplete
        if end + len(sentence) > limit:
            break
        end += len(sentence + separator)
    if not end:
        end = max(head.rfind(" ", 0, limit + 1), head.rfind("\n", 0, limit + 1))
    return text[: end if end > 0 else limit].rstrip()


def _parts(sentence: str, longest: int) -> list[str]:
    result = []
    while len(sentence) > longest:
        blanks = [place for place in range(longest + 1) if sentence[place] == " "]
        blanks = blanks or [sentence.find(" ")]
        marks = [place for place in blanks if sentence[place - 1] in ",;:" and 2 * place > longest]
        end = (marks or blanks)[-1]
        if end < 0:
            break
        result.append(sentence[:end])
        sentence = sentence[end + 1 :]
    return [*result, sentence]

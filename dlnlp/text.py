"""Text in, ids out: normalisation, words and vocabularies. Free of torch.

Training and prediction both come through these functions, so they can't disagree.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

OPENING = " \"'«“‘([¿¡–—-"  # what may stand before the first letter of a sentence
PAD, UNK, SOS, EOS = "<pad>", "<unk>", "<sos>", "<eos>"

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
# A sentence may end before this blank: marks before it, quotes and brackets closed.
_STOP = re.compile(r"(\S*[.!?…])([\"'”’»)\]]*) ")
_NO_STOP = re.compile(
    r"(?:\W|^)(?:[a-hj-z]|mr|mrs|ms|dr|prof|st|jr|sr|vs|mt|gen|col|capt|lt|sgt|rev|gov|sen|rep"
    r"|(?:\w\.)+\w)\.$",
    re.IGNORECASE,
)


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


def sentences(text: str, longest: int) -> list[str]:
    """A cleaned text in sentences, which a blank joins to the text again.

    A sentence of more than ``longest`` characters comes in parts: up to a comma or the like
    where there is one, else up to a blank.
    """
    small = Casing(text).small  # then what follows a stop may be small, too
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


def without(text: str, chosen: Sequence[int]) -> str:
    """The text without the words of these indices; no two words grow together."""
    left, end = [], 0
    found = words(text)
    for word, start in (found[i] for i in sorted(chosen)):
        left.append(text[end:start])
        end = start + len(word)
    return " ".join([*left, text[end:]])


def batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Indices in batches of similar length, each of at most ``budget`` padded tokens."""
    result: list[list[int]] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if not result or lengths[index] * (len(result[-1]) + 1) > budget:
            result.append([])
        result[-1].append(index)
    return result


class Vocabulary:
    """Ids of the tokens of a closed list; ``<pad>`` is 0 and ``<unk>`` is 1.

    The tutorial let ``<unk>`` double as the pad id, which makes unknown words invisible.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        if list(tokens[:2]) != [PAD, UNK] or len(set(tokens)) != len(tokens):
            raise ValueError(f"a vocabulary starts with {PAD}, {UNK} and repeats nothing")
        self.tokens = tuple(tokens)
        self._ids = {token: index for index, token in enumerate(tokens)}

    @classmethod
    def build(
        cls,
        documents: Iterable[Iterable[str]],
        *,
        specials: Sequence[str] = (),
        min_count: int = 1,
        max_size: int | None = None,
    ) -> Vocabulary:
        """The tokens seen at least ``min_count`` times, the most frequent first."""
        counts = Counter(token for document in documents for token in document)
        kept = [t for t, n in sorted(counts.items(), key=lambda x: (-x[1], x[0])) if n >= min_count]
        first = [PAD, UNK, *specials]
        return cls((first + [t for t in kept if t not in set(first)])[:max_size])

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: str) -> bool:
        return token in self._ids

    def id(self, token: str) -> int:
        """The token's id, or that of ``<unk>``."""
        return self._ids.get(token, 1)

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """The ids of the tokens."""
        return [self._ids.get(token, 1) for token in tokens]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The tokens of the ids."""
        return [self.tokens[index] for index in ids]

    def dumps(self) -> str:
        """JSON that ``loads`` reads."""
        return json.dumps(self.tokens, ensure_ascii=False)

    @classmethod
    def loads(cls, content: str) -> Vocabulary:
        """The vocabulary that ``dumps`` wrote."""
        return cls(json.loads(content))

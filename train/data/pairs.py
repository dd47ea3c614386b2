"""What the translator is trained on: sentences, and words and phrases in the forms people type."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from dlnlp.models.char_seq2seq.source import LONGEST_SENTENCE
from train.data import sets
from train.data.batches import taking_turns
from train.data.copying import Copying

Pair = tuple[str, str]

CAPTIONS = "Multi30k"
# The tutorial's examples and common greetings: sources have few of them, in many variants.
GREETINGS = [
    ("hello", "bonjour"),
    ("hi", "salut"),
    ("good morning", "bonjour"),
    ("good afternoon", "bonjour"),
    ("good evening", "bonsoir"),
    ("good night", "bonne nuit"),
    ("how are you?", "comment allez-vous ?"),
    ("thanks", "merci"),
    ("thank you", "merci"),
    ("goodbye", "au revoir"),
    ("bye", "au revoir"),
    ("see you soon", "à bientôt"),
]
COPY_SHARE = 0.5  # of the pairs with a shared name or number
FRAME_SHARE = 0.18  # of the sentences get something to copy
JOIN_SHARE = 0.03  # of the sentences are followed by a second one
COPIES = ((1000, 8), (3000, 3))  # words up to this frequency rank, and how often in an epoch
PHRASEBOOK_COPIES = 24
GREETING_COPIES = 50
_STOP = re.compile(r"\s*[.!?…]+$")
_QUESTION = re.compile(r"\s*\?$")


@dataclass(frozen=True)
class Material:
    """The training pairs.

    Attributes:
        tatoeba: Tatoeba's sentences.
        more: Other full sentences: captions, stories, news, phrases with a stop.
        words: Words and phrases without a stop, and greetings.
        phrasebook: The entries of ``words`` that are greetings or from a phrasebook.
        phrases: ``words``, with frequent entries repeated.
    """

    tatoeba: list[Pair]
    more: dict[str, list[Pair]]
    words: list[Pair]
    phrasebook: list[Pair]
    phrases: list[Pair]

    @classmethod
    def read(cls, data_dir: Path | None, smoke: bool = False) -> Material:
        """Tatoeba and, where the folder has it, ``pairs-en-fr``."""
        tatoeba = _short(sets.tatoeba("train", data_dir))
        more: dict[str, list[Pair]] = {}
        words, phrasebook = [], []
        for source, pairs in sets.more_pairs("train", data_dir).items():
            found = _short(pairs)
            more[source] = [pair for pair in found if _STOP.search(pair[0])]
            bare_pairs = [pair for pair in found if not _STOP.search(pair[0])]
            if "phrasebook" in source.lower():
                phrasebook += bare_pairs
            words += bare_pairs
        if smoke:
            tatoeba, words, phrasebook = tatoeba[:64], words[:16], phrasebook[:4]
            more = {source: pairs[:8] for source, pairs in more.items()}
        phrases = phrasebook * (PHRASEBOOK_COPIES - 1) + GREETINGS * GREETING_COPIES
        everything = tatoeba + [pair for pairs in more.values() for pair in pairs]
        counts = Counter(word for english, _ in everything for word in _tokens(english))
        singles = {english.lower() for english, _ in words if " " not in english}
        ranked = sorted(singles, key=lambda word: (-counts[word], word))
        ranks = {word: rank for rank, word in enumerate(ranked)}
        for pair in words:
            rank = ranks.get(pair[0].lower(), len(ranks))
            phrases += [pair] * next((copies for top, copies in COPIES if rank < top), 1)
        return cls(tatoeba, more, words + GREETINGS, phrasebook + GREETINGS, phrases)

    @property
    def sentences(self) -> list[Pair]:
        """All full sentences."""
        return self.tatoeba + [pair for pairs in self.more.values() for pair in pairs]

    def epoch(
        self, number: int, seed: int, sentence_share: float, caption_share: float, copying: Copying
    ) -> list[Pair]:
        """The pairs of one epoch, in the form in which they are trained on.

        Every epoch has all phrases, and takes the next part of Tatoeba and of the captions.
        """
        captions = self.more.get(CAPTIONS, [])
        others = [pair for name, pairs in self.more.items() if name != CAPTIONS for pair in pairs]
        parts = [(self.tatoeba, sentence_share), (captions, caption_share), (others, 1.0)]
        sentences = [pair for pairs, _ in parts for pair in pairs]
        chosen = taking_turns([(len(pairs), share) for pairs, share in parts], number)
        found = [
            _augmented(sentences, i, random.Random(f"{seed} {number} {i}"), copying) for i in chosen
        ]
        chance = random.Random(f"{seed} {number}")
        return found + [_as_typed(pair, chance) for pair in self.phrases]

    def fingerprints(self) -> dict[str, dict[str, object]]:
        """Rows and hash of each source."""
        sources = {"tatoeba-en-fr": self.tatoeba, **self.more, "words and phrases": self.words}
        return {
            name: sets.fingerprint([f"{english}\t{french}" for english, french in pairs])
            for name, pairs in sources.items()
            if pairs
        }


def translations(material: Material) -> dict[str, set[str]]:
    """The translations of each training text, both in lower case without stops."""
    result: dict[str, set[str]] = {}
    for english, french in material.sentences + material.words:
        result.setdefault(bare(english), set()).add(bare(french))
    return result


def frequent_words(material: Material, count: int) -> dict[str, set[str]]:
    """The most frequent of the words that are a training text of their own, and their translations.

    Words and translations are in lower case without stops.
    """
    pairs = material.sentences + material.words
    counts = Counter(word for english, _ in pairs for word in _tokens(english))
    found = translations(material)
    words = sorted(filter(str.isalpha, found), key=lambda word: (-counts[word], word))[:count]
    return {word: found[word] for word in words}


def phrasebook_entries(material: Material) -> dict[str, set[str]]:
    """Greetings and the entries of phrasebooks, and their translations.

    Both are in lower case without stops.
    """
    found = translations(material)
    return {bare(english): found[bare(english)] for english, _ in material.phrasebook}


def bare(text: str) -> str:
    """The text in lower case without its stop."""
    return _STOP.sub("", text).lower()


def _tokens(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.lower())


def _short(pairs: sets.Pairs) -> list[Pair]:
    """The pairs that the model can read."""
    both = zip(pairs.english, pairs.french, strict=True)
    return [pair for pair in both if max(map(len, pair)) <= LONGEST_SENTENCE]


def _augmented(pairs: list[Pair], index: int, chance: random.Random, copying: Copying) -> Pair:
    """The sentence pair or a variant of it.

    In a variant a name or number is replaced, a date, an address or the like is added, or a
    second pair follows.
    """
    english, french = pairs[index]
    if chance.random() < COPY_SHARE:
        english, french = copying.varied(english, french, chance)
    form = chance.random()
    if form < FRAME_SHARE:
        english, french = copying.framed(english, french, chance)
    elif form < FRAME_SHARE + JOIN_SHARE:
        more = chance.choice(pairs)
        if len(english) + len(more[0]) < LONGEST_SENTENCE:
            english, french = f"{english} {more[0]}", f"{french} {more[1]}"
    return english, french


def _as_typed(pair: Pair, chance: random.Random) -> Pair:
    """A word or phrase in the form in which the predictor reads it.

    The predictor capitalises the first letter and adds a missing full stop, so most are trained
    on in that form; some have another stop or none, or other letters in lower case. A question
    stays one in French when its question mark is missing in English.
    """
    english, french = (text[:1].upper() + text[1:] for text in pair)
    if _QUESTION.search(english):
        return (_QUESTION.sub(".", english) if chance.random() < 0.2 else english), french
    french = _STOP.sub("", french)
    if chance.random() < 0.3:
        english = english[:1] + english[1:].lower()
    form = chance.random()
    if form < 0.8:
        return f"{english}.", f"{french}."
    return (f"{english}!", f"{french} !") if form < 0.9 else (english, french)

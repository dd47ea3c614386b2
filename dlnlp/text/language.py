"""Whether a text looks English, judged by its letters."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from dlnlp.text.checks import MAX_TRANSLATED
from dlnlp.text.words import clean

LANGUAGES = "languages.json"  # in the translator's checkpoint folder
FEWEST = 3  # rarer trigrams are left out
EVIDENCE = 10.0  # nats by which another explanation must be more likely
UNSEEN = 1e-3  # probability of a letter before any text was seen
ADDRESS = re.compile(r"://|www\.|@")


class Trigrams:
    """A letter trigram model with Witten-Bell smoothing (Witten and Bell 1991).

    Digits and punctuation count as spaces, and case is ignored.

    Args:
        counts: How often each trigram occurs.
    """

    def __init__(self, counts: dict[str, int]) -> None:
        self.counts = counts
        # For orders 1 to 3: counts of n-grams, counts of their contexts, and how many different
        # letters follow each context.
        self._tables: list[tuple[Counter[str], Counter[str], Counter[str]]] = []
        for order in (1, 2, 3):
            grams: Counter[str] = Counter()
            for trigram, count in counts.items():
                grams[trigram[-order:]] += count
            contexts: Counter[str] = Counter()
            for gram, count in grams.items():
                contexts[gram[:-1]] += count
            self._tables.append((grams, contexts, Counter(gram[:-1] for gram in grams)))

    @classmethod
    def build(cls, texts: Iterable[str], fewest: int = FEWEST) -> Trigrams:
        """The model of the texts, without trigrams that occur fewer than ``fewest`` times."""
        counts = Counter(trigram for text in texts for trigram in _trigrams(text))
        return cls({key: n for key, n in sorted(counts.items()) if n >= fewest})

    def log_likelihood(self, text: str, order: int = 3) -> float:
        """The log-probability of the text's letters in nats.

        Args:
            order: 3 for trigrams; 1 for the frequency of letters alone.
        """
        return sum(math.log(self._probability(key[-order:])) for key in _trigrams(text))

    def _probability(self, gram: str) -> float:
        lower = self._probability(gram[1:]) if len(gram) > 1 else UNSEEN
        grams, contexts, followers = self._tables[len(gram) - 1]
        seen, kinds = contexts[gram[:-1]], followers[gram[:-1]]
        return (grams[gram] + kinds * lower) / (seen + kinds) if seen else lower


class LanguageCheck:
    """Compares the trigram models of English and French.

    A text does not look English if the French trigram model, or the English unigram model, gives
    it a much higher likelihood than the English trigram model, or if most of its letters do not
    occur in English. The unigram model is more likely for other languages and random letters.
    """

    def __init__(self, english: Trigrams, french: Trigrams) -> None:
        self.english = english
        self.french = french
        self._alphabet = set("".join(english.counts))

    @classmethod
    def build(cls, english: Iterable[str], french: Iterable[str]) -> LanguageCheck:
        """The check learnt from texts in both languages."""
        return cls(Trigrams.build(english), Trigrams.build(french))

    def evidence(self, text: str) -> float:
        """How much more likely the text is in English than otherwise, in nats."""
        others = self.french.log_likelihood(text), self.english.log_likelihood(text, order=1)
        return self.english.log_likelihood(text) - max(others)

    def looks_english(self, text: str) -> bool:
        """False if the text is unlikely to be English. A text without letters is not judged.

        Addresses and, where other words remain, names are left out: capitalised words after the
        first one.
        """
        words = [word for word in clean(text).split() if not ADDRESS.search(word)]
        kept = words[:1] + [word for word in words[1:] if not word.istitle()]
        text = " ".join(kept)[:MAX_TRANSLATED]
        letters = [letter for letter in text.lower() if letter.isalpha()]
        if not letters:
            return True
        known = sum(letter in self._alphabet for letter in letters)
        return known >= len(letters) / 2 and self.evidence(text) > -EVIDENCE

    def dumps(self) -> str:
        """JSON that ``loads`` reads."""
        tables = {"english": self.english.counts, "french": self.french.counts}
        return json.dumps(tables, ensure_ascii=False)

    @classmethod
    def loads(cls, content: str) -> LanguageCheck:
        """The check that ``dumps`` wrote."""
        tables = json.loads(content)
        return cls(Trigrams(tables["english"]), Trigrams(tables["french"]))


def _trigrams(text: str) -> list[str]:
    """The letters' trigrams, with two spaces before the text and one after it."""
    letters = "".join(c if c.isalpha() or c == "'" else " " for c in text.lower().replace("’", "'"))
    padded = f"  {' '.join(letters.split())} "
    return [padded[i : i + 3] for i in range(len(padded) - 2)]


def language_check(folder: Path) -> LanguageCheck | None:
    """The check of a translator's checkpoint folder; None if it has none.

    Raises:
        OSError, ValueError, KeyError: Its file is damaged.
    """
    path = folder / LANGUAGES
    return LanguageCheck.loads(path.read_text(encoding="utf-8")) if path.is_file() else None

"""Sentence pairs with other names, numbers and addresses in them, so that a model copies those.

A tenth of Tatoeba's sentences name "Tom" and hardly any name anybody else: what a translator
learns from them is a word. With other names in his place it learns to spell what it reads.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence

_NAME = re.compile(r"\b[A-Z][a-z]{2,}\b")
_NUMBER = re.compile(r"\d{2,}")
_ARTICLE = re.compile(r"\b(en|la|le|les|au|aux|du|des|l')\s?$", re.IGNORECASE)
_VOWELS = "aeiouy"
COPIED = "0123456789@#:/._-"  # what a copied thing may have beside letters


class Copying:
    """Draws variants of pairs: one thing that both sides share becomes another on both.

    Args:
        pairs: English and French sentences. What is capitalised on both sides, and never
            written small in English, counts as a name.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        words = Counter(w for english, _ in pairs for w in re.findall(r"\b[a-z]+\b", english))
        shared = Counter(
            name
            for english, french in pairs
            for name in set(_NAME.findall(english)) & set(_NAME.findall(french))
        )
        self.names = sorted(name for name in shared if name.lower() not in words)
        self._known = set(self.names)
        self._words = sorted(word for word in words if len(word) >= 4)

    def varied(self, english: str, french: str, chance: random.Random) -> tuple[str, str]:
        """The pair with one name or number replaced on both sides, or as it was."""
        numbers = _NUMBER.findall(english)
        if numbers and sorted(numbers) == sorted(_NUMBER.findall(french)):
            old = chance.choice(numbers)
            return _replaced(english, french, old, self._number(len(old), chance))
        names = self._replaceable(english, french)
        if not names:
            return english, french
        old = chance.choice(names)
        new = self._name(chance)
        if _elides(new) != _elides(old):  # "d'Anna", but "de Tom"
            return english, french
        return _replaced(english, french, old, new)

    def probes(
        self, pairs: Sequence[tuple[str, str]], count: int, seed: int
    ) -> dict[str, list[tuple[str, str]]]:
        """Of each kind, English sentences and what should be found again in their French.

        Sentences that name somebody, with another name, one that is invented, an address or a
        year of four digits in the place of the first name.
        """
        chance = random.Random(seed)
        fitting = [(e, names[0]) for e, f in pairs if (names := self._replaceable(e, f))]
        kinds: dict[str, Callable[[], str]] = {
            "names": lambda: chance.choice(self.names),
            "invented names": lambda: self._invented(chance),
            "addresses": lambda: self._address(chance),
            "numbers": lambda: self._number(4, chance),
        }
        found: dict[str, list[tuple[str, str]]] = {}
        for kind, draw in kinds.items():
            rows = [(*row, draw()) for row in chance.choices(fitting, k=count)] if fitting else []
            found[kind] = [(_replaced(e, "", old, new)[0], new) for e, old, new in rows]
        return found

    def _replaceable(self, english: str, french: str) -> list[str]:
        """The names of the English that French has as they are."""
        return [
            name
            for name in dict.fromkeys(_NAME.findall(english))
            if name in self._known and self._words and _stands_alone(name, french)
        ]

    def _name(self, chance: random.Random) -> str:
        """Another name of the corpus, an invented one, two of them, or an address."""
        drawn = chance.random()
        if drawn < 0.35:
            return chance.choice(self.names)
        if drawn < 0.75:
            return self._invented(chance)
        if drawn < 0.88:
            return f"{self._invented(chance)} {self._invented(chance)}"
        return self._address(chance)

    def _invented(self, chance: random.Random) -> str:
        begin, end = chance.choice(self._words), chance.choice(self._words)
        return (begin[: chance.randint(2, 5)] + end[-chance.randint(2, 4) :]).capitalize()

    def _address(self, chance: random.Random) -> str:
        one, two = chance.choice(self._words), chance.choice(self._words)
        domain = f"{one}.{chance.choice(['com', 'org', 'net', 'fr', 'io', 'co.uk'])}"
        return chance.choice(
            [
                domain,
                f"www.{domain}",
                f"https://{domain}",
                f"https://www.{domain}/{two}",
                f"{two}@{domain}",
                f"@{one}_{two}",
                f"#{one}",
                f"{one}{self._number(2, chance)}",
            ]
        )

    @staticmethod
    def _number(digits: int, chance: random.Random) -> str:
        return str(chance.randrange(10 ** (digits - 1), 10**digits))


def _stands_alone(name: str, french: str) -> bool:
    """Whether the name is in the French once or more, and never behind an article."""
    found = list(re.finditer(rf"\b{name}\b", french))
    return bool(found) and not any(_ARTICLE.search(french[: match.start()]) for match in found)


def _elides(name: str) -> bool:
    return name[0].lower() in _VOWELS + "h"


def _replaced(english: str, french: str, old: str, new: str) -> tuple[str, str]:
    pattern = re.compile(rf"\b{re.escape(old)}\b")
    return pattern.sub(lambda _: new, english), pattern.sub(lambda _: new, french)

"""Sentence pairs with other names, numbers and addresses in them, so that a model copies those.

A tenth of Tatoeba's sentences name "Tom" and hardly any name anybody else: what a translator
learns from them is a word. With other names in his place it learns to spell what it reads.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

_NAME = re.compile(r"\b[A-Z][a-z]{2,}\b")
_NUMBER = re.compile(r"\d{2,}")
_ARTICLE = re.compile(r"\b(en|la|le|les|au|aux|du|des|l')\s?$", re.IGNORECASE)
MAY_ELIDE = "aeiouyh"  # the first letters before which French may drop a vowel
COPIED = "0123456789@#:/._-"  # what a copied thing may have beside letters


class Copying:
    """Draws variants of pairs: one thing that both sides share becomes another on both.

    Args:
        pairs: English and French sentences. What is capitalised on both sides, and never
            written small in English, counts as a name.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        words = {w for english, _ in pairs for w in re.findall(r"\b[a-z]+\b", english)}
        self.names = sorted(
            {
                name
                for english, french in pairs
                for name in set(_NAME.findall(english)) & set(_NAME.findall(french))
                if name.lower() not in words
            }
        )
        self._known = set(self.names)
        self._words = sorted(word for word in words if len(word) >= 4) or ["word"]

    def varied(self, english: str, french: str, chance: random.Random) -> tuple[str, str]:
        """The pair with one name or number replaced on both sides, or as it was."""
        if numbers := _shared_numbers(english, french):
            old = chance.choice(numbers)
            new = self._number(len(old), chance)
        elif names := self._shared_names(english, french):
            old, new = chance.choice(names), self._name(chance)
            if _may_elide(new) != _may_elide(old):  # "d'Anna", but "de Tom"
                return english, french
        else:
            return english, french
        return _replaced(english, old, new), _replaced(french, old, new)

    def probes(
        self, pairs: Sequence[tuple[str, str]], count: int, seed: int
    ) -> dict[str, list[tuple[str, str]]]:
        """Of each kind, English sentences and what should be found again in their French.

        Another name, one that is invented, or an address stands in the place of a name that
        both sides of the pair share, and another number in the place of a number.
        """
        chance = random.Random(seed)
        named = [(e, names[0]) for e, f in pairs if (names := self._shared_names(e, f))]
        numbered = [(e, found[0]) for e, f in pairs if (found := _shared_numbers(e, f))]
        kinds: dict[str, tuple[list[tuple[str, str]], Callable[[str], str]]] = {
            "names": (named, lambda old: chance.choice([n for n in self.names if n != old])),
            "invented names": (named, lambda _: self._invented(chance)),
            "addresses": (named, lambda _: self._address(chance)),
            "numbers": (numbered, lambda old: self._number(len(old), chance)),
        }
        result: dict[str, list[tuple[str, str]]] = {}
        for kind, (fitting, draw) in kinds.items():
            chosen = chance.choices(fitting, k=count) if fitting else []
            drawn = [(english, old, draw(old)) for english, old in chosen]
            result[kind] = [(_replaced(english, old, new), new) for english, old, new in drawn]
        return result

    def _shared_names(self, english: str, french: str) -> list[str]:
        """The names of the English that French has as they are."""
        return [
            name
            for name in dict.fromkeys(_NAME.findall(english))
            if name in self._known and _stands_alone(name, french)
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


def _shared_numbers(english: str, french: str) -> list[str]:
    """All numbers of the English if French has just the same ones."""
    numbers = _NUMBER.findall(english)
    return numbers if sorted(numbers) == sorted(_NUMBER.findall(french)) else []


def _may_elide(name: str) -> bool:
    return name[0].lower() in MAY_ELIDE


def _replaced(text: str, old: str, new: str) -> str:
    """Numbers may touch letters ("20th", "2h30"), names may not."""
    beside = r"\d" if old.isdigit() else r"\w"
    return re.sub(rf"(?<!{beside}){old}(?!{beside})", lambda _: new, text)


def is_copied(thing: str, text: str) -> bool:
    """Whether the thing stands in the text, and not as a part of a longer word."""
    return re.search(rf"(?<!\w){re.escape(thing)}(?!\w)", text) is not None

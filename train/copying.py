"""Sentence pairs with other names, numbers and addresses in them, so that a model copies those.

A tenth of Tatoeba's sentences name "Tom" and hardly any name anybody else: what a translator
learns from them is a word. With other names in his place it learns to spell what it reads.
Digits stand in one sentence of two hundred, and often on one side only, so they are also put
where number words were, and into adverbials and headings that almost any sentence bears.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

_NAME = re.compile(r"\b[A-Z][a-z]{2,}\b")
_NUMBER = re.compile(r"\d{2,}")
_DIGIT = re.compile(r"\d")
_STATEMENT = re.compile(r"[^\W_]{2,}\.$")  # not "...", nor "p.m."
_ARTICLE = re.compile(r"\b(en|la|le|les|au|aux|du|des|l')\s?$", re.IGNORECASE)
_ELIDES = r"(?i:\b(d|qu|jusqu|lorsqu|puisqu|n|s|m|t|j)(?:e |'))"  # what a vowel may shorten
_NUMBER_WORDS = {
    "two": "deux",
    "three": "trois",
    "four": "quatre",
    "five": "cinq",
    "six": "six",
    "seven": "sept",
    "eight": "huit",
    "nine": "neuf",
    "ten": "dix",
    "eleven": "onze",
    "twelve": "douze",
    "thirteen": "treize",
    "fourteen": "quatorze",
    "fifteen": "quinze",
    "sixteen": "seize",
    "seventeen": "dix-sept",
    "eighteen": "dix-huit",
    "nineteen": "dix-neuf",
    "twenty": "vingt",
    "thirty": "trente",
    "forty": "quarante",
    "fifty": "cinquante",
    "sixty": "soixante",
}
_ANY_NUMBER = tuple(
    re.compile(rf"(?<![\w-])(?:{'|'.join(words)}|{more}|\d+)(?![\w-])", re.IGNORECASE)
    for words, more in (
        (_NUMBER_WORDS, "hundreds?|thousands?|[mb]illions?"),
        (_NUMBER_WORDS.values(), "cents?|mille|milliers?|millions?|milliards?"),
    )
)
_MONTHS = {
    "January": "janvier",
    "February": "février",
    "March": "mars",
    "April": "avril",
    "May": "mai",
    "June": "juin",
    "July": "juillet",
    "August": "août",
    "September": "septembre",
    "October": "octobre",
    "November": "novembre",
    "December": "décembre",
}

# English and French with a sentence and something that is copied: "{rest}" is the sentence
# without its stop, "{small}" the sentence with a small first letter, "{whole}" as it was.
_FRAMES = (
    ("{rest} in {year}.", "{rest} en {year}."),
    ("{rest} since {year}.", "{rest} depuis {year}."),
    ("{rest} on {month} {day}, {year}.", "{rest} le {day} {month} {year}."),
    ("{rest} on {month} {day}.", "{rest} le {day} {month}."),
    ("{rest} at {hour}:{minute}.", "{rest} à {hour} h {minute}."),
    ("{rest} at {hour} o'clock.", "{rest} à {hour} heures."),
    ("{rest} {number} times.", "{rest} {number} fois."),
    ("{rest} {number} years ago.", "{rest} il y a {number} ans."),
    ("{rest} for {number} days.", "{rest} pendant {number} jours."),
    ("{rest} in {number} minutes.", "{rest} en {number} minutes."),
    ("{rest} with {number} friends.", "{rest} avec {number} amis."),
    ("{rest} for {number} dollars.", "{rest} pour {number} dollars."),
    ("{rest} for ${number}.", "{rest} pour {number} dollars."),
    ("{rest} for {large} euros.", "{rest} pour {large} euros."),
    ("{rest} for {large} dollars.", "{rest} pour {large} dollars."),
    ("{rest} in room {number}.", "{rest} dans la chambre {number}."),
    ("{rest} on page {number}.", "{rest} à la page {number}."),
    ("{rest} with {name}.", "{rest} avec {name}."),
    ("{rest} thanks to {name}.", "{rest} grâce à {name}."),
    ("{rest} on {address}.", "{rest} sur {address}."),
    ("In {year}, {small}", "En {year}, {small}"),
    ("At {hour}:{minute}, {small}", "À {hour} h {minute}, {small}"),
    ("On {month} {day}, {small}", "Le {day} {month}, {small}"),
    ("For {number} dollars, {small}", "Pour {number} dollars, {small}"),
    ("On page {number}, {small}", "À la page {number}, {small}"),
    ("{number}. {whole}", "{number}. {whole}"),
    ("Chapter {number}: {whole}", "Chapitre {number} : {whole}"),
    ("Room {number}: {whole}", "Chambre {number} : {whole}"),
    ("{name}: {whole}", "{name} : {whole}"),
    ("{address}: {whole}", "{address} : {whole}"),
    ("{whole} See {address}.", "{whole} Voir {address}."),
    ("{whole} Write to {address}.", "{whole} Écrivez à {address}."),
    ("{whole} My address is {address}.", "{whole} Mon adresse est {address}."),
)
_DIGITS = (1, 2, 2, 2, 3, 3, 4)  # of a number, as often as given
COPIED = "0123456789@#:/._-"  # what a copied thing may have beside letters


class Copying:
    """Draws variants of pairs: one thing that both sides share becomes another on both.

    Args:
        pairs: English and French sentences. What is capitalised on both sides, and never
            written small in English, counts as a name.
    """

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        words = {w for english, _ in pairs for w in re.findall(r"\b[a-z]+\b", english)}
        self._small = (
            words - {"i"},
            {w for _, french in pairs for w in re.findall(r"\b[^\W\dA-Z]+\b", french)},
        )
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
        elif words := _shared_number_word(english, french):
            new = self._number(chance.choice(_DIGITS), chance)
            return _replaced(english, words[0], new), _replaced(french, words[1], new)
        elif names := self._shared_names(english, french):
            old, new = chance.choice(names), self._name(chance)
            french = _elided(french, old, new)
        else:
            return english, french
        return _replaced(english, old, new), _replaced(french, old, new)

    def framed(self, english: str, french: str, chance: random.Random) -> tuple[str, str]:
        """The pair with something to copy before or behind it, or as it was.

        Only statements without digits are framed: a question has its own order of words.
        """
        stopped = _STATEMENT.search(english) and _STATEMENT.search(french)
        if not stopped or _DIGIT.search(english + french):
            return english, french
        month = chance.choice(list(_MONTHS))
        large = chance.choice((1, 2, 5, 10, 25)) * chance.randrange(1001, 10**4)
        both = {
            "year": str(chance.randrange(chance.choice((1000, 1900)), 2030)),
            "day": str(chance.randrange(2, 31)),
            "hour": str(chance.randrange(2, 24)),
            "minute": f"{chance.randrange(60):02}",
            "number": self._number(chance.choice(_DIGITS), chance),
            "name": self._name(chance),
            "address": self._address(chance),
        }
        own = (
            {"month": month, "large": f"{large:,}"},
            {"month": _MONTHS[month], "large": f"{large:,}".replace(",", " ")},
        )
        framed = [
            frame.format(
                **both, **values, rest=text[:-1], whole=text, small=_small_first(text, small)
            )
            for frame, text, values, small in zip(
                chance.choice(_FRAMES), (english, french), own, self._small, strict=True
            )
        ]
        return framed[0], framed[1]

    def probes(
        self, pairs: Sequence[tuple[str, str]], count: int, seed: int
    ) -> dict[str, list[tuple[str, str]]]:
        """Of each kind, English sentences and what should be found again in their French.

        Another name, one that is invented, or an address stands in the place of a name that
        both sides of the pair share, and another number in the place of a number or its word.
        """
        chance = random.Random(seed)
        named = [(e, names[0]) for e, f in pairs if (names := self._shared_names(e, f))]
        numbered = [
            (e, found[0])
            for e, f in pairs
            if (found := _shared_numbers(e, f) or _shared_number_word(e, f))
        ]
        kinds: dict[str, tuple[list[tuple[str, str]], Callable[[str], str]]] = {
            "names": (named, lambda old: chance.choice([n for n in self.names if n != old])),
            "invented names": (named, lambda _: self._invented(chance)),
            "addresses": (named, lambda _: self._address(chance)),
            "numbers": (numbered, lambda _: self._number(chance.randint(2, 4), chance)),
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
        return str(chance.randrange(max(2, 10 ** (digits - 1)), 10**digits))


def _stands_alone(name: str, french: str) -> bool:
    """Whether the name is in the French once or more, and never behind an article."""
    found = list(re.finditer(rf"\b{name}\b", french))
    return bool(found) and not any(_ARTICLE.search(french[: match.start()]) for match in found)


def _shared_numbers(english: str, french: str) -> list[str]:
    """All numbers of the English if French has just the same ones."""
    numbers = _NUMBER.findall(english)
    return numbers if sorted(numbers) == sorted(_NUMBER.findall(french)) else []


def _shared_number_word(english: str, french: str) -> tuple[str, str] | None:
    """The only number of the English and that of the French, if these are the same word."""
    one, other = (
        pattern.findall(text) for pattern, text in zip(_ANY_NUMBER, (english, french), strict=True)
    )
    if len(one) == len(other) == 1 and _NUMBER_WORDS.get(one[0].lower()) == other[0].lower():
        return one[0], other[0]
    return None


def _small_first(text: str, known: set[str]) -> str:
    """The text with a small first letter, unless its first word is only known with a capital."""
    first = re.match(r"[^\W\d]+", text)
    return text[0].lower() + text[1:] if first and first.group().lower() in known else text


def _elided(french: str, old: str, new: str) -> str:
    """The French with "de", "que" and the like before the old name as they are before the new.

    "de Tom", but "d'Anna"; before "h" and "y" either may be right, and they stay.
    """
    if new[0].lower() in "hy":
        return french
    ending = "'" if new[0].lower() in "aeiou" else "e "
    return re.sub(rf"{_ELIDES}(?={old}\b)", rf"\g<1>{ending}", french)


def _replaced(text: str, old: str, new: str) -> str:
    """Numbers may touch letters ("20th", "2h30"), names may not."""
    beside = r"\d" if old.isdigit() else r"\w"
    return re.sub(rf"(?<!{beside}){old}(?!{beside})", lambda _: new, text)


def is_copied(thing: str, text: str) -> bool:
    """Whether the thing stands in the text, and not as a part of a longer word."""
    return re.search(rf"(?<!\w){re.escape(thing)}(?!\w)", text) is not None

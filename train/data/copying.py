"""Augmentation that teaches the translator to copy names, numbers and addresses.

A tenth of Tatoeba's sentences mention "Tom" and hardly any mention anybody else, so a translator
memorises that name. With other names in its place it learns to copy what it reads. Only one
sentence in two hundred has digits, often on one side only, so digits also replace number words
and are added in adverbials and headings that fit almost any sentence.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

_NAME = re.compile(r"\b[A-Z][a-z]{2,}\b")
_NUMBER = re.compile(r"\d{2,}")
_DIGIT = re.compile(r"\d")
_STATEMENT = re.compile(r"[^\W_]{2,}\.$")  # not "...", nor "p.m."
_ARTICLE = re.compile(r"\b(en|la|le|les|au|aux|du|des|l')\s?$", re.IGNORECASE)
_ELIDES = r"(?i:\b(d|qu|jusqu|lorsqu|puisqu|n|s|m|t|j)(?:e |'))"  # shortened before a vowel
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

# English and French frames around a sentence: "{rest}" is the sentence without its full stop,
# "{small}" the sentence with a lower-case first letter, "{whole}" the whole sentence.
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
_DIGITS = (1, 2, 2, 2, 3, 3, 4)  # lengths of drawn numbers, by frequency
COPIED = "0123456789@#:/._-"  # characters of copied strings beside letters


class Copying:
    """Draws variants of sentence pairs in which a name or number is replaced on both sides.

    Args:
        pairs: English and French sentences. A word that is capitalised on both sides and never
            in lower case in English counts as a name.
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
        """The pair with one shared name or number replaced, or unchanged if it has none."""
        if numbers := shared_numbers(english, french):
            old = chance.choice(numbers)
            new = self.number(len(old), chance)
        elif words := shared_number_word(english, french):
            new = self.number(chance.choice(_DIGITS), chance)
            return replaced(english, words[0], new), replaced(french, words[1], new)
        elif names := self.shared_names(english, french):
            old, new = chance.choice(names), self.name(chance)
            french = _elided(french, old, new)
        else:
            return english, french
        return replaced(english, old, new), replaced(french, old, new)

    def framed(self, english: str, french: str, chance: random.Random) -> tuple[str, str]:
        """The pair in a frame with something to copy, or unchanged if it does not fit one.

        Only statements without digits fit: a question would need another word order.
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
            "number": self.number(chance.choice(_DIGITS), chance),
            "name": self.name(chance),
            "address": self.address(chance),
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

    def shared_names(self, english: str, french: str) -> list[str]:
        """The names in the English sentence that the French has unchanged."""
        return [
            name
            for name in dict.fromkeys(_NAME.findall(english))
            if name in self._known and _stands_alone(name, french)
        ]

    def name(self, chance: random.Random) -> str:
        """A name of the corpus, an invented one, two invented ones, or an address."""
        drawn = chance.random()
        if drawn < 0.35:
            return chance.choice(self.names)
        if drawn < 0.75:
            return self.invented(chance)
        if drawn < 0.88:
            return f"{self.invented(chance)} {self.invented(chance)}"
        return self.address(chance)

    def invented(self, chance: random.Random) -> str:
        """A name made of the start and the end of two words."""
        begin, end = chance.choice(self._words), chance.choice(self._words)
        return (begin[: chance.randint(2, 5)] + end[-chance.randint(2, 4) :]).capitalize()

    def address(self, chance: random.Random) -> str:
        """A web address, e-mail address, handle, hashtag or user name."""
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
                f"{one}{self.number(2, chance)}",
            ]
        )

    @staticmethod
    def number(digits: int, chance: random.Random) -> str:
        """A number of this many digits."""
        return str(chance.randrange(max(2, 10 ** (digits - 1)), 10**digits))


def _stands_alone(name: str, french: str) -> bool:
    """Whether the French has the name, and never after an article."""
    found = list(re.finditer(rf"\b{name}\b", french))
    return bool(found) and not any(_ARTICLE.search(french[: match.start()]) for match in found)


def shared_numbers(english: str, french: str) -> list[str]:
    """The numbers of the English sentence if the French has exactly the same ones."""
    numbers = _NUMBER.findall(english)
    return numbers if sorted(numbers) == sorted(_NUMBER.findall(french)) else []


def shared_number_word(english: str, french: str) -> tuple[str, str] | None:
    """The number words of both sentences, if each has one number and they are equal."""
    one, other = (
        pattern.findall(text) for pattern, text in zip(_ANY_NUMBER, (english, french), strict=True)
    )
    if len(one) == len(other) == 1 and _NUMBER_WORDS.get(one[0].lower()) == other[0].lower():
        return one[0], other[0]
    return None


def _small_first(text: str, known: set[str]) -> str:
    """The text with a lower-case first letter, if its first word is known in lower case."""
    first = re.match(r"[^\W\d]+", text)
    return text[0].lower() + text[1:] if first and first.group().lower() in known else text


def _elided(french: str, old: str, new: str) -> str:
    """The French with "de", "que" and the like in the form that the new name requires.

    "de Tom", but "d'Anna". Before "h" and "y" both forms may be right, so nothing changes.
    """
    if new[0].lower() in "hy":
        return french
    ending = "'" if new[0].lower() in "aeiou" else "e "
    return re.sub(rf"{_ELIDES}(?={old}\b)", rf"\g<1>{ending}", french)


def replaced(text: str, old: str, new: str) -> str:
    """The text with a name or number replaced; only numbers may touch letters ("20th", "2h30")."""
    beside = r"\d" if old.isdigit() else r"\w"
    return re.sub(rf"(?<!{beside}){old}(?!{beside})", lambda _: new, text)

"""Small training sets of the project's own making, generated from word lists and templates.

The same rows each time. They are generated so that they have no licence but the project's own.
"""

from __future__ import annotations

import itertools
import random

REVIEWS, PAIRS, STORIES = 500, 500, 60

GOOD = [
    "great",
    "wonderful",
    "brilliant",
    "charming",
    "moving",
    "funny",
    "gripping",
    "beautiful",
    "superb",
    "delightful",
    "clever",
    "touching",
    "excellent",
    "thrilling",
    "fresh",
    "warm",
]
BAD = [
    "terrible",
    "awful",
    "boring",
    "dull",
    "weak",
    "silly",
    "slow",
    "clumsy",
    "tedious",
    "lifeless",
    "predictable",
    "pointless",
    "poor",
    "messy",
    "shallow",
    "cold",
]
PARTS = [
    "film",
    "movie",
    "story",
    "plot",
    "acting",
    "music",
    "script",
    "ending",
    "dialogue",
    "cast",
    "opening",
    "photography",
]
PRAISE = ("I loved it", "I would watch it again", "it made my day", "I smiled all evening")
BLAME = ("I hated it", "I left early", "it wasted my time", "I fell asleep")
REVIEW_TEMPLATES = (
    "The {part} was {word}.",
    "The {part} is really {word}.",
    "What a {word} {part}!",
    "The {part} was {word} and {comment}.",
    "I thought the {part} was {word}.",
    "The {part} was not {opposite}, it was {word}.",
    "It looked {opposite} at first, but the {part} was {word}.",
    "A {word} {part}, and {comment}.",
)

# English and French forms for I, you, he, she, we, they.
SUBJECTS = (
    ("I", "je"),
    ("you", "tu"),
    ("he", "il"),
    ("she", "elle"),
    ("we", "nous"),
    ("they", "ils"),
)
VERBS = (
    (("see", "sees"), ("vois", "vois", "voit", "voit", "voyons", "voient")),
    (("love", "loves"), ("aime", "aimes", "aime", "aime", "aimons", "aiment")),
    (("want", "wants"), ("veux", "veux", "veut", "veut", "voulons", "veulent")),
    (("have", "has"), ("ai", "as", "a", "a", "avons", "ont")),
    (("buy", "buys"), ("achète", "achètes", "achète", "achète", "achetons", "achètent")),
    (("sell", "sells"), ("vends", "vends", "vend", "vend", "vendons", "vendent")),
    (("draw", "draws"), ("dessine", "dessines", "dessine", "dessine", "dessinons", "dessinent")),
)
# English, French, and whether it is feminine.
NOUNS = (
    ("cat", "chat", False),
    ("dog", "chien", False),
    ("book", "livre", False),
    ("house", "maison", True),
    ("car", "voiture", True),
    ("flower", "fleur", True),
    ("cake", "gâteau", False),
    ("table", "table", True),
    ("garden", "jardin", False),
    ("letter", "lettre", True),
    ("bird", "oiseau", False),
    ("tree", "arbre", False),
)
# English, French before a masculine and a feminine noun.
ARTICLES = (("the", "le", "la"), ("a", "un", "une"), ("my", "mon", "ma"))
PHRASES = (
    ("hello", "bonjour"),
    ("thanks", "merci"),
    ("Hello!", "Bonjour !"),
    ("Thanks!", "Merci !"),
    ("Good evening!", "Bonsoir !"),
    ("Good night!", "Bonne nuit !"),
    ("Goodbye!", "Au revoir !"),
    ("How are you?", "Comment vas-tu ?"),
    ("See you soon!", "À bientôt !"),
    ("Yes.", "Oui."),
    ("No.", "Non."),
    ("Please.", "S'il te plaît."),
)
PHRASE_COPIES = 4  # each of them is shorter and rarer than the sentences
VOWELS = "aeiouéèâ"

HEROES = ("little fox", "old bear", "young girl", "small bird", "brave mouse", "tired farmer")
PLACES = ("in a quiet forest", "by the sea", "in a small village", "on a high mountain")
WISHES = ("to see the moon", "to find a friend", "to learn to sing", "to cross the river")
HELPERS = ("wise owl", "friendly cat", "kind woman", "slow turtle")
ADVICE = (
    "be patient and try again",
    "follow the path to the lake",
    "ask the wind for help",
    "wait for the first star",
)
ENDINGS = (
    "From that day on, they were the best of friends.",
    "Everyone in the valley heard of it and was glad.",
    "That night the {hero} slept well and dreamed of the stars.",
)
STORY = (
    "Once upon a time there was a {hero} who lived {place}. Every day the {hero} wanted {wish}. "
    "One morning the {hero} met a {helper}. “You must {advice},” said the {helper}. "
    "So the {hero} did what the {helper} had said, and the wish came true. {ending}"
)


def reviews() -> list[tuple[str, ...]]:
    """Reviews with the labels "1" and "0", as many of each."""
    chance, found = random.Random("reviews"), dict[str, str]()
    while len(found) < REVIEWS:
        positive = len(found) % 2 == 0
        words, others = (GOOD, BAD) if positive else (BAD, GOOD)
        text = chance.choice(REVIEW_TEMPLATES).format(
            part=chance.choice(PARTS),
            word=chance.choice(words),
            opposite=chance.choice(others),
            comment=chance.choice(PRAISE if positive else BLAME),
        )
        found.setdefault(text, "1" if positive else "0")
    return [(text, label) for text, label in found.items()]


def pairs() -> list[tuple[str, ...]]:
    """English sentences with their French translations."""
    every = [
        _pair(person, verb, article, noun)
        for person, verb, article, noun in itertools.product(
            range(len(SUBJECTS)), VERBS, ARTICLES, NOUNS
        )
    ]
    phrases = [*PHRASES] * PHRASE_COPIES
    return [*phrases, *random.Random("pairs").sample(every, PAIRS - len(phrases))]


def _pair(
    person: int,
    verb: tuple[tuple[str, str], tuple[str, ...]],
    article: tuple[str, str, str],
    noun: tuple[str, str, bool],
) -> tuple[str, ...]:
    (subject, pronoun), (forms, conjugated) = SUBJECTS[person], verb
    name, word, feminine = noun
    english = f"{subject} {forms[subject in ('he', 'she')]} {article[0]} {name}."
    determiner = article[2 if feminine else 1]
    if determiner in ("le", "la") and word[0] in VOWELS:
        thing = f"l'{word}"
    else:
        thing = f"{determiner} {word}"
    joined = "j'" if pronoun == "je" and conjugated[person][0] in VOWELS else f"{pronoun} "
    french = f"{joined}{conjugated[person]} {thing}."
    return english[0].upper() + english[1:], french[0].upper() + french[1:]


def stories() -> list[tuple[str, ...]]:
    """Short stories."""
    chance = random.Random("stories")
    every = list(itertools.product(HEROES, PLACES, WISHES, HELPERS, ADVICE, ENDINGS))
    found: list[tuple[str, ...]] = []
    for hero, place, wish, helper, advice, ending in chance.sample(every, STORIES):
        text = STORY.format(
            hero=hero, place=place, wish=wish, helper=helper, advice=advice, ending=ending
        )
        found.append((text.format(hero=hero).replace("a old", "an old"),))
    return found

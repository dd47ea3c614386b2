"""Templates and word lists for generated sentences that carry sentiment, or none.

Read from templates.toml. Every fourth sentiment word and the ``cases`` of each capability are
kept for evaluation, and so is a part of the news and idioms. So ``train.data.generated`` and
``train.evaluation.behaviour`` share no sentiment words, news or idioms, and no templates except
those of the invariance tests.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tomllib

SAME, FLIP, NEUTRAL = "same", "flip", "neutral"
SIDES = {True: "positive", False: "negative"}
with Path(__file__).with_name("templates.toml").open("rb") as _stream:
    _FILE = tomllib.load(_stream)
SENTIMENT = {
    name: tuple(word.replace("_", " ") for word in words.split())
    for name, words in _FILE["sentiment"].items()
}
LISTED = {word for words in SENTIMENT.values() for word in words}
WORDS = {
    name: tuple(words.strip().splitlines() if name == "aside" else words.split())
    for name, words in _FILE["words"].items()
}
INVARIANT = _FILE["changed"]["sentences"].strip().splitlines()
PHRASES = {  # by slot, half ("training" or "cases") and polarity
    slot: {
        half: {side: lists[name].strip().splitlines() for side, name in SIDES.items()}
        for half, lists in _FILE[table].items()
    }
    for slot, table in (("news", "news"), ("idiom", "idioms"))
}
LEARNT = {name: words.split() for name, words in _FILE["learnt"].items()}
PAST = {
    "abhor": "abhorred",
    "dread": "dreaded",
    "prefer": "preferred",
    "regret": "regretted",
    "shun": "shunned",
    "worship": "worshipped",
}


@dataclass(frozen=True)
class Capability:
    """Templates that test one skill.

    ``effect`` says what they do to the polarity of their words: the same, a flip, or neutral.
    """

    effect: str
    training: list[str]
    cases: list[str]


CAPABILITIES = {
    entry["name"]: Capability(
        entry["effect"], entry["training"].strip().splitlines(), entry["cases"].strip().splitlines()
    )
    for entry in _FILE["capability"]
}


def target(effect: str, template: str, positive: bool) -> float:
    """P(positive) of a sentence from the template, filled with words of the given polarity."""
    if effect == NEUTRAL:
        return 0.5
    if effect == SAME or "{opp" in template:
        return 0.97 if positive == (effect == SAME) else 0.03
    # A negated negative ("not bad") is weaker than praise; a negated positive is negative.
    return 0.04 if positive else 0.85


class Writer:
    """Fills templates with random words.

    Args:
        chance: The source of randomness.
        held_out: Use the sentiment words kept for evaluation instead of those for training.
        more: Further adjectives, positive (True) and negative (False).
    """

    def __init__(
        self,
        chance: random.Random,
        held_out: bool,
        more: Mapping[bool, Sequence[str]] | None = None,
    ) -> None:
        self.chance = chance

        def known(name: str) -> list[str]:
            kept = [word for i, word in enumerate(SENTIMENT[name]) if (i % 4 == 3) == held_out]
            learnt = () if held_out else LEARNT.get(name, ())
            return kept + [word for word in learnt if word not in LISTED]

        self.adjectives = {True: known("positive"), False: known("negative")}
        self.verbs = {True: known("like"), False: known("hate")}
        self.comparatives = {True: known("better"), False: known("worse")}
        self.superlatives = {True: known("best"), False: known("worst")}
        half = "cases" if held_out else "training"
        self.phrases = {slot: halves[half] for slot, halves in PHRASES.items()}
        for side, words in (more or {}).items():
            had = LISTED.union(*self.adjectives.values())
            self.adjectives[side] += [word for word in words if word not in had]
        if not held_out:  # "more" and "most" go with nearly all long adjectives
            for side, adjectives in self.adjectives.items():
                long = [word for word in adjectives if len(word) >= 7]
                for listed, degree in ((self.comparatives, "more"), (self.superlatives, "most")):
                    # Single words are repeated, otherwise "better" and the like would be rare.
                    listed[side] *= max(1, len(long) // len(listed[side]))
                    listed[side] += [f"{degree} {word}" for word in long]

    def write(self, template: str, positive: bool) -> str:
        """The template with every slot filled by words of the given polarity.

        Of alternatives in parentheses, such as "(is|was)", a random one is chosen.
        """
        pick = self.chance.choice
        template = self._chosen(template)
        # Drawn without replacement, so that no sentence uses one word in two slots.
        adjective = self.chance.sample(self.adjectives[positive], 3)
        two = {
            slot: self.chance.sample(WORDS[slot], 2)
            for slot in ("thing", "name", "place", "group", "job")
        }
        verb = pick(self.verbs[positive])
        slots = {
            "adj": adjective[0],
            "adj2": adjective[1],
            "adj3": adjective[2],
            "opp": pick(self.adjectives[not positive]),
            "verb": verb,
            "pastverb": past_tense(verb),
            "oppverb": pick(self.verbs[not positive]),
            "more": pick(self.comparatives[positive]),
            "most": pick(self.superlatives[positive]),
            **{s: self._chosen(pick(sides[positive])) for s, sides in self.phrases.items()},
            **{slot: words[0] for slot, words in two.items()},
            **{f"{slot}2": words[1] for slot, words in two.items()},
            **{slot: pick(WORDS[slot]) for slot in ("kind", "person", "aside")},
            "number": str(self.chance.randrange(2, 60)),
            "year": str(self.chance.randrange(1950, 2026)),
        }
        return with_articles(template.format(**slots))

    def _chosen(self, text: str) -> str:
        """The text with one of the alternatives in each pair of parentheses."""
        return re.sub(r"\(([^()]*)\)", lambda found: self.chance.choice(found[1].split("|")), text)


def typo(chance: random.Random, text: str) -> str:
    """The text with two neighbouring letters of a word swapped."""
    spots = [
        i for i in range(1, len(text) - 2) if text[i : i + 2].isalpha() and text[i - 1].isalpha()
    ]
    if not spots:
        return text
    i = chance.choice(spots)
    return text[:i] + text[i + 1] + text[i] + text[i + 2 :]


def link(chance: random.Random, text: str) -> str:
    """The text with a handle in front or a link at the end."""
    letters = "".join(chance.choices("abcdefghijkmnopqrstuvwxyz0123456789", k=6))
    return f"@{letters} {text}" if chance.random() < 0.5 else f"{text} https://t.co/{letters}"


def recased(chance: random.Random, text: str) -> str:
    """The text in other capitals or with another mark at the end."""
    bare = text.rstrip(".!")
    return chance.choice([text.upper(), text.lower(), bare, bare + "...", bare + " .", bare + "!"])


def with_articles(text: str) -> str:
    """The text with "a" or "an" as the next word requires."""
    text = re.sub(r"\b([Aa]) (?=[aeiouAEIOU](?!ne\b|ni|ur|se))", r"\1n ", text)
    return re.sub(r"\b([Aa])n (?=[^aeiouAEIOU])", r"\1 ", text)


def past_tense(verb: str) -> str:
    """The past tense of a regular verb or of one in ``PAST``."""
    return PAST.get(verb, verb + ("d" if verb.endswith("e") else "ed"))

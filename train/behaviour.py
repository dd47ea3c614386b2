"""What a sentiment model should do with simple English, as generated sentences.

In the spirit of CheckList (Ribeiro et al. 2020): minimum functionality (what the verdict must
be), invariance (what must not change it) and directional expectation (which way it may move).
Two kinds of sentences come from here, and they share neither a template nor a sentiment word:

- ``cases``: 50 for each capability, with which both sentiment models are checked;
- ``training_rows``: sentences with soft targets that may be trained on.
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import tomllib

from dlnlp.results import Sentiment

CASES = 50
TOLERANCE = 0.1  # a probability may move so far without being said to have changed
SEED = 20

SAME, FLIP, NEUTRAL = "same", "flip", "neutral"
with Path(__file__).with_suffix(".toml").open("rb") as _stream:
    _FILE = tomllib.load(_stream)
SENTIMENT = {name: tuple(words.split()) for name, words in _FILE["sentiment"].items()}
WORDS = {
    name: tuple(words.strip().splitlines() if name == "aside" else words.split())
    for name, words in _FILE["words"].items()
}
INVARIANT = _FILE["changed"]["sentences"].strip().splitlines()
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
    """Sentences of one kind: ``effect`` is what they make of the polarity of their words."""

    effect: str
    training: list[str]
    cases: list[str]


CAPABILITIES = {
    entry["name"]: Capability(
        entry["effect"], entry["training"].strip().splitlines(), entry["cases"].strip().splitlines()
    )
    for entry in _FILE["capability"]
}


class Classifier(Protocol):
    """A sentiment predictor."""

    def classify(self, texts: list[str]) -> list[Sentiment]:
        """Verdicts."""


@dataclass(frozen=True)
class Case:
    """A text, or a text and what became of it, and what is expected.

    ``expected`` is "positive", "negative", "unsure" or "not negative" for one text; for two it
    is "same", "not lower" or "not higher": how the second verdict may differ from the first.
    """

    texts: tuple[str, ...]
    expected: str

    def fails(self, positive: Sequence[float]) -> bool:
        """Whether these probabilities of positive, one per text, are not as expected."""
        verdicts = [Sentiment("", p).verdict for p in positive]
        change = positive[-1] - positive[0]
        if self.expected == "not negative":
            return verdicts[0] == "negative"
        if self.expected == "same":
            return verdicts[0] != verdicts[1] and abs(change) > TOLERANCE
        if self.expected == "not lower":
            return change < -TOLERANCE
        if self.expected == "not higher":
            return change > TOLERANCE
        return verdicts[0] != self.expected


def measure(predictor: Classifier) -> dict[str, float]:
    """The share of cases of each capability that fail, in percent, and their mean."""
    groups = cases()
    flat = [text for group in groups.values() for case in group for text in case.texts]
    found = iter([result.positive for result in predictor.classify(flat)])
    rates = {
        name: 100 * sum(case.fails([next(found) for _ in case.texts]) for case in group) / CASES
        for name, group in groups.items()
    }
    rates["mean"] = sum(rates.values()) / len(rates)
    return {name: round(rate, 1) for name, rate in rates.items()}


def cases() -> dict[str, list[Case]]:
    """Every capability's cases, always the same ones."""
    result: dict[str, list[Case]] = {}
    for name, capability in CAPABILITIES.items():
        writer = Writer(random.Random(f"{SEED} {name}"), held_out=True)
        result[name] = _distinct(functools.partial(_case, writer, capability))
    for name, change in CHANGES.items():
        writer = Writer(random.Random(f"{SEED} {name}"), held_out=True)
        result[name] = _distinct(functools.partial(change, writer))
    return result


def training_rows(
    count: int, seed: int, more: Mapping[bool, Sequence[str]] | None = None
) -> tuple[list[str], list[float]]:
    """So many generated sentences and their soft targets: P(positive) that they deserve.

    Some are written in capitals, without a full stop, with a typo, a handle or a link.

    Args:
        more: Further adjectives, positive (True) and negative; those of the cases are not used.
            Of too few words a model learns that all others are neutral.
    """
    chance = random.Random(f"training {seed}")
    writer = Writer(chance, held_out=False, more=more or {})
    texts, targets = [], []
    invariant = Capability(SAME, INVARIANT, [])
    neutral = CAPABILITIES["neutral sentences"]
    twice = (neutral, CAPABILITIES["sentiment words"])
    for _ in range(count):
        capability = chance.choice([*CAPABILITIES.values(), *twice, invariant])
        positive = chance.random() < 0.5
        template = chance.choice(capability.training)
        text = writer.write(template, positive)
        target = _target(capability.effect, template, positive)
        if capability.effect != NEUTRAL and chance.random() < 0.15:  # changes nothing
            other = writer.write(chance.choice(neutral.training), True)
            text = text if text[-1] in ".!?" else text + "."
            text = f"{text} {other}" if chance.random() < 0.5 else f"{other} {text}"
        texts.append(_scruffy(chance, text))
        targets.append(target)
    return texts, targets


def _target(effect: str, template: str, positive: bool) -> float:
    if effect == NEUTRAL:
        return 0.5
    if effect == SAME or "{opp" in template:
        return 0.97 if positive == (effect == SAME) else 0.03
    # A negated negative ("not bad") is less than praise; the other way it is blame.
    return 0.04 if positive else 0.85


class Writer:
    """Fills templates; the words of the cases and those of training are disjoint where they
    carry sentiment."""

    def __init__(
        self,
        chance: random.Random,
        held_out: bool,
        more: Mapping[bool, Sequence[str]] | None = None,
    ) -> None:
        self.chance = chance

        def kept(name: str) -> list[str]:
            return [word for i, word in enumerate(SENTIMENT[name]) if (i % 4 == 3) == held_out]

        self.adjectives = {True: kept("positive"), False: kept("negative")}
        self.verbs = {True: kept("like"), False: kept("hate")}
        if not held_out:
            self.verbs[True] += LEARNT["like"]
            self.verbs[False] += LEARNT["hate"]
        listed = {word for words in SENTIMENT.values() for word in words}
        for side, words in (more or {}).items():
            self.adjectives[side] += [word for word in words if word not in listed]

    def write(self, template: str, positive: bool) -> str:
        """The template with every slot filled, sentiment in the given polarity."""
        pick = self.chance.choice
        # Distinct draws, so that no sentence says the same word twice in two roles.
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
            "pastverb": _past(verb),
            "oppverb": pick(self.verbs[not positive]),
            **{slot: words[0] for slot, words in two.items()},
            **{f"{slot}2": words[1] for slot, words in two.items()},
            **{slot: pick(WORDS[slot]) for slot in ("kind", "person", "aside")},
            "number": str(self.chance.randrange(2, 60)),
            "year": str(self.chance.randrange(1950, 2026)),
        }
        return _articles(template.format(**slots))


def _case(writer: Writer, capability: Capability) -> Case:
    template = writer.chance.choice(capability.cases)
    positive = writer.chance.random() < 0.5
    target = _target(capability.effect, template, positive)
    text = writer.write(template, positive)
    if target == 0.85:  # it may be praise or not
        return Case((text,), "not negative")
    return Case((text,), "unsure" if target == 0.5 else "positive" if target > 0.5 else "negative")


def _exchanged(writer: Writer, slots: Sequence[str]) -> Case:
    """Invariance: a sentence twice, with other fillers in some of its slots."""
    chance = writer.chance
    fitting = [line for line in INVARIANT if any(f"{{{slot}}}" in line for slot in slots)]
    template = chance.choice(fitting)
    for slot in slots:
        template = template.replace(f"{{{slot}}}", f"<{slot}>")
    first = second = writer.write(template, chance.random() < 0.5)
    for slot in slots:
        pool = {"number": map(str, range(2, 60)), "year": map(str, range(1950, 2026))}
        one, other = chance.sample(list(pool.get(slot) or WORDS[slot.rstrip("2")]), 2)
        first, second = first.replace(f"<{slot}>", one), second.replace(f"<{slot}>", other)
    return Case((first, second), "same")


def _respelled(writer: Writer, change: Callable[[random.Random, str], str]) -> Case:
    """Invariance: a sentence and what a change of its spelling makes of it."""
    chance = writer.chance
    name = chance.choice(["sentiment words", "contrast", "now, not then"])
    text = writer.write(chance.choice(CAPABILITIES[name].cases), chance.random() < 0.5)
    text = writer.write((text if text[-1] in ".!" else text + ".") + " We saw it in {place}.", True)
    return Case((text, change(chance, text)), "same")


def _contracted(writer: Writer) -> Case:
    """Invariance: "it is" and "it's"."""
    text = short = writer.write(writer.chance.choice(LONG), writer.chance.random() < 0.5)
    for long, brief in CONTRACTED.items():
        short = re.sub(rf"\b{long}\b", brief, short)
    return Case((text, short), "same")


LONG = (
    "It is a {adj} {thing}.",
    "I am sure that they are {adj}.",
    "It was not {adj}.",
    "We did not {verb} the {thing}.",
    "That is what I call {adj}.",
    "I do not think it is {adj}.",
    "I could not {verb} it.",
)
CONTRACTED = {
    "It is": "It's", "it is": "it's", "I am": "I'm", "they are": "they're", "That is": "That's",
    "was not": "wasn't", "did not": "didn't", "do not": "don't", "could not": "couldn't",
}  # fmt: skip


def _intensified(writer: Writer) -> Case:
    """Direction: "very" strengthens, "somewhat" does not."""
    chance = writer.chance
    positive, strong = chance.random() < 0.5, chance.random() < 0.5
    template = chance.choice(
        ["The {thing} was @{adj}.", "This is a @{adj} {thing}.", "It was @{adj}."]
    )
    text = writer.write(template, positive)
    word = chance.choice(WORDS["very" if strong else "less"]).replace("_", " ") + " "
    plain, more = (_articles(text.replace("@", added)) for added in ("", word))
    return Case((plain, more), "not lower" if positive == strong else "not higher")


def _added(writer: Writer) -> Case:
    """Direction: praise does not make it worse, nor blame better."""
    chance = writer.chance
    positive = chance.random() < 0.5
    text = writer.write(chance.choice(CAPABILITIES["sentiment words"].cases), chance.random() < 0.5)
    more = writer.write(chance.choice(["You are {adj}.", "I {verb} you.", "So {adj}!"]), positive)
    text = text if text[-1] in ".!" else text + "."
    return Case((text, f"{text} {more}"), "not lower" if positive else "not higher")


def typo(chance: random.Random, text: str) -> str:
    """Two neighbouring letters within a word change places."""
    spots = [
        i for i in range(1, len(text) - 2) if text[i : i + 2].isalpha() and text[i - 1].isalpha()
    ]
    if not spots:
        return text
    i = chance.choice(spots)
    return text[:i] + text[i + 1] + text[i] + text[i + 2 :]


def link(chance: random.Random, text: str) -> str:
    """A handle in front, or a link at the end."""
    letters = "".join(chance.choices("abcdefghijkmnopqrstuvwxyz0123456789", k=6))
    return f"@{letters} {text}" if chance.random() < 0.5 else f"{text} https://t.co/{letters}"


def recased(chance: random.Random, text: str) -> str:
    """Other capitals, or another mark at the end."""
    bare = text.rstrip(".!")
    return chance.choice([text.upper(), text.lower(), bare, bare + "...", bare + " .", bare + "!"])


CHANGES: dict[str, Callable[[Writer], Case]] = {
    "other names": functools.partial(_exchanged, slots=("name", "name2")),
    "other places": functools.partial(_exchanged, slots=("place",)),
    "other numbers": functools.partial(_exchanged, slots=("number", "year")),
    "typos": functools.partial(_respelled, change=typo),
    "handles and links": functools.partial(_respelled, change=link),
    "capitals and punctuation": functools.partial(_respelled, change=recased),
    "contractions": _contracted,
    "intensifiers": _intensified,
    "praise or blame added": _added,
}


def _scruffy(chance: random.Random, text: str) -> str:
    """Now and then as people type."""
    turn = chance.random()
    if turn < 0.05:
        return typo(chance, text)
    if turn < 0.09:
        return link(chance, text)
    if turn < 0.2:
        return recased(chance, text)
    return text


def _articles(text: str) -> str:
    """ "a" before a vowel becomes "an"."""
    text = re.sub(r"\b([Aa]) (?=[aeiouAEIOU](?!ne\b|ni|ur|se))", r"\1n ", text)
    return re.sub(r"\b([Aa])n (?=[^aeiouAEIOU])", r"\1 ", text)


def _past(verb: str) -> str:
    return PAST.get(verb, verb + ("d" if verb.endswith("e") else "ed"))


def _distinct(make: Callable[[], Case]) -> list[Case]:
    """``CASES`` different ones; capabilities without so many fillers would loop for ever."""
    found: dict[tuple[str, ...], Case] = {}
    for _ in range(100 * CASES):
        case = make()
        if len(set(case.texts)) == len(case.texts):
            found.setdefault(case.texts, case)
        if len(found) == CASES:
            return list(found.values())
    raise RuntimeError("the templates give too few different cases")

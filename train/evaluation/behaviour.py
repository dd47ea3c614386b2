"""Behavioural tests of sentiment models with simple sentences.

In the spirit of CheckList (Ribeiro et al. 2020): minimum functionality (what the verdict must
be), invariance (what must not change it) and directional expectation (in which direction it may
move). There are 50 cases per capability. They share no sentiment words with the generated
training sentences, and no templates except those of the invariance tests.
"""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from dlnlp.results import Sentiment
from train.data.templates import (
    CAPABILITIES,
    INVARIANT,
    WORDS,
    Capability,
    Writer,
    link,
    recased,
    target,
    typo,
    with_articles,
)

CASES = 50
TOLERANCE = 0.1  # changes of the probability up to this do not count
SEED = 20


class Classifier(Protocol):
    """A sentiment predictor."""

    def classify(self, texts: list[str]) -> list[Sentiment]:
        """Verdicts."""


@dataclass(frozen=True)
class Case:
    """One text, or a text and a changed version of it, and the expected verdict.

    ``expected`` is "positive", "negative", "unsure" or "not negative" for one text. For two texts
    it is "same", "not lower" or "not higher": how the second verdict may differ from the first.
    """

    texts: tuple[str, ...]
    expected: str

    def fails(self, positive: Sequence[float]) -> bool:
        """Whether these values of P(positive), one per text, violate the expectation."""
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
    """The percentage of failing cases of each capability."""
    groups = cases()
    flat = [text for group in groups.values() for case in group for text in case.texts]
    found = iter([result.positive for result in predictor.classify(flat)])
    return {
        name: 100 * sum(case.fails([next(found) for _ in case.texts]) for case in group) / CASES
        for name, group in groups.items()
    }


def cases() -> dict[str, list[Case]]:
    """The cases of every capability; they are the same on every call."""
    result: dict[str, list[Case]] = {}
    for name, capability in CAPABILITIES.items():
        writer = Writer(random.Random(f"{SEED} {name}"), held_out=True)
        result[name] = _distinct(functools.partial(_case, writer, capability))
    for name, change in CHANGES.items():
        writer = Writer(random.Random(f"{SEED} {name}"), held_out=True)
        result[name] = _distinct(functools.partial(change, writer))
    return result


def _case(writer: Writer, capability: Capability) -> Case:
    template = writer.chance.choice(capability.cases)
    positive = writer.chance.random() < 0.5
    expected = target(capability.effect, template, positive)
    text = writer.write(template, positive)
    if expected == 0.85:  # a negated negative may be positive or neutral
        return Case((text,), "not negative")
    if expected == 0.5:
        return Case((text,), "unsure")
    return Case((text,), "positive" if expected > 0.5 else "negative")


def _exchanged(writer: Writer, slots: Sequence[str]) -> Case:
    """Invariance: the same sentence with other words in some of its neutral slots."""
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
    """Invariance: a sentence and the same sentence in another spelling."""
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
    """Direction: "very" must not weaken a verdict, "somewhat" must not strengthen it."""
    chance = writer.chance
    positive, strong = chance.random() < 0.5, chance.random() < 0.5
    template = chance.choice(
        ["The {thing} was @{adj}.", "This is a @{adj} {thing}.", "It was @{adj}."]
    )
    text = writer.write(template, positive)
    word = chance.choice(WORDS["very" if strong else "less"]).replace("_", " ") + " "
    plain, more = (with_articles(text.replace("@", added)) for added in ("", word))
    return Case((plain, more), "not lower" if positive == strong else "not higher")


def _added(writer: Writer) -> Case:
    """Direction: added praise must not lower the verdict, added blame must not raise it."""
    chance = writer.chance
    positive = chance.random() < 0.5
    text = writer.write(chance.choice(CAPABILITIES["sentiment words"].cases), chance.random() < 0.5)
    more = writer.write(chance.choice(["You are {adj}.", "I {verb} you.", "So {adj}!"]), positive)
    text = text if text[-1] in ".!" else text + "."
    return Case((text, f"{text} {more}"), "not lower" if positive else "not higher")


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


def _distinct(make: Callable[[], Case]) -> list[Case]:
    """``CASES`` different cases.

    Raises:
        RuntimeError: The templates and words of a capability are too few.
    """
    found: dict[tuple[str, ...], Case] = {}
    for _ in range(100 * CASES):
        case = make()
        if len(set(case.texts)) == len(case.texts):
            found.setdefault(case.texts, case)
        if len(found) == CASES:
            return list(found.values())
    raise RuntimeError("the templates give too few different cases")

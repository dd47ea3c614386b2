"""Generated training sentences with soft labels (compare CheckList, Ribeiro et al. 2020)."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from train.data.templates import (
    CAPABILITIES,
    INVARIANT,
    NEUTRAL,
    SAME,
    Capability,
    Writer,
    link,
    recased,
    target,
    typo,
)

# Capabilities that need many examples come twice as often as the others.
TWICE = (
    "sentiment words",
    "litotes",
    "negated comparatives",
    "good and bad news",
    "idioms",
    "mixed feelings",
)


def training_rows(
    count: int, seed: int, more: Mapping[bool, Sequence[str]] | None = None
) -> tuple[list[str], list[float]]:
    """Generated sentences and their soft targets, P(positive).

    Some are in capitals, lack a full stop, or have a typo, a handle or a link.

    Args:
        count: Number of sentences.
        seed: Decides which ones.
        more: Further adjectives, positive (True) and negative (False), except those kept for
            evaluation. With too few words a model learns that all others are neutral.
    """
    chance = random.Random(f"training {seed}")
    writer = Writer(chance, held_out=False, more=more or {})
    texts, targets = [], []
    invariant = Capability(SAME, INVARIANT, [])
    neutral = CAPABILITIES["neutral sentences"]
    twice = [neutral, *(CAPABILITIES[name] for name in TWICE)]
    for _ in range(count):
        capability = chance.choice([*CAPABILITIES.values(), *twice, invariant])
        positive = chance.random() < 0.5
        template = chance.choice(capability.training)
        text = writer.write(template, positive)
        if capability.effect != NEUTRAL and chance.random() < 0.15:  # does not change the target
            other = writer.write(chance.choice(neutral.training), True)
            text = text if text[-1] in ".!?" else text + "."
            text = f"{text} {other}" if chance.random() < 0.5 else f"{other} {text}"
        texts.append(_scruffy(chance, text))
        targets.append(target(capability.effect, template, positive))
    return texts, targets


def _scruffy(chance: random.Random, text: str) -> str:
    """Sometimes with the spelling that people use online."""
    turn = chance.random()
    if turn < 0.15:
        return typo(chance, text)
    if turn < 0.18:
        return link(chance, text)
    if turn < 0.28:
        return recased(chance, text)
    return text

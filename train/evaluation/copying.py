"""Whether a translator copies names, numbers and addresses that it has not seen in training."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

from train.data.copying import Copying, replaced, shared_number_word, shared_numbers


def probes(
    copying: Copying, pairs: Sequence[tuple[str, str]], count: int, seed: int
) -> dict[str, list[tuple[str, str]]]:
    """For each kind, English sentences and the string that their translation must contain.

    Another name, an invented name or an address replaces a name that both sides of the pair
    share; another number replaces a number or number word.

    Args:
        count: Sentences of each kind.
    """
    chance = random.Random(seed)
    named = [(e, names[0]) for e, f in pairs if (names := copying.shared_names(e, f))]
    numbered = [
        (e, found[0])
        for e, f in pairs
        if (found := shared_numbers(e, f) or shared_number_word(e, f))
    ]
    kinds: dict[str, tuple[list[tuple[str, str]], Callable[[str], str]]] = {
        "names": (named, lambda old: chance.choice([n for n in copying.names if n != old])),
        "invented names": (named, lambda _: copying.invented(chance)),
        "addresses": (named, lambda _: copying.address(chance)),
        "numbers": (numbered, lambda _: copying.number(chance.randint(2, 4), chance)),
    }
    result: dict[str, list[tuple[str, str]]] = {}
    for kind, (fitting, draw) in kinds.items():
        chosen = chance.choices(fitting, k=count) if fitting else []
        drawn = [(english, old, draw(old)) for english, old in chosen]
        result[kind] = [(replaced(english, old, new), new) for english, old, new in drawn]
    return result


def is_copied(thing: str, text: str) -> bool:
    """Whether the text contains the thing as a whole word."""
    return re.search(rf"(?<!\w){re.escape(thing)}(?!\w)", text) is not None

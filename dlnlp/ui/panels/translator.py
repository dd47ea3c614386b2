"""The translation model that panels share, with a cache of its translations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from dlnlp.results import Translation
from dlnlp.service import Service
from dlnlp.ui.kit.cache import Cache
from dlnlp.ui.kit.model import Model

MOST_CANDIDATES = 5
MAX_BYTES = 64_000_000
BYTES_PER_CHARACTER = 64  # of the tuples of characters in a Translation, roughly

Found = tuple[Translation, ...]


@dataclass(frozen=True)
class Choice:
    """The translation that a visitor looks at; sessions store only this."""

    text: str
    beam_size: int
    index: int = 0


class Translator(Model):
    """A translation model whose latest results are cached for all visitors."""

    def __init__(self, service: Service, stem: str) -> None:
        super().__init__(service, stem)
        # By predictor, so that a reloaded model starts with an empty cache.
        self._caches: WeakKeyDictionary[Any, Cache[Found]] = WeakKeyDictionary()

    def candidates(self, text: str, beam_size: int) -> Found:
        """The best translations that beam search finds, best first, within the request limits."""

        def search() -> Found:
            found = self.call("candidates", text=text, n=beam_size)
            return tuple(found[:MOST_CANDIDATES])

        cache = self._caches.setdefault(self.predictor, Cache(MAX_BYTES, size))
        return cache.get((text, beam_size), search)

    def translation(self, choice: Choice) -> Translation:
        """The translation that was chosen."""
        return self.candidates(choice.text, choice.beam_size)[choice.index]


def size(found: Found) -> int:
    """The approximate size of translations in bytes."""
    return sum(
        each.attention.nbytes
        + each.log_probs.nbytes
        + BYTES_PER_CHARACTER * (len(each.source) + len(each.target))
        for each in found
    )

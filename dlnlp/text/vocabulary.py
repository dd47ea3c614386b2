"""A closed vocabulary that maps tokens to ids."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence

PAD, UNK, SOS, EOS = "<pad>", "<unk>", "<sos>", "<eos>"
# The vocabulary of the tiny, untrained sentiment models.
TINY_WORDS = "the film movie was is good great bad terrible loved hated not but . !"


class Vocabulary:
    """Ids of the tokens of a closed list; ``<pad>`` is 0 and ``<unk>`` is 1.

    The tutorial also pads with the id of ``<unk>``, so unknown words look like padding.
    """

    def __init__(self, tokens: Sequence[str]) -> None:
        if list(tokens[:2]) != [PAD, UNK] or len(set(tokens)) != len(tokens):
            raise ValueError(f"a vocabulary must start with {PAD}, {UNK} and have no duplicates")
        self.tokens = tuple(tokens)
        self._ids = {token: index for index, token in enumerate(tokens)}

    @classmethod
    def build(
        cls,
        documents: Iterable[Iterable[str]],
        *,
        specials: Sequence[str] = (),
        min_count: int = 1,
        max_size: int | None = None,
    ) -> Vocabulary:
        """The tokens that occur at least ``min_count`` times, most frequent first."""
        counts = Counter(token for document in documents for token in document)
        kept = [t for t, n in sorted(counts.items(), key=lambda x: (-x[1], x[0])) if n >= min_count]
        first = [PAD, UNK, *specials]
        return cls((first + [t for t in kept if t not in set(first)])[:max_size])

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, tokens: Iterable[str]) -> list[int]:
        """The ids of the tokens, with that of ``<unk>`` for unknown ones."""
        return [self._ids.get(token, 1) for token in tokens]

    def decode(self, ids: Iterable[int]) -> list[str]:
        """The tokens of the ids."""
        return [self.tokens[index] for index in ids]

    def dumps(self) -> str:
        """JSON that ``loads`` reads."""
        return json.dumps(self.tokens, ensure_ascii=False)

    @classmethod
    def loads(cls, content: str) -> Vocabulary:
        """The vocabulary that ``dumps`` wrote."""
        return cls(json.loads(content))

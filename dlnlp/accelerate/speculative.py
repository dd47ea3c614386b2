"""Writing token after token, fast: a cache, and a rough copy of the model that reads ahead.

On a CPU one more token costs the reading of all weights from memory, and five more cost hardly
more than that. So a copy of the model in 8 bits, several times as fast, guesses the next tokens;
the model itself then reads all guesses at once, and keeps them up to the first that it would
have chosen otherwise, which it replaces. What is written is what the model alone would write.
(Leviathan et al. 2023; the copy is of the model itself, and shares its cache.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dlnlp.accelerate.packed import EightBitLinear, PackedLinear, can_pack, is_quick_in_eight_bits
from dlnlp.text.byte_level import BEGIN_ID, UNK_ID

if TYPE_CHECKING:
    from dlnlp.models.token_transformer.model import Cache, TransformerModel

READ_AHEAD = 5
# A token's id from its log-probabilities (V,) and its place among the new ones.
Choose = Callable[[np.ndarray, int], int]


class Writer:
    """Chooses token after token from a model's distributions; safe to share between threads.

    It has copies of the weights of the day it was made, where those are on a CPU.
    """

    def __init__(self, model: TransformerModel) -> None:
        packs = can_pack(model.embedding.weight)
        ahead = packs and is_quick_in_eight_bits()
        self.model = model.rebuilt(PackedLinear) if packs else model
        self.draft = model.rebuilt(EightBitLinear) if ahead else None

    @torch.inference_mode()  # which also holds where the generator is resumed elsewhere
    def tokens(self, prompt: list[int], count: int, choose: Choose) -> Iterator[int]:
        """``count`` ids that follow those of the prompt, which fit the context.

        ``choose`` may be asked about a place more than once, and has to answer by what it is
        given alone.
        """
        context = self.model.config.context
        cache = self.model.cache()
        ids, fresh, place = list(prompt), list(prompt), 0
        while place < count:
            if cache.length + len(fresh) > context:
                # The window is full: go on from its later half, positions starting anew.
                ids = [BEGIN_ID, *ids[-context // 2 :]]
                fresh = list(ids)
                cache.length = 0
            guesses = self._guesses(cache, fresh, place, count, choose)
            begin = cache.length
            rows = _log_probs(self.model, [*fresh, *guesses], cache, len(guesses) + 1)
            for row, guess in zip(rows, [*guesses, None], strict=True):
                token = choose(row, place)
                place += 1
                yield token
                ids.append(token)
                begin += len(fresh)
                fresh = [token]
                if token != guess:
                    break
            cache.length = begin

    def _guesses(
        self, cache: Cache, fresh: list[int], place: int, count: int, choose: Choose
    ) -> list[int]:
        """What the draft would write next; what it puts into the cache does not count."""
        begin, guesses = cache.length, list[int]()
        if self.draft is None or len(fresh) > 1:
            return guesses
        room = min(READ_AHEAD, self.model.config.context - begin - 1, count - place - 1)
        for ahead in range(room):
            [row] = _log_probs(self.draft, [guesses[-1] if guesses else fresh[0]], cache, 1)
            guesses.append(choose(row, place + ahead))
        cache.length = begin
        return guesses


def _log_probs(model: TransformerModel, tokens: list[int], cache: Cache, last: int) -> np.ndarray:
    """Log-probabilities (``last``, V) after the last of the tokens, which fill the cache."""
    device = model.embedding.weight.device
    states = model.hidden(torch.tensor([tokens], device=device), cache)
    return predictable(model.logits(states[0, -last:]))


def predictable(logits: Tensor) -> np.ndarray:
    """Log-probabilities (..., V) of logits, of the tokens that may be predicted alone."""
    logits = logits.float()
    logits[..., [UNK_ID, BEGIN_ID]] = -torch.inf
    return torch.log_softmax(logits, dim=-1).cpu().numpy()

"""Fast generation with a key-value cache, packed weights and speculative decoding.

On a CPU most of the time per token is spent reading the weights from memory, so a forward pass
over five tokens takes little longer than over one. An 8-bit copy of the model, several times as
fast, therefore drafts the next tokens. The model then checks all drafted tokens in one forward pass
and accepts them up to the first one that it would have chosen differently, so the result is the
same as without a draft. (Leviathan et al. 2023; here the draft shares the model's cache.)
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dlnlp.accelerate.packed import (
    EightBitLinear,
    PackedLinear,
    can_pack,
    has_fast_int8,
    replace_linear,
)
from dlnlp.models.token_transformer.model import Cache, Choose, TransformerModel

DRAFTED = 5  # tokens drafted at a time


@dataclass(frozen=True)
class Reader:
    """A model and its output layer."""

    model: TransformerModel
    output: Callable[[Tensor], Tensor]

    def logits(self, tokens: list[int], cache: Cache, last: int = 1) -> Tensor:
        """Logits (``last``, V) after each of the last tokens; all tokens are added to the cache."""
        device = self.model.embedding.weight.device
        states = self.model.hidden(torch.tensor([tokens], device=device), cache)
        return self.output(states[0, -last:])


@dataclass(frozen=True)
class Copies:
    """Copies of the model for one state of its weights; ``draft`` is None where it is no faster."""

    weights: tuple[tuple[int, int], ...]
    reader: Reader
    draft: Reader | None


class FastWriter:
    """Generates the same tokens as ``model.generate``, faster; safe to share between threads.

    On a CPU it keeps copies of the weights. Each call of ``generate`` first updates them if the
    model's weights have changed, for example by a training step or ``load_state_dict``. A running
    generation keeps the weights that it started with.
    """

    def __init__(self, model: TransformerModel) -> None:
        self.model = model
        self._lock = threading.Lock()
        self._copies: Copies | None = None

    @torch.inference_mode()  # holds in whichever thread the generator is resumed
    def generate(self, prompt: list[int], count: int, choose: Choose) -> Iterator[int]:
        """Continue a prompt, which must fit the context, by ``count`` token ids.

        ``choose`` may be called several times for a position, so its result must depend only on
        its arguments.
        """
        copies = self.copies()
        reader, context = copies.reader, self.model.config.context
        cache = Cache(reader.model)
        # All ids, those within the model's context, and those that are not in the cache yet.
        ids, window, unread = list(prompt), list(prompt), list(prompt)
        end = len(prompt) + count
        while len(ids) < end:
            if len(window) > context:  # full: keep the first token and the last half
                window = [window[0], *window[-context // 2 :]]
                unread, cache.length = list(window), 0
            room = min(DRAFTED, context - len(window), end - len(ids) - 1)
            drafted = list[int]()
            if copies.draft and len(unread) == 1:
                drafted = _drafted(copies.draft, cache, ids, room, choose)
            rows = reader.logits([*unread, *drafted], cache, len(drafted) + 1)
            for row, guess in zip(rows, [*drafted, None], strict=True):
                token = choose(row, ids)
                ids.append(token)
                window.append(token)
                yield token
                if token != guess:
                    break
            unread, cache.length = [token], len(window) - 1

    def copies(self) -> Copies:
        """The readers for the model's current weights."""
        with self._lock:
            # Read before copying: if weights change meanwhile, they are copied again next time.
            weights = _identity(self.model)
            if self._copies is None or self._copies.weights != weights:
                self._copies = _copied(self.model, weights)
            return self._copies


def _drafted(draft: Reader, cache: Cache, ids: list[int], count: int, choose: Choose) -> list[int]:
    """``count`` tokens that the draft predicts after the ids; the cache length is restored."""
    begin, guesses = cache.length, list(ids)
    for _ in range(count):
        [row] = draft.logits(guesses[-1:], cache)
        guesses.append(choose(row, guesses))
    cache.length = begin
    return guesses[len(ids) :]


def _identity(model: nn.Module) -> tuple[tuple[int, int], ...]:
    """A value that changes whenever a weight is replaced or modified in place.

    PyTorch counts in-place changes in ``_version``, except changes through ``.data`` and changes
    to weights that were created under ``torch.inference_mode``.
    """
    return tuple(
        (weight.data_ptr(), 0 if weight.is_inference() else weight._version)
        for weight in model.parameters()
    )


@torch.inference_mode()
def _copied(model: TransformerModel, weights: tuple[tuple[int, int], ...]) -> Copies:
    """Copies of the model for a CPU; on other devices, the model itself."""
    tied = model.embedding.weight
    if not can_pack(tied):
        return Copies(weights, Reader(model, model.logits), None)
    packed = replace_linear(model, PackedLinear, [model.positions])
    reader = Reader(packed, PackedLinear(tied))
    if not has_fast_int8():
        return Copies(weights, reader, None)
    # The draft may share the embedding: a wrong guess costs time, but changes no result.
    rough = replace_linear(model, EightBitLinear, [model.positions, model.embedding])
    return Copies(weights, reader, Reader(rough, EightBitLinear(tied)))

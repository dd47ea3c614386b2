"""Switch BERT's attention heads off, or patch its hidden states, and classify again.

Shapes: T word pieces, E hidden dimensions, L layers, H heads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from tokenizers import Encoding
from torch import Tensor, nn

from dlnlp.inference.interventions import (
    counterparts,
    head_factors,
    heads_scaled,
    patched,
    read_heads,
    without_each_head,
)
from dlnlp.text.words import words
from dlnlp.views import LOGIT, HeadEffects, Intervention, Patches, sentiment_intervention

if TYPE_CHECKING:
    from transformers import BertForSequenceClassification

MANY_WORDS = 24  # longer texts are patched at every second layer
MOST_PATCHED = 48  # words at the beginning of a text that are patched
Calibrated = Callable[[Tensor], Tensor]  # logits of positive against negative, calibrated


def head_effects(
    model: BertForSequenceClassification, ids: Sequence[int], calibrated: Calibrated
) -> HeadEffects:
    """How much the logit of positive changes without each head."""
    layers, projections, heads = _parts(model)
    states = without_each_head(layers, projections, _embedded(model, ids), heads)
    logits = calibrated(_logits(model, states))  # (1 + L * H,)
    return HeadEffects(LOGIT, (logits[1:] - logits[0]).view(len(layers), heads).cpu().numpy())


def heads_off(
    model: BertForSequenceClassification,
    ids: Sequence[int],
    calibrated: Calibrated,
    off: Sequence[str],
) -> Intervention:
    """The probabilities of both labels with all heads, and without those in ``off``.

    Raises:
        ValueError: A name in ``off`` is no head of the model.
    """
    layers, projections, heads = _parts(model)
    factors = head_factors(read_heads(off, len(layers), heads), len(layers), heads)
    before = calibrated(_logits(model, read(model, ids)[-1:]))
    with heads_scaled(projections, factors):
        after = calibrated(_logits(model, read(model, ids)[-1:]))
    return sentiment_intervention(float(before), float(after))


def patch(
    model: BertForSequenceClassification,
    text: tuple[str, Encoding],
    other: tuple[str, Encoding],
    calibrated: Calibrated,
) -> Patches:
    """How far patches with the other text's states move the logit of positive.

    A place is a word with all its pieces, or a special token.

    Args:
        text: The text in natural spelling, and its encoding.
        other: The other text.
        calibrated: Calibrates logits, as for the text.
    """
    layers, _, _ = _parts(model)
    names, pieces = words_and_pieces(*text)
    others, other_pieces = words_and_pieces(*other)
    found = counterparts(names, others)
    kept = [*range(min(len(names), MOST_PATCHED))]
    pairs = [(i, j) for i in kept if (j := found[i]) is not None]
    places = [(pieces[i], other_pieces[j]) for i, j in pairs]
    theirs = read(model, other[1].ids)
    goal = float(calibrated(_logits(model, theirs[-1:])))
    # Patching a long text at each layer would take more than a second.
    rows = range(0, len(layers) + 1, 1 if len(kept) <= MANY_WORDS else 2)
    states, made = patched(
        layers, _embedded(model, text[1].ids), {layer: theirs[layer] for layer in rows}, places
    )
    values = calibrated(_logits(model, states)).tolist()
    moved = np.zeros((len(rows), len(kept)))
    distance = goal - values[0]
    for (layer, place), value in zip(made, values[1:], strict=True):
        moved[rows.index(layer), pairs[place][0]] = (
            (value - values[0]) / distance if abs(distance) > 1e-6 else 0
        )
    return Patches(
        LOGIT,
        values[0],
        goal,
        tuple(f"layer {layer}" if layer else "embeddings" for layer in rows),
        tuple(names[i] for i in kept),
        tuple(None if (j := found[i]) is None else others[j] for i in kept),
        moved,
        len(kept) < len(names),
    )


def read(model: BertForSequenceClassification, ids: Sequence[int]) -> Tensor:
    """The input (T, E) of the first layer and the output of each layer, stacked (L + 1, T, E)."""
    found = [_embedded(model, ids)]
    for layer in _parts(model)[0]:
        found.append(layer(found[-1]))
    return torch.cat(found)


def words_and_pieces(text: str, encoding: Encoding) -> tuple[list[str], list[list[int]]]:
    """The words of a text between its special tokens, and the places of their word pieces."""
    starts = [start for _, start in words(text)]
    names = [encoding.tokens[0], *(word for word, _ in words(text)), encoding.tokens[-1]]
    pieces: list[list[int]] = [[] for _ in names]
    pieces[0], pieces[-1] = [0], [len(encoding.ids) - 1]
    for place, (start, _) in enumerate(encoding.offsets[1:-1], 1):
        pieces[int(np.searchsorted(starts, start, side="right"))].append(place)
    used = [i for i, each in enumerate(pieces) if each]
    return [names[i] for i in used], [pieces[i] for i in used]


def _parts(
    model: BertForSequenceClassification,
) -> tuple[list[Callable[[Tensor], Tensor]], list[nn.Module], int]:
    """The layers, the output projections of their attention, and the number of heads."""
    layers: Any = model.bert.encoder.layer
    projections = [layer.attention.output.dense for layer in layers]
    return list(layers), projections, int(model.config.num_attention_heads)


def _embedded(model: BertForSequenceClassification, ids: Sequence[int]) -> Tensor:
    """The input (1, T, E) of the first layer."""
    device = model.classifier.weight.device
    states: Tensor = model.bert.embeddings(torch.tensor([list(ids)], device=device))
    return states


def _logits(model: BertForSequenceClassification, states: Tensor) -> Tensor:
    """Logits (N,) of positive against negative, for final states (N, T, E)."""
    pooler: Any = model.bert.pooler
    logits = model.classifier(pooler(states)).float()
    return logits[:, 1] - logits[:, 0]

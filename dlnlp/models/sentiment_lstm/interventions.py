"""Look at the LSTM's gates, hold units at zero, or patch its states, and classify again.

Shapes: T tokens, E embedding dimensions, H hidden units per direction, D directions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dlnlp.inference.deadline import check_deadline
from dlnlp.inference.interventions import counterparts
from dlnlp.models.sentiment_lstm.cells import Change, Steps, run
from dlnlp.models.sentiment_lstm.model import SentimentLSTM
from dlnlp.views import LOGIT, Gates, Intervention, Patches, sentiment_intervention

MOST_PATCHED = 64  # tokens at the beginning of a text that are patched
NAMES = ("forward", "backward")
Calibrated = Callable[[Tensor], Tensor]


class Words(NamedTuple):
    """The tokens of a text and their ids."""

    tokens: tuple[str, ...]
    ids: list[int]


def gates(model: SentimentLSTM, text: Words, leanings: np.ndarray) -> Gates:
    """The gates and states of the last layer at each token."""
    both = layer_steps(model, inputs_of_last_layer(model, text.ids))
    names = ("input_gate", "forget_gate", "output_gate", "cell", "hidden")
    i, f, o, cell, hidden = (
        torch.cat([getattr(each, name)[0] for each in both], -1).cpu().numpy() for name in names
    )
    return Gates(text.tokens, i, f, o, cell, hidden, leanings, model.lstm.hidden_size)


def units_off(
    model: SentimentLSTM, text: Words, names: Sequence[str], calibrated: Calibrated
) -> Intervention:
    """The verdict with all units, and with some units of the last layer held at zero.

    Their hidden states are zero at every token, so they neither reach the next step nor the
    output.

    Args:
        names: The numbers of the units, from 1.

    Raises:
        ValueError: The model has no unit with such a number.
    """
    kept = torch.ones(model.linear.in_features, device=model.linear.weight.device)
    kept[read_units(names, len(kept))] = 0

    def hold(part: Tensor) -> Change:
        return lambda place, hidden, cell: (hidden * part, cell)

    inputs = inputs_of_last_layer(model, text.ids)
    holding = [hold(part) for part in kept.split(model.lstm.hidden_size)]
    before = calibrated(_logits(model, joined(layer_steps(model, inputs))))
    after = calibrated(_logits(model, joined(layer_steps(model, inputs, holding))))
    return sentiment_intervention(float(before), float(after))


def read_units(names: Sequence[str], count: int) -> list[int]:
    """The units, from 0, with these numbers, from 1.

    Raises:
        ValueError: A name is not the number of a unit.
    """
    for name in names:
        if not name.isdecimal() or not 1 <= int(name) <= count:
            raise ValueError(f"{name!r} is not a unit: write a number from 1 to {count}.")
    return [int(name) - 1 for name in names]


def patch(model: SentimentLSTM, text: Words, other: Words, calibrated: Calibrated) -> Patches:
    """How far the verdict moves when the state after one token is that of the other text.

    The hidden and the cell state of one direction of the last layer are replaced; that direction
    then reads on. Only the first ``MOST_PATCHED`` tokens are patched.
    """
    mine, others = (inputs_of_last_layer(model, each.ids) for each in (text, other))
    base, goal = layer_steps(model, mine), layer_steps(model, others)
    start, end = (float(calibrated(_logits(model, joined(each)))) for each in (base, goal))
    count = min(len(text.tokens), MOST_PATCHED)
    found = counterparts(text.tokens, other.tokens)[:count]
    pairs = [(i, j) for i, j in enumerate(found) if j is not None]
    moved = np.zeros((model.directions, count))
    for direction in range(model.directions if pairs else 0):
        check_deadline()
        change = taken_from(goal[direction], pairs)
        rows = mine.expand(len(pairs), -1, -1)
        layer = model.config.num_layers - 1
        steps = run(model.lstm, rows, layer, direction == 1, change)
        directions = [each.hidden.expand(len(pairs), -1, -1) for each in base]
        directions[direction] = steps.hidden
        values = calibrated(_logits(model, torch.cat(directions, -1))).cpu().numpy()
        if abs(end - start) > 1e-6:
            moved[direction, [i for i, _ in pairs]] = (values - start) / (end - start)
    return Patches(
        LOGIT,
        start,
        end,
        NAMES[: model.directions],
        text.tokens[:count],
        tuple(None if j is None else other.tokens[j] for j in found),
        moved,
        count < len(text.tokens),
    )


def taken_from(other: Steps, pairs: Sequence[tuple[int, int]]) -> Change:
    """After the token at i, row n takes the states of the other text after its token at j.

    Args:
        pairs: (i, j) for each row n.
    """

    def change(place: int, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        for row, (i, j) in enumerate(pairs):
            if i == place:
                hidden, cell = hidden.clone(), cell.clone()
                hidden[row], cell[row] = other.hidden[0, j], other.cell[0, j]
        return hidden, cell

    return change


def inputs_of_last_layer(model: SentimentLSTM, ids: Sequence[int]) -> Tensor:
    """The inputs (1, T, I) of the last layer: the embeddings, or the states of the layer before."""
    inputs: Tensor = model.embedding(torch.tensor([list(ids)], device=model.linear.weight.device))
    for layer in range(model.config.num_layers - 1):
        both = [run(model.lstm, inputs, layer, side == 1) for side in range(model.directions)]
        inputs = joined(both)
    return inputs


def layer_steps(
    model: SentimentLSTM, inputs: Tensor, changes: Sequence[Change | None] = (None, None)
) -> list[Steps]:
    """The steps of each direction of the last layer."""
    layer = model.config.num_layers - 1
    return [
        run(model.lstm, inputs, layer, side == 1, changes[side]) for side in range(model.directions)
    ]


def joined(directions: Sequence[Steps]) -> Tensor:
    """The hidden states (N, T, D * H) of all directions."""
    return torch.cat([each.hidden for each in directions], dim=-1)


def _logits(model: SentimentLSTM, states: Tensor) -> Tensor:
    """Logits (N,) of hidden states (N, T, D * H)."""
    return model.linear(model.pooled(states)).squeeze(-1)

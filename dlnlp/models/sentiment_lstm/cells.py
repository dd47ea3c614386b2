"""Run the layers of an LSTM step by step, to see its gates and to change its states.

The same numbers as ``nn.LSTM``, which only returns the hidden states. Shapes: N rows of a batch, T
tokens, I inputs, H hidden units of one direction, D directions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Changes the hidden and cell states (N, H) after the token at a position.
Change = Callable[[int, Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Steps:
    """The gates and states (N, T, H) of one direction of a layer, at and after each token."""

    input_gate: Tensor
    forget_gate: Tensor
    output_gate: Tensor
    cell: Tensor
    hidden: Tensor


def run(
    lstm: nn.LSTM,
    inputs: Tensor,
    layer: int = 0,
    backward: bool = False,
    change: Change | None = None,
) -> Steps:
    """Read the inputs (N, T, I) in one direction of a layer; texts are not padded.

    The cell state is c' = f · c + i · g, and the hidden state o · tanh(c'), with the input gate i,
    the forget gate f, the output gate o and the candidate g (Hochreiter & Schmidhuber 1997; Gers
    et al. 2000).
    """
    suffix = f"l{layer}" + ("_reverse" if backward else "")
    weight, recurrent, bias, recurrent_bias = (
        getattr(lstm, f"{kind}_{suffix}")
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    rows, count, _ = inputs.shape
    from_inputs = F.linear(inputs, weight, bias + recurrent_bias)  # (N, T, 4H)
    hidden = cell = inputs.new_zeros(rows, lstm.hidden_size)
    steps: list[tuple[Tensor, ...]] = []
    for place in reversed(range(count)) if backward else range(count):
        raw = from_inputs[:, place] + F.linear(hidden, recurrent)
        i, f, g, o = raw.chunk(4, dim=-1)
        i, f, g, o = i.sigmoid(), f.sigmoid(), g.tanh(), o.sigmoid()
        cell = f * cell + i * g
        hidden = o * cell.tanh()
        if change is not None:
            hidden, cell = change(place, hidden, cell)
        steps.append((i, f, o, cell, hidden))
    if backward:
        steps.reverse()
    return Steps(*(torch.stack(each, dim=1) for each in zip(*steps, strict=True)))

"""Batched beam search, a pure function over a model's step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

State = tuple[Tensor, ...]
Step = Callable[[Tensor, State], tuple[Tensor, Tensor, State]]


@dataclass(frozen=True)
class Hypothesis:
    """A finished output of N tokens, the end symbol left out.

    ``score`` sums the log-probabilities in nats, the end included; ``log_probs`` (N,) and
    ``attention`` (N, S) are on the CPU.
    """

    tokens: tuple[int, ...]
    score: float
    log_probs: Tensor
    attention: Tensor


@torch.inference_mode()
def beam_search(
    step: Step, state: State, *, limits: Sequence[int], beam_size: int, start: int, end: int
) -> list[list[Hypothesis]]:
    """The ``beam_size`` best outputs of each of B inputs, best first; 1 is greedy search.

    All K beams of all inputs advance as one batch of B * K rows, row b * K + k being beam k
    of input b. Outputs are ranked by log-probability over length, see ``normalised``, and an
    input is done with K of them.

    Args:
        step: Takes tokens (B * K,) and a state, gives log-probabilities (B * K, V), attention
            (B * K, S) and the next state.
        state: The first state: tensors with the B * K rows in dimension 1.
        limits: The most tokens to write for each input; then only the end may follow.
    """
    count, width = len(limits), beam_size
    device = state[0].device
    tokens = torch.full((count * width,), start, device=device)
    # All beams of an input start alike, so only the first may propose.
    scores = torch.full((count, width), -torch.inf, device=device)
    scores[:, 0] = 0.0
    rows = torch.arange(count, device=device).unsqueeze(1) * width  # (B, 1)
    finished: list[list[tuple[float, float, int, int]]] = [[] for _ in limits]
    history: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    bounds = torch.tensor(list(limits), device=device).view(-1, 1, 1)

    for length in range(max(limits, default=-1) + 1):
        log_probs, attention, state = step(tokens, state)
        logp = log_probs.view(count, width, -1)  # (B, K, V)
        over = torch.arange(logp.shape[-1], device=device) != end
        logp = logp.masked_fill((length >= bounds) & over, -torch.inf)
        total = (scores.unsqueeze(-1) + logp).flatten(1)  # (B, K * V)
        # At most K of the 2K best are ends, so K beams always remain to go on with.
        best, flat = total.topk(2 * width, dim=1)
        beam, token = flat // logp.shape[-1], flat % logp.shape[-1]
        is_end = token == end
        for b, column in (is_end[:, :width] & best[:, :width].isfinite()).nonzero().tolist():
            if len(finished[b]) < width:
                score = float(best[b, column])
                row = b * width + int(beam[b, column])
                finished[b].append((normalised(score, length), score, length, row))
        if all(len(outputs) == width for outputs in finished):
            break
        going = is_end.int().argsort(dim=1, stable=True)[:, :width]  # the best that are no ends
        scores = best.gather(1, going)
        tokens = token.gather(1, going).flatten()
        parents = (beam.gather(1, going) + rows).flatten()
        picked = logp.flatten(1).gather(1, flat.gather(1, going)).flatten()
        history.append((parents.cpu(), tokens.cpu(), picked.cpu(), attention.cpu()))
        state = tuple(tensor[:, parents] for tensor in state)
        if not scores.isfinite().any():
            break
    return [
        [_trace(history, row, size, score) for _, score, size, row in sorted(outputs)[::-1]]
        for outputs in finished
    ]


def normalised(score: float, length: int) -> float:
    """A score by which outputs of any length compare (Wu et al. 2016, eq. 14, alpha = 1).

    ``length`` counts the tokens without the end symbol. Five are added, so that an output of
    few characters is not outdone by a longer guess.
    """
    return score / ((5 + length + 1) / 6)


def _trace(
    history: list[tuple[Tensor, Tensor, Tensor, Tensor]], row: int, size: int, score: float
) -> Hypothesis:
    """The output of ``size`` tokens whose last one is in ``row``, read backwards."""
    tokens, log_probs, attentions = [], [], []
    for parents, chosen, picked, attention in reversed(history[:size]):
        tokens.append(int(chosen[row]))
        log_probs.append(picked[row])
        row = int(parents[row])
        attentions.append(attention[row])
    if not tokens:
        return Hypothesis((), score, torch.zeros(0), torch.zeros(0, 0))
    return Hypothesis(
        tuple(tokens[::-1]), score, torch.stack(log_probs[::-1]), torch.stack(attentions[::-1])
    )

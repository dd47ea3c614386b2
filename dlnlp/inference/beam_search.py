"""Batched beam search for any model that predicts one token at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dlnlp.inference.deadline import check_deadline

State = tuple[Tensor, ...]
Step = Callable[[Tensor, State], tuple[Tensor, Tensor, State]]


@dataclass(frozen=True)
class Hypothesis:
    """A finished output of N tokens, without the end symbol.

    ``score`` is the sum of the log-probabilities in nats, including that of the end symbol, and
    ``rate`` is the score after ``normalised``, which ranks the outputs. ``log_probs`` (N,)
    and ``attention`` (N, S) are on the CPU.
    """

    tokens: tuple[int, ...]
    score: float
    rate: float
    log_probs: Tensor
    attention: Tensor


@torch.inference_mode()
def beam_search(
    step: Step,
    state: State,
    limits: Sequence[int],
    alphas: Sequence[float] | None = None,
    *,
    beam_size: int,
    start: int,
    end: int,
) -> list[list[Hypothesis]]:
    """The best ``beam_size`` outputs for each of B inputs, best first; size 1 is greedy search.

    The K beams of all inputs advance as one batch: row b * K + k is beam k of input b. Outputs are
    ranked by ``normalised``. The search for an input ends when it has K finished outputs and the
    best of them is ahead of its best unfinished one.

    Args:
        step: Takes tokens (B * K,) and a state, returns log-probabilities (B * K, V), attention
            (B * K, S) and the next state.
        state: The initial state: tensors with B * K rows in dimension 1.
        limits: The maximum number of tokens for each input; only the end symbol may
            follow.
        alphas: The length penalty for each input; 1 by default.

    Raises:
        DeadlineExceeded: The deadline has passed; it is checked before each step.
    """
    count, width, device = len(limits), beam_size, state[0].device
    alphas = [1.0] * count if alphas is None else alphas
    tokens = torch.full((count * width,), start, device=device)
    scores = _first_scores(count, width, device)
    rows = torch.arange(count, device=device).unsqueeze(1) * width  # (B, 1)
    finished: list[list[tuple[float, float, int, int]]] = [[] for _ in limits]
    done = [False] * count
    history: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    bounds = torch.tensor(list(limits), device=device)

    for length in range(max(limits, default=-1) + 1):
        check_deadline()
        log_probs, attention, state = step(tokens, state)
        logp = _only_end(log_probs.view(count, width, -1), bounds <= length, end)  # (B, K, V)
        total = (scores.unsqueeze(-1) + logp).flatten(1)  # (B, K * V)
        # At most K of the best 2K are ends, so K beams always remain.
        best, flat = total.topk(2 * width, dim=1)
        beam, token = flat // logp.shape[-1], flat % logp.shape[-1]
        is_end = token == end
        going = is_end.int().argsort(dim=1, stable=True)[:, :width]  # the K best unfinished ones
        scores = best.gather(1, going)
        ends = best, beam + rows, is_end
        _collect(finished, done, *ends, scores[:, 0].tolist(), length, alphas)
        if all(done):
            break
        tokens = token.gather(1, going).flatten()
        parents = (beam.gather(1, going) + rows).flatten()
        picked = logp.flatten(1).gather(1, flat.gather(1, going)).flatten()
        history.append((parents.cpu(), tokens.cpu(), picked.cpu(), attention.cpu()))
        state = tuple(tensor[:, parents] for tensor in state)
        if not scores.isfinite().any():
            break
    return [[_trace(history, *output) for output in outputs] for outputs in finished]


def _first_scores(count: int, width: int, device: torch.device) -> Tensor:
    """The scores (B, K) before the first step.

    All beams of an input start out equal, so only the first one is extended at first.
    """
    scores = torch.full((count, width), -torch.inf, device=device)
    scores[:, 0] = 0.0
    return scores


def _collect(
    finished: list[list[tuple[float, float, int, int]]],
    done: list[bool],
    best: Tensor,
    rows: Tensor,
    is_end: Tensor,
    ahead: Sequence[float],
    length: int,
    alphas: Sequence[float],
) -> None:
    """Add the outputs of ``length`` tokens that ended, keep the K best, and update ``done``.

    ``best``, ``rows`` and ``is_end`` are (B, 2K): scores, the rows that they extend, and whether
    they extend them by the end symbol. Only the first K of them count. ``ahead`` are the scores of
    the best unfinished outputs.
    """
    width = best.shape[1] // 2
    for b, column in (is_end[:, :width] & best[:, :width].isfinite()).nonzero().tolist():
        if not done[b]:
            score, row = float(best[b, column]), int(rows[b, column])
            finished[b].append((normalised(score, length, alphas[b]), score, length, row))
            finished[b] = sorted(finished[b], reverse=True)[:width]
    for b, score in enumerate(ahead):
        done[b] |= _is_done(finished[b], width, normalised(score, length, alphas[b]))


def _is_done(outputs: list[tuple[float, float, int, int]], width: int, ahead: float) -> bool:
    """Whether there are K outputs, and none of the unfinished ones is ahead of the best.

    Without the second condition, K unlikely but short outputs would end the search.

    Args:
        outputs: The finished outputs, best first.
        ahead: The rate of the best unfinished output.
    """
    return len(outputs) == width and outputs[0][0] >= ahead


def _only_end(log_probs: Tensor, full: Tensor, end: int) -> Tensor:
    """Log-probabilities (B, K, V) in which full inputs (B,) can only be ended."""
    others = torch.arange(log_probs.shape[-1], device=log_probs.device) != end
    return log_probs.masked_fill(full.view(-1, 1, 1) & others, -torch.inf)


def normalised(score: float, length: int, alpha: float = 1.0) -> float:
    """The score with a length penalty, to rank outputs of any length (Wu et al. 2016, eq. 14).

    Args:
        score: The summed log-probability.
        length: The number of tokens, without the end symbol.
        alpha: 0 returns the sum itself, 1 divides it by the length plus 6, up to a constant.
    """
    return score / ((5 + length + 1) / 6) ** alpha


def _trace(
    history: list[tuple[Tensor, Tensor, Tensor, Tensor]],
    rate: float,
    score: float,
    size: int,
    row: int,
) -> Hypothesis:
    """The output of ``size`` tokens that ends in ``row``, traced back to its start."""
    tokens, log_probs, attentions = [], [], []
    for parents, chosen, picked, attention in reversed(history[:size]):
        tokens.append(int(chosen[row]))
        log_probs.append(picked[row])
        row = int(parents[row])
        attentions.append(attention[row])
    if not tokens:
        return Hypothesis((), score, rate, torch.zeros(0), torch.zeros(0, 0))
    log_prob, attention = torch.stack(log_probs[::-1]), torch.stack(attentions[::-1])
    return Hypothesis(tuple(tokens[::-1]), score, rate, log_prob, attention)

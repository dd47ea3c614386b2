"""The training loop: forward, backward, clipping and optimizer step of one batch at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

Batch = TypeVar("Batch")
CLIP = 1.0  # the largest norm of the gradients
PEAK = "peak"  # the entry of a parameter group with its highest learning rate


@dataclass(frozen=True)
class Step:
    """A step that was made.

    Args:
        done: The number of steps so far, including this one.
        progress: The share of the run that is done, from 0 to 1.
        loss: The loss of the step's batch, a scalar without gradients.
        factor: The learning rate as a share of its peak.
    """

    done: int
    progress: float
    loss: Tensor
    factor: float


def steps(
    model: nn.Module,
    optimizers: Sequence[torch.optim.Optimizer],
    batches: Iterator[Batch],
    loss_of: Callable[[Batch], Tensor],
    factor_of: Callable[[int, float], float],
    progress_of: Callable[[int], float],
    done: int = 0,
) -> Iterator[Step]:
    """Train on one batch per item, until the progress is 1; at least one step of a new run.

    Between two items, the caller may do anything: evaluate, save, pause or stop.

    Args:
        optimizers: Their groups have the entry ``peak`` (see ``groups``).
        batches: Without end.
        loss_of: The loss of a batch, a scalar.
        factor_of: The share of the peak learning rates, by the steps so far and the progress.
        progress_of: The share of the run that is done, by the steps so far.
        done: The number of steps that the run has made before.
    """
    progress = progress_of(done)
    while progress < 1 or done == 0:
        batch = next(batches)
        factor = factor_of(done, progress)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = group[PEAK] * factor
        model.train()
        loss = loss_of(batch)
        for optimizer in optimizers:
            optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        for optimizer in optimizers:
            optimizer.step()
        done += 1
        progress = progress_of(done)
        yield Step(done, progress, loss.detach(), factor)


def groups(parameters: Any, rate: float) -> list[dict[str, Any]]:
    """One parameter group with its peak learning rate, for an optimizer."""
    return [{"params": list(parameters), "lr": rate, PEAK: rate}]


def cosine(progress: float) -> float:
    """The learning rate's factor after warm-up: half a cosine from 1 to 0.

    transformers' ``get_cosine_schedule_with_warmup`` counts steps; this one also serves runs with
    ``--minutes``.
    """
    return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))

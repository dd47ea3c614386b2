"""One training run of the page: trains a chapter's model on rows, evaluates it and saves it."""

from __future__ import annotations

import copy
import importlib
import itertools
import math
import platform
import random
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from dlnlp import catalog, checkpoint
from dlnlp.training.loop import Step, cosine, groups, steps
from dlnlp.training.progress import EARLY, FINISHED, Histogram, Rows, Settings, split
from dlnlp.training.task import Task

WARMUP = 20  # steps, or a tenth of a shorter run
BINS = 30
MOST_HISTOGRAMS = 6
CARD = """# {title}, trained on {rows} rows

Trained on the page of dlnlp in {seconds:.1f} s and {steps:,} steps. training.json holds the
settings. To use it:

```python
import dlnlp

dlnlp.load("./path/of/this/folder").{call}
```
"""
CALLS = {
    "classify": 'classify(["I loved the movie"])',
    "translate": 'translate(["hello"])',
    "next_tokens": 'next_tokens("Once upon a time")',
}


class Diverged(ValueError):
    """The loss is not a finite number."""


class Learner:
    """Trains a model step by step.

    Attributes:
        losses: The loss of each step so far.
        held_out: (step, loss, accuracy) of each evaluation so far, at the end of each epoch.
        end: Why the training has ended, or "" before.
    """

    def __init__(self, stem: str, rows: Rows, settings: Settings, base: Any = None) -> None:
        """Build the model.

        Args:
            base: The trained predictor to start from, if the chapter and the settings need one.
        """
        torch.manual_seed(settings.seed)
        self.stem, self.rows, self.settings = stem, rows, settings
        module = importlib.import_module(f"dlnlp.training.{stem}")
        self.task: Task = module.build(settings, rows, base)
        self.training, self.held = split(rows.rows, settings.seed)
        self.per_epoch = -(-len(self.training) // self.task.batch_size)
        self.total = self.per_epoch * settings.epochs
        self.losses: list[float] = []
        self.held_out: list[tuple[int, float, float]] = []
        self.end = ""
        self._best: tuple[tuple[int, float, float], dict[str, Any]] | None = None

    def steps(self) -> Iterator[Step]:
        """Make one step per item; evaluates at the end of each epoch.

        Raises:
            Diverged: The loss is not a finite number.
        """
        rate, warmup = self.settings.learning_rate, min(WARMUP, self.total // 10 + 1)
        trained = [each for each in self.task.model.parameters() if each.requires_grad]
        for step in steps(
            self.task.model,
            [torch.optim.Adam(groups(trained, rate))],
            self._batches(),
            self.task.loss,
            lambda done, progress: min((done + 1) / warmup, cosine(progress)),
            lambda done: done / self.total,
        ):
            loss = step.loss.item()
            if not math.isfinite(loss):
                raise Diverged(
                    f"The loss is no longer a number after step {step.done}: choose a lower "
                    "learning rate."
                )
            self.losses.append(loss)
            if step.done % self.per_epoch == 0 and self.held:
                self._evaluate(step.done)
            yield step
            if self._is_early():
                self.end = EARLY
                return
        self.end = FINISHED

    def _batches(self) -> Iterator[list[Any]]:
        """The examples of each batch, in another order in each epoch."""
        size = self.task.batch_size
        for epoch in itertools.count():
            chance = random.Random(f"{self.settings.seed} {epoch}")
            order = chance.sample(self.training, len(self.training))
            for start in range(0, len(order), size):
                yield [self.task.examples[i] for i in order[start : start + size]]

    def _evaluate(self, step: int) -> None:
        loss, accuracy = self.task.evaluate([self.task.examples[i] for i in self.held])
        self.held_out.append((step, loss, accuracy))
        if self.settings.patience and (self._best is None or loss < self._best[0][1]):
            self._best = self.held_out[-1], copy.deepcopy(self.task.model.state_dict())

    def _is_early(self) -> bool:
        """Whether the held-out loss has not become lower for too long."""
        patience, losses = self.settings.patience, [loss for _, loss, _ in self.held_out]
        return bool(patience) and len(losses) > patience and min(losses) < min(losses[-patience:])

    def finish(self) -> None:
        """With early stopping, return to the weights with the lowest held-out loss."""
        if self._best:
            self.task.model.load_state_dict(self._best[1])

    @torch.inference_mode()
    def histograms(self) -> tuple[Histogram, ...]:
        """Those of the largest trained matrices, in the model's order."""
        every = self.task.model.named_parameters()
        named = [(name, each) for name, each in every if each.requires_grad and each.ndim > 1]
        largest = sorted(named, key=lambda each: -each[1].numel())[:MOST_HISTOGRAMS]
        kept = {name for name, _ in largest}
        found = []
        for name, weights in named:
            if name in kept:
                low, high = float(weights.min()), float(weights.max())
                counts = torch.histc(weights.float(), BINS, low, high).int().tolist()
                found.append(Histogram(name, low, high, tuple(counts)))
        return tuple(found)

    def save(self, folder: Path, seconds: float) -> None:
        """Write the checkpoint folder, which ``dlnlp.load`` opens.

        Args:
            seconds: The time spent training.

        Raises:
            ValueError: A weight is not finite as float16.
        """
        metrics: dict[str, Any] = {"loss": self.losses[-1]} if self.losses else {}
        if self.held_out:  # those of the weights that ``finish`` left
            found = self._best[0] if self._best else self.held_out[-1]
            _, metrics["held_out_loss"], metrics["held_out_accuracy"] = found
        training = {
            checkpoint.STEM: self.stem,
            "metrics": {name: round(value, 4) for name, value in metrics.items()},
            "parameters": sum(p.numel() for p in self.task.model.parameters()),
            "data": {**self.rows.fingerprint(), "held_out": len(self.held)},
            "settings": asdict(self.settings),
            "steps": len(self.losses),
            "device": "1 CPU thread",
            "training_seconds": round(seconds, 1),
            "versions": {"python": platform.python_version(), "torch": torch.__version__},
        }
        self.task.save(folder, self.task.predictor, training)
        entry = catalog.record(self.stem)
        card = CARD.format(
            title=entry.title,
            rows=len(self.rows),
            seconds=seconds,
            steps=len(self.losses),
            call=next(call for verb, call in CALLS.items() if entry.can(verb)),
        )
        (folder / checkpoint.CARD).write_text(card, encoding="utf-8")

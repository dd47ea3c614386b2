"""Classify many texts with all sentiment models, and measure how well they agree and do."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from dlnlp import catalog
from dlnlp.compare.files import MAX_ROWS
from dlnlp.compare.models import MODELS
from dlnlp.results import Sentiment
from dlnlp.service import Service, readable

CHUNK = 32  # texts that one model reads before the next model and the next report of progress
QUEUE = "_file"  # of these requests, so that a single text need not wait for a file
BINS = 10  # of the reliability diagram


@dataclass
class Batch:
    """The verdicts on N texts; while it runs, on the first ``done`` of them.

    ``positive`` holds the probabilities of positive (N,) by stem, ``seconds`` the time that each
    model took.
    """

    texts: Sequence[str]
    labels: Sequence[bool | None] | None = None
    positive: dict[str, list[float]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    done: int = 0

    @property
    def seconds_left(self) -> float:
        """The expected time until the end."""
        passed = sum(self.seconds.values())
        return passed * (len(self.texts) - self.done) / max(1, self.done)

    def verdicts(self, stem: str) -> list[str]:
        """A model's verdicts: positive, negative or unsure."""
        return [Sentiment("", p).verdict for p in self.positive[stem]]

    def table(self) -> pd.DataFrame:
        """Every text with its label and the models' verdicts; disagreements come first."""
        columns: dict[str, object] = {"row": range(1, self.done + 1), "text": self.texts}
        if self.labels is not None:
            named = {True: "positive", False: "negative", None: ""}
            columns["label"] = [named[label] for label in self.labels]
        sides = [np.array(found) >= 0.5 for found in self.positive.values()]
        columns["agree"] = [
            "yes" if len(set(row)) == 1 else "no" for row in zip(*sides, strict=True)
        ]
        if self.labels is not None:
            columns["right"] = self.right()
        for stem in self.positive:
            title = catalog.record(stem).title
            columns[title] = self.verdicts(stem)
            columns[f"{title}, P(positive)"] = np.round(self.positive[stem], 4)
        return pd.DataFrame(columns).sort_values("agree", kind="stable", ignore_index=True)

    def right(self) -> list[str]:
        """Which models have the right label for each text: "all", "none" or their titles."""
        hits = {
            catalog.record(stem).title: (np.array(found) >= 0.5)
            for stem, found in self.positive.items()
        }
        result = []
        for row, label in enumerate(self.labels or ()):
            if label is None:
                result.append("")
                continue
            names = [title for title, found in hits.items() if bool(found[row]) == label]
            every = {0: "none", len(hits): "all"}
            result.append(every.get(len(names)) or "only " + " and ".join(names))
        return result


def run(
    service: Service, texts: Sequence[str], labels: Sequence[bool | None] | None = None
) -> Iterator[Batch]:
    """Classify all texts, and yield the growing result after each chunk.

    Raises:
        CheckpointError: A model can't be loaded.
        ValueError: There are no texts, or more than ``MAX_ROWS``.
    """
    if not 0 < len(texts) <= MAX_ROWS:
        raise ValueError(f"Between 1 and {MAX_ROWS:,} texts can be compared, not {len(texts):,}.")
    texts = [readable(text)[0] for text in texts]
    batch = Batch(texts, labels, {stem: [] for stem in MODELS}, dict.fromkeys(MODELS, 0.0))
    for start in range(0, len(texts), CHUNK):
        chunk = texts[start : start + CHUNK]
        for stem in MODELS:
            positive, seconds = service.run(stem, functools.partial(timed, chunk), QUEUE)
            batch.positive[stem] += positive
            batch.seconds[stem] += seconds
        batch.done = start + len(chunk)
        yield batch


def timed(texts: list[str], predictor: Any) -> tuple[list[float], float]:
    """The probabilities of positive, and the seconds that they took."""
    begin = time.perf_counter()
    found = [each.positive for each in predictor.classify(texts)]
    return found, time.perf_counter() - begin


@dataclass(frozen=True)
class Agreement:
    """How often two models have the same label, and Cohen's kappa."""

    models: tuple[str, str]
    rate: float
    kappa: float


@dataclass(frozen=True)
class Quality:
    """A model's quality on labelled texts.

    ``confusion`` counts the texts by true label (rows) and predicted label (columns), negative
    first. ``reliability`` has the mean probability and the share of positives in each bin.
    ``calibration_error`` is the expected calibration error (Guo et al. 2017).
    """

    stem: str
    texts: int
    accuracy: float
    f1: float
    confusion: tuple[tuple[int, int], tuple[int, int]]
    reliability: tuple[tuple[float, float], ...]
    calibration_error: float


def agreements(batch: Batch) -> list[Agreement]:
    """The agreement of each pair of models on positive and negative."""
    from sklearn.metrics import cohen_kappa_score  # takes a second to import

    found = {stem: np.array(each) >= 0.5 for stem, each in batch.positive.items()}
    stems = list(found)
    pairs = [(a, b) for i, a in enumerate(stems) for b in stems[i + 1 :]]
    result = []
    for a, b in pairs:
        same = float(np.mean(found[a] == found[b]))
        # With one class alone, chance agreement is perfect and kappa is undefined.
        varied = len(set(found[a]) | set(found[b])) > 1
        kappa = float(cohen_kappa_score(found[a], found[b])) if varied else 1.0
        result.append(Agreement((a, b), same, kappa))
    return result


def qualities(batch: Batch) -> list[Quality]:
    """The quality of each model on the labelled texts; empty without labels."""
    from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

    rows = [i for i, label in enumerate(batch.labels or ()) if label is not None]
    if not rows:
        return []
    truth = np.array([bool((batch.labels or ())[i]) for i in rows])
    result = []
    for stem, found in batch.positive.items():
        positive = np.array(found)[rows]
        predicted = positive >= 0.5
        (a, b), (c, d) = confusion_matrix(truth, predicted, labels=[False, True]).tolist()
        bins = reliability(truth, positive)
        result.append(
            Quality(
                stem,
                len(rows),
                float(accuracy_score(truth, predicted)),
                float(f1_score(truth, predicted, average="macro", zero_division=0)),
                ((a, b), (c, d)),
                tuple((mean, share) for mean, share, _ in bins),
                sum(abs(mean - share) * count for mean, share, count in bins) / len(rows),
            )
        )
    return result


def reliability(truth: np.ndarray, positive: np.ndarray) -> list[tuple[float, float, int]]:
    """The mean probability, the share of positives and the number of texts of each bin.

    The bins hold equally many texts.
    """
    order = np.argsort(positive, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return [(float(positive[p].mean()), float(truth[p].mean()), len(p)) for p in parts]

"""Accuracy, calibration and faithfulness of attributions of the sentiment models.

The validation sets are SST-2, IMDB, opinions on products and sentences of plot summaries. The
latter have no sentiment, so their verdict should be "unsure".
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch.nn import functional as F

from dlnlp.inference.attribution import METHODS
from dlnlp.inference.calibration import TYPICAL, Calibration
from dlnlp.results import Attribution, Sentiment
from dlnlp.text.words import without, words
from train.data import sets
from train.data.sets import Labelled
from train.evaluation import behaviour


class Classifier(Protocol):
    """A sentiment predictor."""

    calibration: Calibration

    def classify(self, texts: list[str]) -> list[Sentiment]:
        """Verdicts."""

    def logits(self, texts: list[str]) -> list[float]:
        """Calibrated logits of the positive class."""

    def lengths(self, texts: list[str]) -> list[int]:
        """Number of tokens of each text, as its calibration counts them."""


class Explainer(Classifier, Protocol):
    """A sentiment predictor that explains its verdicts."""

    def explain(self, text: str, method: str) -> Attribution:
        """Each word's attribution."""


EXPLAINED = 200  # sentences whose attributions are tested
NEUTRAL = "plots"  # the validation set whose texts are neutral
UNFITTED = ("opinions", "plots")  # the sets that calibration is not fitted on
CALIBRATION_REPORTED = ("sst2", "opinions")


def validation_sets(data_dir: Path | None, limit: int | None = None) -> dict[str, Labelled]:
    """The validation rows of each set, or only the first ones.

    They are SST-2's validation split, the held-out tenth of IMDB and, where the folder has them,
    opinions and plots.
    """
    found = {
        "sst2": sets.sst2("validation", data_dir),
        "imdb": sets.imdb("validation", data_dir),
        **sets.opinions("validation", data_dir),
    }
    return {name: rows.head(limit) for name, rows in found.items()} if limit else found


def figures(predictor: Explainer, validation: dict[str, Labelled]) -> dict[str, Any]:
    """The metrics of training.json: accuracy, calibration, behaviour, faithfulness."""
    rates = behaviour.measure(predictor)
    return {
        **evaluate(predictor, validation),
        "behaviour_failures": round(sum(rates.values()) / len(rates), 2),
        "behaviour_failure_rate": rates,
        "logit_fall_without_a_fifth": faithfulness(predictor, validation["sst2"].texts[:EXPLAINED]),
    }


def evaluate(predictor: Classifier, validation: dict[str, Labelled]) -> dict[str, float]:
    """Accuracy on each set in percent, and expected calibration errors in points.

    On plots it is the percentage of "unsure" verdicts instead. All are cross-fitted: each half of
    the rows is calibrated on the other half, so no row is judged by a calibration that was fitted
    on it.
    """
    metrics: dict[str, float] = {}
    read = {name: answers(predictor, rows) for name, rows in validation.items()}
    for name, (_, labels, _) in read.items():
        logits = cross_fitted(read, name)
        if name == NEUTRAL:
            verdicts = [Sentiment("", p).verdict for p in probability(logits)]
            metrics[f"{name}_validation_unsure"] = round(
                100 * verdicts.count("unsure") / len(verdicts), 2
            )
        else:
            right = float(np.mean((logits >= 0) == labels))
            metrics[f"{name}_validation_accuracy"] = round(100 * right, 2)
        metrics[f"{name}_validation_rows"] = len(labels)
        if name in CALIBRATION_REPORTED:
            error = calibration_error(probability(logits), labels)
            metrics[f"{name}_calibration_error"] = round(100 * error, 2)
    return metrics


def mean_accuracy(metrics: Mapping[str, float]) -> float:
    """The mean of what ``evaluate`` found, to choose the best weights.

    Verdicts on plots are right if they are "unsure".
    """
    right = ("_validation_accuracy", "_validation_unsure")
    found = [value for name, value in metrics.items() if name.endswith(right)]
    return sum(found) / len(found)


def answers(predictor: Classifier, rows: Labelled) -> tuple[np.ndarray, ...]:
    """Raw logits (N,), labels (N,) and numbers of tokens (N,)."""
    tokens = np.array(predictor.lengths(rows.texts))
    logits = np.array(predictor.logits(rows.texts))
    return predictor.calibration.undone(logits, tokens), np.array(rows.labels), tokens


def faithfulness(predictor: Explainer, texts: list[str], seed: int = 0) -> dict[str, float]:
    """The mean fall of the verdict's logit when a fifth of the words is removed.

    The words removed are those with the largest attribution by each method or, for comparison,
    random ones. (DeYoung et al. 2020 call this comprehensiveness.)
    """
    chance = random.Random(seed)
    texts = [text for text in texts if len(words(text)) >= 5]
    whole = predictor.logits(texts)
    falls = {}
    for method in (*METHODS, "random"):
        left = []
        for text, logit in zip(texts, whole, strict=True):
            found = words(text)
            if method == "random":
                order = chance.sample(range(len(found)), len(found))
            else:
                scores = predictor.explain(text, method).scores * np.sign(logit)
                order = np.argsort(-scores, kind="stable").tolist()
            left.append(without(text, order[: round(len(found) / 5)]))
        after = predictor.logits(left)
        gaps = [(a - b) * np.sign(a) for a, b in zip(whole, after, strict=True)]
        falls[method] = round(float(sum(gaps)) / max(1, len(gaps)), 3)
    return falls


def calibration_error(positive: np.ndarray, labels: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error of P(positive) over bins of equal mass (Guo et al. 2017)."""
    order = np.argsort(positive, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [abs(positive[part].mean() - labels[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(order))


# For each set raw logits (N,), labels (N,) and, where calibration counts them, tokens (N,).
Read = Mapping[str, tuple[np.ndarray, ...]]


def cross_fitted(read: Read, name: str) -> np.ndarray:
    """A set's logits (N,), each half of it calibrated on the other halves of SST-2 and IMDB.

    This uses all rows: with half of SST-2's 872, even a perfectly calibrated model would show an
    error of about 3 points.
    """
    logits, _, *tokens = read[name]
    result = np.empty(len(logits))
    for half in (0, 1):
        others = {
            key: tuple(x[1 - half :: 2] for x in each)
            for key, each in read.items()
            if key not in UNFITTED
        }
        calibration = best_calibration(others)
        result[half::2] = calibration(logits[half::2], *(x[half::2] for x in tokens))
    return result


def probability(logits: np.ndarray) -> np.ndarray:
    """P(positive) of calibrated logits."""
    return np.asarray(1 / (1 + np.exp(-logits)))


def calibrate(predictor: Classifier, validation: dict[str, Labelled]) -> None:
    """Fit the predictor's calibration on SST-2 and IMDB.

    It needs a shift beside the temperature because 56 % of SST-2's training phrases are
    positive, but only half of the texts in use.
    """
    fitted = {name: rows for name, rows in validation.items() if name not in UNFITTED}
    read = {name: answers(predictor, rows) for name, rows in fitted.items()}
    predictor.calibration = best_calibration(read)


def best_calibration(read: Read) -> Calibration:
    """The calibration that maximises the likelihood of the labels.

    Every set has the same weight, whatever its size.
    """
    x, y = (torch.cat([torch.tensor(each[k]) for each in read.values()]).double() for k in (0, 1))
    tokens = [
        each[2] if len(each) > 2 else np.full_like(each[0], TYPICAL) for each in read.values()
    ]
    length = torch.tensor(np.concatenate(tokens) / TYPICAL).double()
    weight = torch.cat([torch.full((len(each[1]),), 1 / len(each[1])) for each in read.values()])
    start = torch.tensor([1.0, 0.0, 0.0], dtype=torch.double)  # slope, intercept and growth
    line = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([line], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        logits = line[0] * x * length ** -line[2] + line[1]
        fit = F.binary_cross_entropy_with_logits(logits, y, weight, reduction="sum")
        # A small L2 penalty: without it, logits that separate the labels have no best slope.
        total: torch.Tensor = fit + 1e-4 * (line - start).square().sum()
        total.backward()
        return total

    optimizer.step(loss)
    slope, intercept, growth = line.tolist()
    # With few rows or nearly equal logits, the best values may be negative or without bounds.
    slope, growth = float(np.clip(slope, 0.05, 20)), float(np.clip(growth, -2, 2))
    return Calibration(round(1 / slope, 4), round(intercept, 4), round(growth, 4))

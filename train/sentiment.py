"""What the two sentiment models' scripts share: accuracy, calibration, temperature."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Protocol

import numpy as np
from scipy.optimize import minimize_scalar

from dlnlp.results import Sentiment
from train import data
from train.data import Labelled


class Classifier(Protocol):
    """A sentiment predictor."""

    temperature: float

    def classify(self, texts: list[str]) -> list[Sentiment]:
        """Verdicts."""

    def logits(self, texts: list[str]) -> list[float]:
        """Calibrated logits towards positive."""


def validation_sets(data_dir: Path | None) -> dict[str, Labelled]:
    """SST-2's validation split and the held-out tenth of IMDB."""
    return {
        "sst2": data.sst2("validation", data_dir),
        "imdb": data.imdb("validation", data_dir),
    }


def evaluate(predictor: Classifier, validation: dict[str, Labelled]) -> dict[str, float]:
    """Accuracy on each set in percent, and on SST-2 the expected calibration error.

    That error, in points, is measured on the odd rows; ``fit_temperature`` sees the even ones.
    """
    metrics: dict[str, float] = {}
    for name, rows in validation.items():
        positive = np.array([s.positive for s in predictor.classify(rows.texts)])
        labels = np.array(rows.labels)
        accuracy = np.mean((positive >= 0.5) == labels)
        metrics[f"{name}_validation_accuracy"] = round(100 * float(accuracy), 2)
        metrics[f"{name}_validation_rows"] = len(rows)
        if name == "sst2":
            error = calibration_error(positive[1::2], labels[1::2])
            metrics["sst2_calibration_error"] = round(100 * error, 2)
    return metrics


def calibration_error(positive: np.ndarray, labels: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error of P(positive) over bins of equal mass (Guo et al. 2017)."""
    order = np.argsort(positive, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    gaps = [abs(positive[part].mean() - labels[part].mean()) * len(part) for part in parts]
    return float(sum(gaps) / len(order))


def fit_temperature(predictor: Classifier, rows: Labelled) -> float:
    """The temperature that makes the even rows most likely (Guo et al. 2017)."""
    logits = predictor.temperature * np.array(predictor.logits(rows.texts[::2]))
    signs = 2 * np.array(rows.labels[::2]) - 1

    def loss(log_temperature: float) -> float:
        return float(np.logaddexp(0, -signs * logits / math.exp(log_temperature)).mean())

    found = minimize_scalar(loss, bounds=(-1.5, 2.5), method="bounded")
    return round(math.exp(found.x), 4)

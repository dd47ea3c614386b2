"""Compare the verdicts, attributions and costs of all sentiment models on one text."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dlnlp.catalog import CATALOG, Metric, record
from dlnlp.checkpoint import CheckpointError
from dlnlp.registry import Registry
from dlnlp.results import Attribution, Sentiment
from dlnlp.service import Service

MODELS = tuple(entry.stem for entry in CATALOG if entry.can("classify"))
MAX_REPEATS, ENOUGH_SECONDS = 9, 0.2


@dataclass(frozen=True)
class Cost:
    """The cost of a verdict; None is unknown.

    ``milliseconds`` is the median time of a verdict. ``loading_seconds`` is None if the model was
    loaded already.
    """

    milliseconds: float
    loading_seconds: float | None = None
    parameters: int | None = None
    bytes: int | None = None


@dataclass(frozen=True)
class Score:
    """A metric of a model or a baseline, measured on validation data."""

    metric: Metric
    value: float


def measured(service: Service, stem: str, text: str) -> tuple[Sentiment, Cost]:
    """A model's verdict and its cost.

    Raises:
        CheckpointError, DeadlineExceeded, ValueError: See ``Service.call``.
    """
    loaded, start = service.registry.is_loaded(stem), time.perf_counter()
    service.registry.get(stem)
    seconds = None if loaded else time.perf_counter() - start
    sentiment, milliseconds = service.run(stem, lambda predictor: timed(predictor, text))
    return sentiment, Cost(milliseconds, seconds, *known_size(service.registry, stem))


def timed(predictor: Any, text: str) -> tuple[Any, float]:
    """The verdict and its median time in milliseconds, after a warm-up call.

    A single measurement can be ten times too long if another process is running.
    """
    predictor.classify(["warm"])
    taken: list[float] = []
    while len(taken) < MAX_REPEATS and sum(taken) < ENOUGH_SECONDS:
        start = time.perf_counter()
        [sentiment] = predictor.classify([text])
        taken.append(time.perf_counter() - start)
    return sentiment, 1000 * statistics.median(taken)


def known_size(registry: Registry, stem: str) -> tuple[int | None, int | None]:
    """Parameters and bytes on disk of the checkpoint; None if unknown."""
    if registry.untrained:
        return None, None
    try:
        parameters = registry.report(stem).training.get("parameters")
    except CheckpointError:
        parameters = None
    files = [path for path in (registry.root / stem).glob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    return (parameters if isinstance(parameters, int) else None), size or None


def known_scores(registry: Registry, stem: str) -> tuple[Score, ...]:
    """The headline metrics of the checkpoint; empty if unknown."""
    if registry.untrained:
        return ()
    try:
        values = registry.report(stem).training.get("metrics", {})
    except CheckpointError:
        return ()
    return scores(record(stem).metrics, values)


def scores(metrics: Iterable[Metric], values: Mapping[str, Any]) -> tuple[Score, ...]:
    """The headline metrics that have a value, by their keys."""
    return tuple(
        Score(metric, float(values[metric.key]))
        for metric in metrics
        if metric.headline and isinstance(values.get(metric.key), (int, float))
    )


def agreed(verdicts: Mapping[str, Sentiment]) -> bool:
    """Whether all models have the same verdict: positive, negative or unsure."""
    return len({each.verdict for each in verdicts.values()}) <= 1


def explained(
    service: Service, stems: Iterable[str], text: str, method: str = "integrated_gradients"
) -> dict[str, Attribution]:
    """The attributions of those models that can explain their verdicts.

    Raises:
        CheckpointError, DeadlineExceeded, ValueError: See ``Service.call``.
    """
    return {
        stem: service.call(stem, "explain", text=text, method=method)
        for stem in stems
        if record(stem).can("explain")
    }


def same_words(attributions: Mapping[str, Attribution]) -> list[tuple[str, dict[str, float]]]:
    """Each word that all models read, with its contribution in logits by stem."""
    places: dict[tuple[int, str], dict[str, float]] = {}
    for stem, found in attributions.items():
        for word, start, score in zip(found.words, found.starts, found.scores, strict=True):
            places.setdefault((start, word), {})[stem] = float(score)
    full = len(attributions)
    return [(word, scores) for (_, word), scores in sorted(places.items()) if len(scores) == full]

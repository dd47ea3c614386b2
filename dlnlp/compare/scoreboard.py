"""All models with their size, quality and speed, beside baselines and published results."""

from __future__ import annotations

import functools
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dlnlp.catalog import CATALOG, Metric, Record
from dlnlp.checkpoint import CheckpointError, read_json
from dlnlp.compare.models import Score, known_scores, known_size, scores
from dlnlp.hub import CLASSIFICATION, GENERATION, HubError
from dlnlp.registry import Registry
from dlnlp.service import Service
from dlnlp.service.own import OwnModels

BASELINES = "baselines.json"
SENTENCE = "I wanted to like it, but the plot is thin and the ending makes no sense."
REPEATS = 15  # at most, for the latency
ENOUGH_SECONDS = 1.0  # of measuring one figure
NEW_TOKENS = 50  # of a generated text
BATCH = 64  # texts of a batch
LONGEST = 60.0  # seconds that a model may take


@dataclass(frozen=True)
class Row:
    """A model: what is known without running it. None is unknown."""

    record: Record
    parameters: int | None
    bytes: int | None
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class Baseline:
    """A simple method measured on the same validation sets."""

    name: str
    task: str
    description: str
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class Speed:
    """A model's speed on this machine.

    ``latency`` is the median time in seconds of one request, ``throughput`` the number of ``unit``
    per second.
    """

    stem: str
    latency: float
    throughput: float
    unit: str


@dataclass(frozen=True)
class OwnRow:
    """The visitor's own model, with its speed; ``task`` is the Hub's name of its task."""

    name: str
    architecture: str
    task: str
    parameters: int
    speed: Speed


def rows(registry: Registry) -> list[Row]:
    """All models of the catalog."""
    return [
        Row(entry, *known_size(registry, entry.stem), known_scores(registry, entry.stem))
        for entry in CATALOG
    ]


def baselines(registry: Registry) -> list[Baseline]:
    """The baselines that ``python -m train.baselines`` measured; empty without their file."""
    known = {metric.key: metric for entry in CATALOG for metric in entry.metrics}
    try:
        entries = read_json(registry.root, BASELINES)["baselines"]
    except CheckpointError:
        return []
    return [
        Baseline(
            each["name"],
            each["task"],
            each["description"],
            scores(known.values(), each["metrics"]),
        )
        for each in entries
    ]


def speeds(service: Service, seconds: float | None = None) -> Iterator[Speed]:
    """Measure one model after the other on this machine; loading does not count.

    Args:
        seconds: The time limit for each figure (default: ``ENOUGH_SECONDS``); at least one run is
            measured.

    Raises:
        CheckpointError: A model can't be loaded.
    """
    for entry in CATALOG:
        verb = next((verb for verb in MEASURED if entry.can(verb)), None)
        if verb:
            measure = functools.partial(MEASURED[verb], entry.stem, seconds or ENOUGH_SECONDS)
            yield service.run(entry.stem, measure, seconds=LONGEST)


def own_row(own: OwnModels, name: str, seconds: float | None = None) -> OwnRow:
    """Load and measure the visitor's own model.

    Args:
        seconds: See ``speeds``.

    Raises:
        HubError: It may not or can't be loaded.
    """
    about = own.load(name)
    if about.task not in OWN_TASKS:
        raise HubError(f"{about.name!r} is a chapter's model: choose another one to measure.")
    task, verb = OWN_TASKS[about.task]
    measure = functools.partial(MEASURED[verb], name, seconds or ENOUGH_SECONDS)
    speed = own.run(name, measure, LONGEST)
    return OwnRow(about.name, about.architecture, task, about.parameters, speed)


def _batched(call: Callable[[Any, list[str]], Any], unit: str, batch: int) -> Callable[..., Speed]:
    def measure(stem: str, seconds: float, predictor: Any) -> Speed:
        texts = [f"{SENTENCE} {number}" for number in range(batch)]
        latency = _median(lambda: call(predictor, [SENTENCE]), seconds)
        return Speed(stem, latency, batch / _median(lambda: call(predictor, texts), seconds), unit)

    return measure


def _generated(stem: str, seconds: float, predictor: Any) -> Speed:
    latency = _median(lambda: predictor.next_tokens(SENTENCE, k=5), seconds)

    def generate() -> int:
        pieces = predictor.stream("Once upon a time", max_new_tokens=NEW_TOKENS, seed=0)
        return sum(piece.tokens for piece in pieces)

    tokens = generate()  # a model may end its text earlier
    return Speed(stem, latency, tokens / _median(generate, seconds), "tokens")


def _median(call: Callable[[], Any], seconds: float) -> float:
    """The median time of a call, after one that is not counted."""
    call()
    taken: list[float] = []
    while not taken or (len(taken) < REPEATS and sum(taken) < seconds):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


# How the speed of a model is measured, by the first of these verbs that it has.
MEASURED: dict[str, Callable[..., Speed]] = {
    "classify": _batched(lambda predictor, texts: predictor.classify(texts), "texts", BATCH),
    "translate": _batched(lambda predictor, texts: predictor.translate(texts), "sentences", 16),
    "generate": _generated,
}


# The Hub's name of a task of other models, and the verb that is measured.
OWN_TASKS = {
    CLASSIFICATION: ("text-classification", "classify"),
    GENERATION: ("text-generation", "generate"),
}


def first_metrics(rows: Sequence[Row]) -> list[Metric]:
    """The first metric of each model that has one; models of one task share it."""
    return list(
        {row.scores[0].metric.key: row.scores[0].metric for row in rows if row.scores}.values()
    )


def values(measured: Sequence[Score]) -> dict[str, float]:
    """The values by the keys of the metrics."""
    return {each.metric.key: each.value for each in measured}


def as_json(row: Row, speeds: Mapping[str, Speed]) -> dict[str, Any]:
    """A model as a JSON value; its speed is null unless it was measured."""
    speed = speeds.get(row.record.stem)
    return {
        "model": row.record.stem,
        "title": row.record.title,
        "task": row.record.task,
        "family": row.record.family,
        "parameters": row.parameters,
        "bytes": row.bytes,
        "quality": values(row.scores),
        "latency_seconds": speed and round(speed.latency, 6),
        "throughput_per_second": speed and round(speed.throughput, 2),
        "throughput_unit": speed and speed.unit,
    }

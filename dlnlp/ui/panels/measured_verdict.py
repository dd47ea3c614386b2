"""A sentiment model's verdict with its cost: time, parameters and size on disk."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from dlnlp import service
from dlnlp.checkpoint import CheckpointError
from dlnlp.inference.deadline import deadline
from dlnlp.registry import Registry
from dlnlp.results import Sentiment
from dlnlp.ui.kit.markup import join
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Panel, Values
from dlnlp.ui.panels.verdict import verdict

MAX_REPEATS, ENOUGH_SECONDS = 9, 0.2
BLANK = "Type a text to see this model's verdict."


@dataclass(frozen=True)
class Cost:
    """The cost of a verdict; None is unknown."""

    milliseconds: float
    parameters: int | None = None
    bytes: int | None = None


def measured_verdict_panel(model: Model, box: gr.Textbox) -> Panel:
    """The verdict, its median time, and the model's size."""
    with gr.Column():
        gr.HTML(Markup("<h3>{}</h3>").format(model.title), elem_classes="dl-column-title")
        panel = Panel(model, box, "measured", blank=BLANK)
    with panel:
        result = gr.HTML(elem_id=f"compare_{model.stem}", elem_classes="dl-result")

    def show(text: str) -> Values:
        predictor = model.predictor
        with deadline(service.SECONDS):
            sentiment, milliseconds = measure(predictor, text)
        cost = Cost(milliseconds, *known_size(model.registry, model.stem))
        return {result: measured_verdict(sentiment, cost)}

    return panel.shows(show, outputs=[result])


def measure(predictor: Any, text: str) -> tuple[Sentiment, float]:
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


def measured_verdict(result: Sentiment, cost: Cost) -> Markup:
    """The verdict above a table of its cost."""
    rows = (
        ("time (median)", f"{cost.milliseconds:.1f} ms"),
        ("parameters", "unknown" if cost.parameters is None else f"{cost.parameters:,}"),
        ("size on disk", "unknown" if cost.bytes is None else f"{cost.bytes / 1e6:.1f} MB"),
    )
    listed = join(Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(*row) for row in rows)
    return Markup('{}<dl class="dl-facts">{}</dl>').format(verdict(result), listed)

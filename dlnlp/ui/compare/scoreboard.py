"""The screen with the scoreboard of all models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import gradio as gr
import plotly.graph_objects as go
from gradio.events import api

from dlnlp import plots
from dlnlp.catalog import CATALOG, Metric
from dlnlp.compare import scoreboard as board
from dlnlp.compare.scoreboard import Row, Speed
from dlnlp.service import Service
from dlnlp.service.errors import sentence
from dlnlp.service.own import OwnModels
from dlnlp.ui.kit import markup
from dlnlp.ui.kit.errors import api_errors
from dlnlp.ui.kit.inputs import readable
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import QUIET, Values
from dlnlp.ui.panels.export import save_figures
from dlnlp.ui.panels.scoreboard import scoreboard

STEM = "scoreboard"
INTRO = (
    "Quality is measured on validation data by the training scripts, speed on this machine when "
    "you press the button."
)
INFO = "A text classifier or language model from the Hugging Face Hub or a folder."
MEASURING = "Measuring “{}” ({} of {})…"


def build(service: Service) -> None:
    """The table, a button that measures the speed of all models, and the plot."""
    gr.HTML(markup.intro("All chapters · Quality, size and speed", INTRO))
    with gr.Row(elem_classes="dl-buttons dl-measure"):
        button = gr.Button("Measure speed", variant="primary", elem_id=f"{STEM}_run")
    own = OwnModels(service)
    name = gr.Textbox(
        label="Your own model, too (optional)",
        info=INFO,
        max_lines=2,
        visible=bool(own.choices),
        elem_id=f"{STEM}_model",
    )
    status = gr.HTML(elem_id=f"{STEM}_status", elem_classes="dl-result")
    rows, baselines = board.rows(service.registry), board.baselines(service.registry)
    plotted = board.first_metrics(rows)
    with gr.Row():
        drawn = [
            gr.Plot(visible=False, show_label=False, min_width=280, elem_id=f"{STEM}_{metric.key}")
            for metric in plotted
        ]
    table = gr.HTML(
        scoreboard(rows, baselines, {}), elem_id=f"{STEM}_table", elem_classes="dl-result"
    )
    shown = [(metric.label, f"{STEM}_{metric.key}") for metric in plotted]
    save_figures([("Table", f"{STEM}_table"), *shown])

    def measure(typed: object) -> Iterator[Values]:
        found: dict[str, Speed] = {}
        titles = [entry.title for entry in CATALOG]
        yield {status: markup.waiting(MEASURING.format(titles[0], 1, len(titles)))}
        try:
            for speed in board.speeds(service):
                found[speed.stem] = speed
                done = len(found)
                waiting = done < len(titles)
                following = MEASURING.format(titles[done], done + 1, len(titles)) if waiting else ""
                yield {
                    status: markup.waiting(following) if waiting else "",
                    table: scoreboard(rows, baselines, found),
                }
            if wanted := readable(typed)[0].strip():
                yield {status: markup.waiting(f"Measuring “{wanted}”…")}
                mine = board.own_row(own, wanted)
                yield {status: "", table: scoreboard(rows, baselines, found, mine)}
        except Exception as error:
            yield {status: markup.fault(sentence(error))}
            return
        figures = plots_of(rows, plotted, found)
        plots_now: Values = {
            plot: gr.Plot(figure, visible=True) for plot, figure in zip(drawn, figures, strict=True)
        }
        yield {status: "", **plots_now}  # Gradio takes an empty dictionary for one value

    queue = Model(service, CATALOG[-1].stem).queue()
    button.click(
        measure, [name], [status, table, *drawn], show_progress_on=status, **QUIET, **queue
    )
    expose(service)


def plots_of(
    rows: Sequence[Row], metrics: Sequence[Metric], speeds: Mapping[str, Speed]
) -> list[go.Figure]:
    """A figure of quality against latency for each metric."""
    sizes = {row.record.stem: row.bytes or 0 for row in rows}
    figures = []
    for metric in metrics:
        points = [
            plots.Point(row.record.title, score.value, speeds[stem].latency, sizes[stem])
            for row in rows
            for score in row.scores[:1]
            if score.metric.key == metric.key and (stem := row.record.stem) in speeds
        ]
        figures.append(
            plots.quality_against_latency(
                points, metric.label, metric.higher_is_better, max(1, *sizes.values())
            )
        )
    return figures


def expose(service: Service) -> None:
    """The endpoint ``/compare_scoreboard``."""

    def compare_scoreboard(measure: bool = False) -> dict[str, Any]:
        """All models with parameters, bytes, quality and, on request, their speed here.

        Args:
            measure: Whether to measure latency and throughput on this machine, which takes seconds.
        """
        with api_errors():
            speeds = {each.stem: each for each in board.speeds(service)} if measure else {}
            return {
                "models": [board.as_json(row, speeds) for row in board.rows(service.registry)],
                "baselines": [
                    {"name": each.name, "task": each.task, "quality": board.values(each.scores)}
                    for each in board.baselines(service.registry)
                ],
            }

    queue = Model(service, CATALOG[-1].stem).queue()
    api(compare_scoreboard, api_name="compare_scoreboard", **queue)

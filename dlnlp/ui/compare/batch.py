"""The screen that compares all sentiment models on the lines of a file."""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency, api

from dlnlp import plots
from dlnlp.catalog import record
from dlnlp.compare import batch, files
from dlnlp.compare.batch import QUEUE, Batch
from dlnlp.compare.files import MAX_BYTES, MAX_ROWS, Table
from dlnlp.compare.models import MODELS
from dlnlp.results import as_json
from dlnlp.service import Service
from dlnlp.service.errors import sentence
from dlnlp.text.checks import check_texts
from dlnlp.ui.compare.models import CHAPTERS
from dlnlp.ui.kit import layout, markup
from dlnlp.ui.kit.errors import api_errors
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import AT_ONCE, QUIET, Values, revealing
from dlnlp.ui.panels.batch_summary import progress, summary
from dlnlp.ui.panels.export import save_figures

STEM = "batch"
INTRO = (
    f"Classify up to {MAX_ROWS:,} texts with every sentiment model. With a column of labels "
    "(positive or negative, 1 or 0), see how often each model is right."
)
KINDS_NAMED = (
    f"or a file: CSV, TSV, JSON lines, Parquet or plain text, up to {MAX_BYTES // 10**6} MB"
)
KEPT = 2  # folders with the downloads of a comparison
NO_LABELS = "no labels"
CANCELLED = "Cancelled."
NOTHING = "There is nothing to compare: choose a file, or paste texts, one a line."
BOTH = "Both a file and pasted texts are given: remove one of them."
LEFT_OUT = "Only the first {:,} of {:,} rows are read."
WIDTHS = {"row": "70px", "text": "380px", "agree": "90px", "label": "100px"}


class BatchScreen:
    """The components of the screen and their handlers."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.folders: deque[tempfile.TemporaryDirectory[str]] = deque()
        with layout.columns():
            with layout.question_column(f"Chapters {CHAPTERS} · A file of texts", INTRO):
                self.lines = gr.Textbox(
                    label="One text per line", lines=4, max_lines=8, elem_id=f"{STEM}_text"
                )
                self.file = gr.File(label=KINDS_NAMED, height=130, elem_id=f"{STEM}_file")
                with gr.Row():
                    self.text = gr.Dropdown(
                        [], label="Column of texts", visible=False, elem_id=f"{STEM}_text_column"
                    )
                    self.label = gr.Dropdown(
                        [], label="Column of labels", visible=False, elem_id=f"{STEM}_label_column"
                    )
                with gr.Row(elem_classes="dl-buttons"):
                    self.start = gr.Button("Compare", variant="primary", elem_id=f"{STEM}_run")
                    self.cancel = gr.Button(
                        "Cancel", variant="stop", interactive=False, elem_id=f"{STEM}_cancel"
                    )
            with layout.answer_column(STEM):
                self.status = gr.HTML(elem_id=f"{STEM}_status", elem_classes="dl-result")
                self.summary = gr.HTML(elem_id=f"{STEM}_summary", elem_classes="dl-result")
                self.plot = gr.Plot(visible=False, show_label=False, elem_id=f"{STEM}_plot")
                self.table = gr.Dataframe(
                    visible=False,
                    interactive=False,
                    wrap=True,
                    max_height=420,
                    show_search="filter",
                    elem_id=f"{STEM}_table",
                )
                with gr.Row(elem_classes="dl-buttons"):
                    small: dict[str, Any] = {"size": "sm", "visible": False}
                    self.csv = gr.DownloadButton("CSV", elem_id=f"{STEM}_csv", **small)
                    self.parquet = gr.DownloadButton("Parquet", elem_id=f"{STEM}_parquet", **small)
                save_figures([("Summary", f"{STEM}_summary"), ("Reliability", f"{STEM}_plot")])
        self._connect()

    def _connect(self) -> None:
        columns = [self.text, self.label]
        queue = Model(self.service, MODELS[-1]).queue(QUEUE)
        run: Dependency = self.start.click(
            self.compare,
            [self.lines, self.file, *columns],
            self.outputs,
            show_progress_on=self.status,
            js=revealing(f"{STEM}_answer"),
            **QUIET,
            **queue,
        )
        self.file.change(self.choices, self.file, [self.status, *self.shown, *columns], **AT_ONCE)
        self.cancel.click(
            lambda: {**self.idle(), self.status: markup.note(CANCELLED)},
            None,
            [self.status, self.file, self.start, self.cancel],
            cancels=[run],
            **AT_ONCE,
        )

    @property
    def shown(self) -> list[Component]:
        """The components of the results."""
        return [self.summary, self.plot, self.table, self.csv, self.parquet]

    @property
    def outputs(self) -> list[Component]:
        """The components that a comparison changes."""
        return [self.status, *self.shown, self.file, self.start, self.cancel]

    def idle(self) -> Values:
        """The controls while nothing runs."""
        return {
            self.file: gr.File(interactive=True),
            self.start: gr.Button(interactive=True),
            self.cancel: gr.Button(interactive=False),
        }

    def cleared(self) -> Values:
        """No results."""
        return {
            self.summary: "",
            self.plot: gr.Plot(visible=False),
            self.table: gr.Dataframe(visible=False),
            self.csv: gr.DownloadButton(visible=False),
            self.parquet: gr.DownloadButton(visible=False),
        }

    def choices(self, path: str | None) -> Values:
        """The columns of an uploaded file, with the most likely ones chosen, and no results."""
        hidden = gr.Dropdown([], value=None, visible=False)
        none = {**self.cleared(), self.text: hidden, self.label: hidden}
        if not path:
            return {**none, self.status: ""}
        try:
            table = files.read(Path(path))
        except Exception as error:
            return {**none, self.status: markup.fault(sentence(error))}
        names = list(table.columns)
        several = len(names) > 1
        return {
            **none,
            self.status: markup.note(f"{len(table):,} rows.") + self.remark(table),
            self.text: gr.Dropdown(names, value=table.text_column, visible=several),
            self.label: gr.Dropdown(
                [NO_LABELS, *names], value=table.label_column or NO_LABELS, visible=several
            ),
        }

    def remark(self, table: Table) -> str:
        """A note about rows that are left out."""
        if not table.left_out:
            return ""
        return markup.note(LEFT_OUT.format(len(table), len(table) + table.left_out))

    def compare(
        self, lines: object, path: str | None, text: str | None, label: str | None
    ) -> Iterator[Values]:
        """Classify all texts; the progress is reported after each chunk."""
        yield {
            **self.cleared(),
            self.status: markup.waiting("Reading…"),
            self.file: gr.File(interactive=False),
            self.start: gr.Button(interactive=False),
            self.cancel: gr.Button(interactive=True),
        }
        try:
            is_pasted = bool(str(lines or "").strip())
            if not path and not is_pasted:
                raise ValueError(NOTHING)
            if path and is_pasted:
                raise ValueError(BOTH)
            table = files.read(Path(path)) if path else files.pasted(str(lines))
            column = text if text in table.columns else table.text_column
            labelled = label in table.columns and label != column
            labels = table.labels(str(label)) if labelled else None
            found: Batch | None = None
            for found in batch.run(self.service, table.columns[column], labels):
                yield {self.status: progress(found) + self.remark(table)}
            assert found  # ``run`` yields at least once
            yield {**self.results(found), **self.idle(), self.status: self.remark(table)}
        except Exception as error:
            yield {self.status: markup.fault(sentence(error)), **self.idle()}

    def folder(self) -> Path:
        """A new temporary folder; only the newest ``KEPT`` are kept. Gradio serves a copy."""
        self.folders.append(tempfile.TemporaryDirectory(prefix="dlnlp-"))
        while len(self.folders) > KEPT:
            self.folders.popleft().cleanup()
        return Path(self.folders[-1].name)

    def results(self, found: Batch) -> Values:
        """The summary, the table and its downloads."""
        frame = found.table()
        qualities = batch.qualities(found)
        csv, parquet = files.save(frame, self.folder())
        curves = {record(each.stem).title: each.reliability for each in qualities}
        return {
            self.summary: summary(found, batch.agreements(found), qualities),
            self.plot: gr.Plot(plots.reliability(curves), visible=True)
            if curves
            else gr.Plot(visible=False),
            self.table: gr.Dataframe(
                frame,
                headers=list(frame.columns),
                column_widths=[WIDTHS.get(name, "130px") for name in frame.columns],
                visible=True,
            ),
            self.csv: gr.DownloadButton(value=str(csv), visible=True),
            self.parquet: gr.DownloadButton(value=str(parquet), visible=True),
        }


def build(service: Service) -> None:
    """The screen and its endpoint."""
    BatchScreen(service)
    expose(service)


def expose(service: Service) -> None:
    """The endpoint ``/compare_batch``."""

    def compare_batch(texts: list[str], labels: list[str] | None = None) -> dict[str, Any]:
        """All sentiment models on many texts: verdicts, agreement and, with labels, quality.

        Args:
            texts: Up to 10,000 English texts, such as film reviews.
            labels: The label of each text, positive or negative ("1" or "0"), or "" if unknown.
        """
        with api_errors():
            table = Table({"text": check_texts(texts)})
            known = None
            if labels is not None:
                if len(labels) != len(texts):
                    raise ValueError(f"There are {len(texts)} texts, but {len(labels)} labels.")
                known = Table({"label": [str(label) for label in labels]}).labels("label")
            *_, found = batch.run(service, table.columns["text"], known)
            return {
                "positive": found.positive,
                "seconds": found.seconds,
                "agreement": as_json(batch.agreements(found)),
                "quality": as_json(batch.qualities(found)),
            }

    queue = Model(service, MODELS[-1]).queue(QUEUE)
    api(compare_batch, api_name="compare_batch", **queue)

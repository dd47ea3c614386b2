"""The tab that compares all sentiment models on one text."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.events import api

from dlnlp import service
from dlnlp.catalog import CATALOG
from dlnlp.inference.deadline import deadline
from dlnlp.registry import Registry
from dlnlp.results import as_json
from dlnlp.text.checks import check_text
from dlnlp.ui.kit import layout
from dlnlp.ui.kit.errors import api_errors, sentence
from dlnlp.ui.kit.inputs import readable
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.questions import answer, question
from dlnlp.ui.panels.measured_verdict import known_size, measure, measured_verdict_panel

STEM = "compare"
TITLE = "Compare"
RECORDS = tuple(entry for entry in CATALOG if entry.can("classify"))
MODELS = tuple(entry.stem for entry in RECORDS)
CHAPTERS = " and ".join(str(number) for number in sorted({r.chapter.number for r in RECORDS}))
INTRO = (
    "Every sentiment model classifies the same text. Times are medians of up to 9 runs and exclude "
    "loading."
)
EXAMPLES = (
    "This was fantastic",
    "I enjoyed this film",
    "Not bad at all.",
    "I can't say that I hated it.",
    "What a waste of two good actors and two hours of my life.",
)


def build_tab(registry: Registry) -> None:
    """The verdict of each model on one text, with its cost."""
    models = [Model(registry, stem) for stem in MODELS]
    with layout.columns():
        with layout.question_column(f"Chapters {CHAPTERS} · Side by side", INTRO):
            asked = question(
                STEM, "Your text", "What did you think of the film?", "Compare", EXAMPLES
            )
        with layout.answer_column(STEM), gr.Row(equal_height=True):
            panels = [measured_verdict_panel(model, asked.box) for model in models]
    # The models run one after the other, so that their times do not influence each other.
    answer(asked, panels)
    _endpoint(registry)


def _endpoint(registry: Registry) -> None:
    def compare(text: str) -> dict[str, Any]:
        """All sentiment models on one text: verdict, time, parameters and size on disk.

        Args:
            text: An English text, such as a film review.
        """
        with api_errors():
            shortened, _ = readable(check_text(text))
            return {stem: _entry(registry, stem, shortened) for stem in MODELS}

    queue = Model(registry, MODELS[-1]).queue()
    api(compare, api_name="compare_sentiment", **queue)


def _entry(registry: Registry, stem: str, text: str) -> dict[str, Any]:
    try:
        predictor = registry.get(stem)
        with deadline(service.SECONDS):
            result, milliseconds = measure(predictor, text)
    except Exception as error:  # an error of one model must not hide the others' answers
        return {"error": sentence(error)}
    parameters, size = known_size(registry, stem)
    return {
        "sentiment": as_json(result),
        "milliseconds": round(milliseconds, 3),
        "parameters": parameters,
        "bytes": size,
    }

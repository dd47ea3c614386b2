"""The tab that compares models on a text and on a file, two texts, and all models' scores."""

from __future__ import annotations

import gradio as gr

from dlnlp.registry import Registry
from dlnlp.ui.compare import batch, edits, models, scoreboard

STEM = "compare"
TITLE = "Compare"


def build_tab(registry: Registry) -> None:
    """One screen per kind of comparison."""
    with gr.Tabs(overflow_behavior="wrap"):  # all screens are visible on a phone, too
        with gr.Tab("Models", id="models"):
            models.build(registry)
        with gr.Tab("Two texts", id="edits"):
            edits.build(registry)
        with gr.Tab("File", id="file"):
            batch.build(registry)
        with gr.Tab("Scoreboard", id="scoreboard"):
            scoreboard.build(registry)

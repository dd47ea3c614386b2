"""The tab that compares models, two versions of a text, and models on the lines of a file."""

from __future__ import annotations

import gradio as gr

from dlnlp.registry import Registry
from dlnlp.ui.compare import batch, edits, models

STEM = "compare"
TITLE = "Compare"


def build_tab(registry: Registry) -> None:
    """One screen per kind of comparison."""
    with gr.Tabs(elem_classes="dl-screens"):
        with gr.Tab("Models", id="models"):
            models.build(registry)
        with gr.Tab("Two texts", id="edits"):
            edits.build(registry)
        with gr.Tab("File", id="file"):
            batch.build(registry)

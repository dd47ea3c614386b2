"""The tab that compares models on a text and on a file, two texts, and all models' scores."""

from __future__ import annotations

from typing import Any

import gradio as gr

from dlnlp.service import Service
from dlnlp.ui.compare import batch, edits, models, scoreboard

STEM = "compare"
TITLE = "Compare"
SCREENS: dict[str, Any] = {
    "Models": models,
    "Two texts": edits,
    "File": batch,
    "Scoreboard": scoreboard,
}


def build_tab(service: Service) -> None:
    """One screen per kind of comparison."""
    with gr.Tabs(overflow_behavior="wrap"):  # all screens are visible on a phone, too
        for title, screen in SCREENS.items():
            with gr.Tab(title, id=screen.STEM, elem_id=f"{screen.STEM}_tab"):
                screen.build(service)

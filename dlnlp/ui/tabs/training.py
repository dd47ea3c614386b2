"""The tab in which visitors train the chapters' models on their own rows."""

from __future__ import annotations

import gradio as gr

from dlnlp.service import Service
from dlnlp.training.exercises import EXERCISES
from dlnlp.ui.kit import layout
from dlnlp.ui.panels.trained import TAB as TITLE
from dlnlp.ui.training.screen import TrainingScreen
from dlnlp.ui.training.settings import STEM

__all__ = ["STEM", "TITLE", "build_when_opened"]


def build_when_opened(service: Service, tab: gr.Tab) -> None:
    """Build the tab when a visitor opens it for the first time."""
    layout.when_opened(tab, STEM, lambda: TrainingScreen(service, EXERCISES))

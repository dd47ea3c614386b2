"""The tab in which visitors train the chapters' models on their own rows."""

from __future__ import annotations

from typing import Any

import gradio as gr

from dlnlp.service import Service
from dlnlp.training.exercises import EXERCISES
from dlnlp.ui.kit.panels import QUIET
from dlnlp.ui.panels.trained import TAB as TITLE
from dlnlp.ui.training.screen import TrainingScreen
from dlnlp.ui.training.settings import STEM

__all__ = ["STEM", "TITLE", "build_when_opened"]


def build_when_opened(service: Service, tab: gr.Tab) -> None:
    """Build the tab when a visitor opens it for the first time (see ``tabs.own``)."""
    opened = gr.State(False)
    queue: dict[str, Any] = {"concurrency_id": f"{STEM}_tab", "concurrency_limit": 1}
    # Not AT_ONCE: without the queue, the page does not notice that a state has changed.
    tab.select(lambda: True, None, opened, **{**QUIET, "show_progress": "hidden"}, **queue)

    @gr.render(triggers=[opened.change], **queue)  # type: ignore[untyped-decorator]
    def build() -> None:
        TrainingScreen(service, EXERCISES)

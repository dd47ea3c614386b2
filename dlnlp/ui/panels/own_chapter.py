"""The answers of a chapter's model that the visitor has trained and opened from a folder."""

from __future__ import annotations

import gradio as gr

from dlnlp.ui.kit.own import OwnModel
from dlnlp.ui.kit.panels import Asked, Panel, Values
from dlnlp.ui.panels.summary import summary


def own_chapter_panel(model: OwnModel, asked: Asked) -> Panel:
    """The answers of all capabilities that have a short form."""
    with Panel(model, asked, "answers") as panel:
        shown = gr.HTML(elem_id=model.id("answer"), elem_classes="dl-result")

    def show(text: str) -> Values:
        return {shown: summary(model, text, model.chapter)}

    return panel.shows(show, outputs=[shown])

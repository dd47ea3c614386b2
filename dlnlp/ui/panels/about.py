"""The panel with the model card."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from dlnlp.checkpoint import CheckpointError
from dlnlp.ui.kit.markup import card_text, fault
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import AT_ONCE

# The style sheet shows it in French alone.
ENGLISH = Markup('<p class="dl-caption dl-in-english">This model card is in English.</p>')


def about_panel(model: Model) -> None:
    """The model card, read when the accordion is opened."""

    def read() -> tuple[str, str]:
        try:
            return card_text(model.registry.report(model.stem).card), ENGLISH
        except CheckpointError as error:
            return "", fault(str(error))

    with gr.Accordion("About this model", open=False, elem_id=model.id("about")) as accordion:
        remark = gr.HTML()
        card = gr.Markdown(elem_classes="dl-card")
    accordion.expand(read, None, [card, remark], **AT_ONCE)

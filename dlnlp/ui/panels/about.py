"""The panel with the model card."""

from __future__ import annotations

import gradio as gr

from dlnlp.checkpoint import CheckpointError
from dlnlp.ui.kit.markup import card_text, fault
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import AT_ONCE


def about_panel(model: Model) -> None:
    """The model card, read when the accordion is opened."""

    def read() -> tuple[str, str]:
        try:
            return card_text(model.registry.report(model.stem).card), ""
        except CheckpointError as error:
            return "", fault(str(error))

    with gr.Accordion("About this model", open=False, elem_id=model.id("about")) as accordion:
        missing = gr.HTML()
        card = gr.Markdown(elem_classes="dl-card")
    accordion.expand(read, None, [card, missing], **AT_ONCE)

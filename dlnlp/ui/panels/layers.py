"""The verdicts of linear probes on each layer of a Transformer encoder."""

from __future__ import annotations

import gradio as gr

from dlnlp import plots
from dlnlp.ui.kit.markup import caption
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Panel, Values

ABOUT = (
    "A linear probe predicts the verdict from the mean hidden state of each layer. The first point "
    "is the embeddings, before any attention. The verdict above uses the first token of the last "
    "layer instead, so the two may differ."
)


def layers_panel(model: Model, box: gr.Textbox) -> Panel:
    """The probability of positive at each layer."""
    with Panel(model, box, "layers", "The verdict layer by layer") as panel:
        gr.HTML(caption(ABOUT))
        figure = gr.Plot(show_label=False, visible=False, elem_id=model.id("layers_plot"))

    def show(text: str) -> Values:
        found = model.call("layers", text=text)
        return {figure: gr.Plot(plots.layer_verdicts(found), visible=True)}

    return panel.shows(show, outputs=[figure])

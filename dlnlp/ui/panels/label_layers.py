"""What a classifier would say if its head read the output of each layer, as bars."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr
from markupsafe import Markup

from dlnlp.ui.kit.markup import caption, join, percent
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values

TITLE = "The answer layer by layer"
ABOUT = (
    "The probability of “{}” if the model's head read the output of each layer, as if the later "
    "layers did not exist. The head was trained on the last layer, so the first ones may look "
    "worse than they are."
)
BLANK = "Submit a text to see the answer of each layer."


def label_layers_panel(model: Model, asked: Asked) -> Panel:
    """A bar for each layer."""
    with Panel(model, asked, "layers", TITLE, open=False, blank=BLANK) as panel:
        shown = gr.HTML(elem_id=model.id("layer_bars"), elem_classes="dl-result")

    def show(text: str) -> Values:
        [answer] = model.call("classify", texts=[text])
        return {shown: label_layers(answer.label, model.call("layers", text=text))}

    return panel.shows(show, outputs=[shown])


def label_layers(label: str, probabilities: Sequence[float]) -> Markup:
    """The bars, below an explanation."""
    bar = Markup('<li><code>{}</code><i style="width:{:.1f}%"></i><span>{}</span></li>').format
    rows = (
        bar(f"layer {layer}" if layer else "embeddings", 80 * value, percent(value))
        for layer, value in enumerate(probabilities)
    )
    return caption(ABOUT.format(label)) + Markup(
        '<section class="dl-sampling"><ol>{}</ol></section>'
    ).format(join(rows))

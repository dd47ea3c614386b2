"""The verdicts of linear probes on each layer of a Transformer encoder, and on each word."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from dlnlp import plots
from dlnlp.ui.kit.markup import caption, note, row, signed_tint, table, verbatim
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values
from dlnlp.views import LayerWords

ABOUT = (
    "A linear probe predicts the verdict from the mean hidden state of each layer. The first point "
    "is the embeddings, before any attention. The verdict above uses the first token of the last "
    "layer instead, so the two may differ."
)
ABOUT_WORDS = (
    "The same probes on the state of each word: the probability of positive, in percent. The "
    "probe's logit for the text is the mean over its tokens."
)
MOST_WORDS = 48  # columns shown


def layers_panel(model: Model, asked: Asked) -> Panel:
    """The probability of positive at each layer, for the text and for each word."""
    with Panel(model, asked, "layers", "The verdict layer by layer") as panel:
        gr.HTML(caption(ABOUT))
        figure = gr.Plot(show_label=False, visible=False, elem_id=model.id("layers_plot"))
        words = gr.HTML(elem_id=model.id("layer_words"), elem_classes="dl-result")

    def show(text: str) -> Values:
        found = model.call("layer_words", text=text)
        drawn = plots.layer_verdicts(found.positive.tolist())
        return {figure: gr.Plot(drawn, visible=True), words: layer_words(found)}

    return panel.shows(show, outputs=[figure, words])


def layer_words(found: LayerWords) -> Markup:
    """A table with a row for each layer and a column for each word."""
    count = min(len(found.names), MOST_WORDS)
    rows = [
        row(str(layer) if layer else "embeddings", map(_cell, found.words[layer, :count].tolist()))
        for layer in range(len(found.positive))
    ]
    cut = count < len(found.names) or found.truncated
    remark = note(f"Only the first {count} words are shown.") if cut else Markup("")
    head = [verbatim(plots.visible(name)) for name in found.names[:count]]
    return remark + caption(ABOUT_WORDS) + table(["layer", *head], rows)


def _cell(positive: float) -> Markup:
    return Markup('<td style="{}">{}</td>').format(
        signed_tint(2 * positive - 1), f"{100 * positive:.0f}"
    )

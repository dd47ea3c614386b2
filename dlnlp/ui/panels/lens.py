"""What each layer of a language model would predict after each token."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from dlnlp.plots import visible
from dlnlp.results import Lens
from dlnlp.ui.kit.markup import caption, details, note, percent, row, table, tint, verbatim
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values

ABOUT = (
    "The logit lens: the model's output layer applied to the output of each layer, as if the later "
    "layers did not exist. Each column is a token of your prompt, each cell the most likely next "
    "token. The last row is the model's prediction; those that agree with it are bold. A stronger "
    "colour means a higher probability."
)
BLANK = "Submit a prompt to see the predictions of each layer."
NAME = "Predictions of each layer, by token; the arrow keys choose a cell"
HINT = "Choose a cell to see its probability."
MOST_TOKENS = 48  # columns shown
STRONGEST = 70  # percent of the colour, for a probability of 1


def lens_panel(model: Model, asked: Asked) -> Panel:
    """A table of predictions, one row for each layer and one column for each token."""
    title = "Predictions layer by layer"
    with Panel(model, asked, "lens", title, open=False, blank=BLANK, keep="end") as panel:
        gr.HTML(caption(ABOUT))
        shown = gr.HTML(elem_id=model.id("lens_table"), elem_classes="dl-result")

    def show(text: str) -> Values:
        return {shown: lens_table(model.call("lens", text=text))}

    return panel.shows(show, outputs=[shown])


def lens_table(found: Lens) -> Markup:
    """The table for the last tokens of the prompt."""
    begin = max(0, len(found.tokens) - MOST_TOKENS)
    columns = range(begin, len(found.tokens))
    head = [verbatim(_short(found.tokens[i])) for i in columns]
    rows = [
        row(_name(layer, len(found.predicted)), [_cell(found, layer, i) for i in columns])
        for layer in range(len(found.predicted))
    ]
    cut = begin or found.truncated
    remark = note(f"Only the last {len(columns)} tokens are shown.") if cut else Markup("")
    cells = table(["layer", *head], rows, numbers=False, name=NAME)
    return remark + details(cells, HINT)


def _name(layer: int, layers: int) -> str:
    if not layer:
        return "embeddings"
    return f"{layer}, the last" if layer == layers - 1 else str(layer)


def _cell(found: Lens, layer: int, column: int) -> Markup:
    probability, predicted = found.probabilities[layer, column], found.predicted[layer][column]
    final = found.predicted[-1][column]
    detail = f"after {_quoted(found.tokens[column])}: {_quoted(predicted)} {percent(probability)}"
    if predicted != final:
        detail += f"; the last layer's {_quoted(final)} {percent(found.final[layer, column])}"
    return Markup('<td translate="no" data-detail="{}"{} style="{}">{}</td>').format(
        detail,
        Markup(" data-final") if predicted == final else "",
        tint("--dl-positive", round(STRONGEST * float(probability))),
        _short(predicted),
    )


def _short(token: str) -> str:
    return visible(token, "·")


def _quoted(token: str) -> str:
    return f"“{_short(token)}”"

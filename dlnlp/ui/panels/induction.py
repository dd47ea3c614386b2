"""Which attention heads of a language model notice that a text repeats itself."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from dlnlp.results import Induction
from dlnlp.ui.kit.markup import caption, figures, note, row, table, tint
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values

ABOUT = (
    "The model reads your prompt twice in a row. An induction head attends from a repeated token "
    "to the token that followed it the first time, and so predicts that the text goes on as before "
    "(Olsson et al. 2022). The score of a head is the mean weight of this attention."
)
BLANK = "Submit a prompt to see the induction heads."
SHORT = "The prompt needs at least two tokens."
STRONGEST = 70  # percent of the colour, for a score of 1


def induction_panel(model: Model, asked: Asked) -> Panel:
    """A table of scores, one row for each layer and one column for each head."""
    title = "Induction heads"
    with Panel(model, asked, "induction", title, open=False, blank=BLANK, keep="end") as panel:
        gr.HTML(caption(ABOUT))
        shown = gr.HTML(elem_id=model.id("induction_table"), elem_classes="dl-result")

    def show(text: str) -> Values:
        return {shown: induction_table(model.call("induction", text=text))}

    return panel.shows(show, outputs=[shown])


def induction_table(found: Induction) -> Markup:
    """The scores of all heads, below the surprisal of both readings."""
    if not found.first_bits.size:
        return note(SHORT)
    layers, heads = found.scores.shape
    best = divmod(int(found.scores.argmax()), heads)
    values = (
        ("mean surprisal, first reading", f"{found.first_bits.mean():.1f} bits"),
        ("second reading", f"{found.second_bits.mean():.1f} bits"),
        ("highest score", f"layer {best[0] + 1}, head {best[1] + 1}"),
    )
    rows = [row(f"layer {i + 1}", map(_cell, found.scores[i].tolist())) for i in range(layers)]
    cut = f"Only the last {len(found.tokens)} tokens of this long prompt are read twice."
    remark = note(cut) if found.truncated else Markup("")
    return remark + figures(values) + table(["head", *map(str, range(1, heads + 1))], rows)


def _cell(score: float) -> Markup:
    colour = tint("--dl-positive", round(STRONGEST * min(1.0, score)))
    return Markup('<td style="{}">{}</td>').format(colour, f"{score:.1%}")

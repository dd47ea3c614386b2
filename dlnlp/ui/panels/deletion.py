"""Deletion curves: a check of both attribution methods on the text."""

from __future__ import annotations

import gradio as gr

from dlnlp import plots
from dlnlp.ui.kit.markup import caption, note
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values

TITLE = "Check the explanations"
ABOUT = (
    "Words are deleted in order of how strongly they support the verdict according to each method, "
    "and in random orders (their mean). The faster the logit moves towards the other verdict, the "
    "better the method found the words that matter. Texts without many of their words are unlike "
    "those the model was trained on, so differences on the right say little."
)
BLANK = "Submit a text to check its explanations."
SHORT = "The text needs at least two words."
NAMES = {"integrated_gradients": "integrated gradients", "leave_one_out": "leave-one-out"}


def deletion_panel(model: Model, asked: Asked) -> Panel:
    """The logit as more and more words are deleted."""
    waiting = "Deleting words…"
    with Panel(model, asked, "deletion", TITLE, open=False, blank=BLANK, waiting=waiting) as panel:
        gr.HTML(caption(ABOUT))
        figure = gr.Plot(show_label=False, visible=False, elem_id=model.id("deletion_plot"))

    def show(text: str) -> Values:
        found = model.call("deletion_curves", text=text)
        if found.words < 2:
            return {panel.status: note(SHORT)}
        curves = {
            NAMES.get(method, method): curve.tolist()
            for method, curve in zip(found.methods, found.curves, strict=True)
        }
        curves["random order"] = found.random.tolist()
        drawn = plots.deletion_curves(found.deleted, curves)
        remark = note("Only the beginning of this long text is used.") if found.truncated else ""
        return {panel.status: remark, figure: gr.Plot(drawn, visible=True)}

    return panel.shows(show, outputs=[figure])

"""The verdict of a recurrent model after each word, and its hidden states."""

from __future__ import annotations

import gradio as gr

from dlnlp import plots
from dlnlp.results import Trace
from dlnlp.ui import theme
from dlnlp.ui.kit.markup import caption
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values

READING = "The verdict if the text ended after each word."
STATES = (
    "The hidden units that vary most over the first 60 words: orange is negative, blue positive. "
    "Units of the forward direction (→) are above those of the backward direction (←). Hover to "
    "see at which words a unit is strongest."
)


def running_verdict_panel(model: Model, asked: Asked) -> Panel:
    """The verdict after each word."""
    with Panel(model, asked, "reading", "The verdict word by word") as panel:
        remark = gr.HTML(caption(READING))
        figure = gr.Plot(show_label=False, visible=False, elem_id=model.id("trace"))

    def show(text: str) -> Values:
        found = model.call("trace", text=text)
        if not found.words:
            return {remark: caption(READING)}
        width = theme.wide(16 * len(found.ends))
        drawn = gr.Plot(plots.running_verdict(found), visible=True, elem_classes=width)
        return {remark: caption(READING + _left_out(found)), figure: drawn}

    return panel.shows(show, outputs=[figure, remark])


def _left_out(found: Trace) -> str:
    text = f" Only the first {len(found.words)} words are used." if found.truncated else ""
    if len(found.ends) < len(found.words):
        text += f" {len(found.ends)} of {len(found.words)} words are shown, evenly spaced."
    return text


def hidden_states_panel(model: Model, asked: Asked) -> Panel:
    """The hidden states at each word."""
    with Panel(model, asked, "memory", "Hidden states", open=False) as panel:
        gr.HTML(caption(STATES))
        figure = gr.Plot(show_label=False, visible=False, elem_id=model.id("hidden"))

    def show(text: str) -> Values:
        found = model.call("trace", text=text)
        if not found.words:
            return {}
        width = theme.wide(18 * min(len(found.words), plots.MOST_WORDS))
        return {figure: gr.Plot(plots.hidden_states(found), visible=True, elem_classes=width)}

    return panel.shows(show, outputs=[figure])

"""The verdict of a sentiment model on a text."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from dlnlp.results import UNSURE_ABOVE, UNSURE_BELOW, Sentiment
from dlnlp.ui.kit.markup import note, percent
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values

BLANK = "Type a text to see whether the model finds it positive or negative."
TRUNCATED = "Only the beginning of this text was read."


def verdict_panel(model: Model, asked: Asked) -> Panel:
    """Positive, negative or unsure, with the probability."""
    with Panel(model, asked, "verdict", blank=BLANK) as panel:
        result = gr.HTML(elem_id=model.id("result"), elem_classes="dl-result")

    def show(text: str) -> Values:
        [found] = model.call("classify", texts=[text])
        return {result: verdict(found) + model.language_note(text)}

    return panel.shows(show, outputs=[result])


def verdict(result: Sentiment) -> Markup:
    """The verdict, its probability, and a scale from negative to positive."""
    return Markup(
        '<section class="dl-verdict dl-{}" role="status"><div class="dl-verdict-head">'
        "<strong>{}</strong><span>probability of positive: <b>{}</b></span></div>{}</section>{}"
    ).format(
        result.verdict,
        result.verdict.upper(),
        percent(result.positive),
        scale(result.positive),
        note(TRUNCATED) if result.truncated else "",
    )


def scale(positive: float, ends: bool = True) -> Markup:
    """A bar from negative to positive with a marker; the range of "unsure" is hatched."""
    named = Markup(
        '<div class="dl-ends"><span>negative</span><span>unsure</span><span>positive</span></div>'
    )
    left, width = 100 * UNSURE_ABOVE, 100 * (UNSURE_BELOW - UNSURE_ABOVE)
    return Markup(
        '<div class="dl-scale" role="img" aria-label="{} positive"><div class="dl-track">'
        '<i style="left:{:.2f}%;width:{:.2f}%"></i><b style="left:{:.2f}%"></b></div>{}</div>'
    ).format(percent(positive), left, width, 100 * positive, named if ends else "")

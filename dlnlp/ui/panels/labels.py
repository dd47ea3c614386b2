"""The probability of each label of a classifier, as bars."""

from __future__ import annotations

from typing import Any

import gradio as gr
from markupsafe import Markup

from dlnlp.results import Classification
from dlnlp.ui.kit.markup import join, note, percent
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import Asked, Panel, Values

MOST_LABELS = 12
SEVERAL = "Any number of labels may apply; those with a probability of at least 50% are in bold."
TRUNCATED = "Only the beginning of this long text is read."


def labels_panel(model: Model, asked: Asked) -> Panel:
    """The most likely labels."""
    with Panel(model, asked, "verdict") as panel:
        shown = gr.HTML(elem_id=model.id("labels"), elem_classes="dl-result")

    def show(text: str) -> Values:
        [found] = model.call("classify", texts=[text])
        return {shown: labels(found)}

    return panel.shows(show, outputs=[shown])


def labels(found: Classification) -> Markup:
    """The labels with bars, the most likely first."""
    order = sorted(range(len(found.labels)), key=lambda i: -float(found.probabilities[i]))
    rows = [_row(found, i) for i in order[:MOST_LABELS]]
    more = len(order) - len(rows)
    remarks: list[Any] = []
    if found.multi_label:
        remarks.append(note(SEVERAL))
    if found.truncated:
        remarks.append(note(TRUNCATED))
    if more:
        rows.append(
            Markup("<li><code></code><span>and {:,} less likely ones</span></li>").format(more)
        )
    return Markup('{}<section class="dl-sampling" role="status"><ol>{}</ol></section>').format(
        join(remarks), join(rows)
    )


def _row(found: Classification, index: int) -> Markup:
    name, probability = found.labels[index], float(found.probabilities[index])
    label = Markup("<b>{}</b>").format(name) if name in found.chosen else name
    return Markup('<li><code>{}</code><i style="width:{:.1f}%"></i><span>{}</span></li>').format(
        label, 80 * probability, percent(probability)
    )

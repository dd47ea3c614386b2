"""The first tab: one sentence and the answers of all models."""

from __future__ import annotations

from functools import partial

import gradio as gr

from dlnlp.catalog import CATALOG
from dlnlp.service import Service
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import pressing, revealing
from dlnlp.ui.kit.questions import choose, question
from dlnlp.ui.panels.summary import summary_panel

STEM = "start"
TITLE = "Start"
LABEL = "Type a sentence to see what each model makes of it"
EXAMPLES = (
    "We were happy to see our old friends again.",
    "I love this little house by the sea.",
    "It wasn't bad at all.",
    "The train to Paris leaves at nine.",
    "Good morning! How are you?",
)


def build_tab(service: Service) -> None:
    """A box and one card per model; the page opens with the answers to the first example."""
    with gr.Column(elem_classes="dl-start"):
        asked = question(STEM, LABEL, "A sentence", "Run", EXAMPLES, value=EXAMPLES[0])
        with gr.Row(elem_id=f"{STEM}_answer", elem_classes="dl-cards"):
            panels = [summary_panel(Model(service, entry.stem), asked) for entry in CATALOG]
    # Every model answers in its own queue, so that a slow one holds up no other.
    choose(asked).then(None, js=pressing(asked.button))
    for panel in panels:
        event = {**panel.event(asked.box), "trigger_mode": "always_last"}
        if panel is panels[0]:
            event["js"] = revealing(panel.id)
        gr.on([asked.button.click, asked.box.submit], panel.run, **event)
        # Without triggers, an event runs when a page is opened.
        first = partial(panel.run, EXAMPLES[0])
        gr.on(None, first, **{**panel.event(asked.box), "inputs": asked.opened})

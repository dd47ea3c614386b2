"""The visitor's own classifier on the text that the Compare tab's models classify."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import gradio as gr
from markupsafe import Markup

from dlnlp.compare.models import timed
from dlnlp.hub import CHAPTER, CLASSIFICATION, PREFIX, HubError
from dlnlp.hub.about import About
from dlnlp.results import Classification, LabelAttribution
from dlnlp.service import Service
from dlnlp.service.calls import SECONDS
from dlnlp.service.own import STEM, OwnModels
from dlnlp.ui.kit.inputs import readable
from dlnlp.ui.kit.markup import caption, figures, verbatim
from dlnlp.ui.kit.own import OwnModel
from dlnlp.ui.kit.panels import Asked, Panel, Values
from dlnlp.ui.panels.labels import labels
from dlnlp.ui.panels.own_model import loaded
from dlnlp.ui.panels.words import directions, tinted_words

TITLE = "Your own classifier"
BLANK = "Submit a text to compare a model of your own."
INFO = f"Any text classifier from the Hugging Face Hub or a folder; see the tab “{OwnModel.title}”."


def own_comparison_panel(service: Service, asked: Asked, id: str) -> Panel:
    """A box for a model, and its labels, time, size and attributions.

    Args:
        id: The HTML id of the panel's accordion.
    """
    own = OwnModels(service)
    model = OwnModel(service, STEM)
    with Panel(model, asked, "own", TITLE, open=False, blank=BLANK, id=id) as panel:
        name = gr.Textbox(
            own.choices[0].removeprefix(PREFIX),
            label="Model",
            info=INFO,
            max_lines=2,
            elem_id=f"{id}_model",
        )
        shown = gr.HTML(elem_id=f"{id}_result", elem_classes="dl-result")

    def show(text: str, typed: object) -> Iterator[Values]:
        wanted = readable(typed)[0].strip()
        for step in loaded(own, wanted):
            if not isinstance(step, About):
                yield {panel.status: step}
            elif step.task != CLASSIFICATION:
                what = "is a chapter's model" if step.task == CHAPTER else "continues texts"
                raise HubError(f"{step.name!r} {what}: choose a text classifier.")
            else:
                classify = partial(timed, text=text)
                found, milliseconds = own.run(wanted, classify, SECONDS)
                yield {shown: compared(step, found, milliseconds)}
                words = own.call(wanted, "explain", text=text)
                yield {shown: compared(step, found, milliseconds) + tinted(words)}

    panel.shows(show, [name], [shown])
    name.submit(panel.run, **panel.event(asked.text))
    return panel


def compared(about: About, found: Classification, milliseconds: float) -> Markup:
    """The labels, below time and size."""
    values = (
        ("", verbatim(about.name)),
        ("time (median)", f"{milliseconds:.1f} ms"),
        ("parameters", f"{about.parameters:,}"),
    )
    return figures(values) + labels(found)


def tinted(found: LabelAttribution) -> Markup:
    """The text tinted by integrated gradients."""
    above, below = directions(found)
    about = caption(f"Contributions by integrated gradients: blue {above}, orange {below}.")
    return Markup('<section class="dl-words">{}<p class="dl-text">{}</p></section>').format(
        about, tinted_words(found)
    )

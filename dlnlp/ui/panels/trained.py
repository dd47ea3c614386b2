"""The answers of the model that the visitor has trained, beside those of the chapter's own."""

from __future__ import annotations

from typing import Any

import gradio as gr
from markupsafe import Markup

from dlnlp.service import Service, trained
from dlnlp.ui.kit.markup import note
from dlnlp.ui.kit.model import Model, visitor
from dlnlp.ui.kit.panels import Asked, Panel, Values
from dlnlp.ui.panels.summary import summary

TITLE = "Your trained model"
TAB = "Train it yourself"  # the title of the tab that trains it
USE = "Use it in its tab"  # the button there that brings it here
BLANK = "Submit a text to compare the model that you have trained with this chapter's."
NONE = f"You have not trained this model yet: open the tab “{TAB}”, train it, and press “{USE}”."


class TrainedModel(Model):
    """The visitor's own model of a chapter; waits in the chapter's queue on the page."""

    is_loaded = True  # loading such a small model takes a moment

    @property
    def key(self) -> str | None:
        """The secret name of the visitor's run, or None."""
        return self.service.trainings.desk(visitor()).used.get(self.stem)

    def call(self, verb: str, **arguments: Any) -> Any:
        """See ``trained.call``."""
        return trained.call(self.service, str(self.key), verb, **arguments)


def trained_panel(service: Service, stem: str, asked: Asked) -> Panel:
    """Both models' answers, side by side."""
    own, chapter = TrainedModel(service, stem), Model(service, stem)
    with Panel(own, asked, "trained", TITLE, open=False, blank=BLANK) as panel:
        shown = gr.HTML(elem_id=own.id("trained_answers"), elem_classes="dl-result")

    def show(text: str) -> Values:
        if own.key is None:
            return {panel.status: note(NONE)}
        answers = [(TITLE, summary(own, text)), (f"{chapter.title}", summary(chapter, text))]
        return {
            shown: Markup('<div class="dl-compare">{}</div>').format(
                Markup("").join(
                    Markup('<section class="dl-compared"><h3>{}</h3>{}</section>').format(*each)
                    for each in answers
                )
            )
        }

    return panel.shows(show, outputs=[shown])

"""The Learn panel: a guided tour of a chapter's model, questions, and the tutorial's listing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import gradio as gr
from markupsafe import Markup

from dlnlp import catalog
from dlnlp.checkpoint import CheckpointError
from dlnlp.learn.facts import facts, in_french
from dlnlp.learn.texts import Guide, Question, Step, Trial, guide, html
from dlnlp.text.words import clean
from dlnlp.ui.kit.inputs import event_ints, readable
from dlnlp.ui.kit.markup import caption, join, note
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import QUEUED, Asked, Panel, Values
from dlnlp.ui.panels.learn_pictures import picture
from dlnlp.ui.panels.learn_tutorial import outcome, tutorial
from dlnlp.views import Walk

TITLE = "Learn: how this model works, step by step on your text"
NO_PICTURES = "The pictures need the model's checkpoint."
EXAMPLE = "Shown for “{}”. Submit a text of your own to see it here instead."
UNTRAINED = "The texts describe the trained model; this server runs a tiny one without training."
LAST = ("comparisons", "Go on to compare the models")  # where the last chapter leads to
# See ``learn.js``.
TOUR, LISTING = "dlnlp.tour(element, watch);", "dlnlp.listing(element, trigger);"


class LearnPanel(Panel):
    """A panel whose texts stay while there are no results, and that begins with an example.

    Args:
        example: The text that is followed while the visitor has submitted none.
    """

    def __init__(self, model: Model, asked: Asked, example: str, keep: str) -> None:
        super().__init__(model, asked, "learn", TITLE, open=False, keep=keep)
        self.example = example
        with self:
            self.tour = gr.HTML(elem_id=model.id("tour"), elem_classes="dl-result", js_on_load=TOUR)
            self.more = gr.HTML(
                elem_id=model.id("questions"), elem_classes="dl-result", js_on_load=LISTING
            )
            self.ran = gr.HTML(elem_id=model.id("ran"), elem_classes="dl-result")

    def run(self, typed: object, opened: set[str], *inputs: Any) -> Iterator[Values]:
        """Like ``Panel.run``; without a text, for the example, which is not marked as answered."""
        blank = not clean(readable(typed)[0])
        for values in super().run(self.example if blank else typed, opened, *inputs):
            yield self._as_example(values) if blank else values

    def _as_example(self, values: Values) -> Values:
        if self.tour in values and not values[self.status]:  # there are pictures
            remark = caption(EXAMPLE.format(self.example))
            values = {**values, self.tour: remark + values[self.tour]}
        return {**values, self.marker: QUEUED}

    def empty(self) -> Values:
        """The texts without pictures, instead of nothing."""
        cleared = {key: value for key, value in super().empty().items() if key is not self.ran}
        return {**cleared, **self.texts(None)}

    def _failed(self, error: Exception) -> Markup:
        """The sentence for an error; the first panel of the tab explains a missing checkpoint."""
        if isinstance(error, CheckpointError):
            return note(NO_PICTURES)
        return super()._failed(error)

    def texts(self, walk: Walk | None) -> Values:
        """All steps and questions, with the pictures of the walk of a text."""
        registry, stem = self.model.registry, self.model.stem
        known, read = facts(registry.root / stem), guide(stem)
        remark = note(UNTRAINED) if registry.untrained else Markup("")
        more = questions(stem, read, known) + tutorial(stem)
        return {self.tour: remark + tour(stem, read, known, walk, self.example), self.more: more}


def learn_panel(model: Model, asked: Asked, example: str, keep: str = "beginning") -> Panel:
    """The guided tour, three questions, and the tutorial's listing beside ours.

    Args:
        example: The text that is followed while the visitor has submitted none.
        keep: The part of a very long text to use, "beginning" or "end".
    """
    panel = LearnPanel(model, asked, example, keep)

    def show(text: str) -> Values:
        return panel.texts(model.call("walk", text=text))

    def run_listing(event: gr.EventData) -> Values:
        return {panel.ran: outcome(model.stem, event_ints(event, "repairs"))}

    panel.shows(show, outputs=[panel.tour, panel.more, panel.ran])
    panel.on(panel.more.click, run_listing, outputs=[panel.ran])
    return panel


def tour(
    stem: str, text: Guide, known: Mapping[str, str], walk: Walk | None, example: str = ""
) -> Markup:
    """All steps, of which one is shown, with the buttons that move between them."""
    french = [each.text for each in guide(stem, "fr").steps]
    pages = [
        _page(stem, i, each, example, prose(each.text, fr, known), picture(walk, each.picture))
        for i, (each, fr) in enumerate(zip(text.steps, french, strict=True))
    ]
    dots = [
        Markup(
            '<button type="button" data-step="{0}" aria-label="Step {1}: {2}">{1}</button>'
        ).format(i, i + 1, each.title)
        for i, each in enumerate(text.steps)
    ]
    ends = Markup(
        '<p class="dl-tour-ends"><button type="button" class="dl-copy" data-move="-1">Back</button>'
        '<span class="dl-tour-at" role="status"></span>'
        '<button type="button" class="dl-copy" data-move="1">Next</button></p>'
    )
    return Markup(
        '<section class="dl-learn" data-tour="{}"><nav aria-label="Steps">{}</nav>{}{}</section>'
    ).format(stem, join(dots), ends, join(pages))


def prose(english: str, french: str, known: Mapping[str, str]) -> Markup:
    """A passage in both languages, of which the style sheet shows one."""
    return Markup('<div lang="en">{}</div><div lang="fr">{}</div>').format(
        html(english, known), html(french, in_french(known))
    )


def _page(stem: str, index: int, step: Step, example: str, text: Markup, drawn: Markup) -> Markup:
    live = Markup("")
    if step.live:
        live = Markup(
            '<p><button type="button" class="dl-copy" data-show="{}" data-text="{}">'
            "See it below: {}</button></p>"
        ).format(f"{stem}_{step.live.panel}", example, step.live.title)
    elif index == len(guide(stem).steps) - 1:
        live = _next(stem)
    return Markup(
        '<article data-page="{}"{}><div class="dl-step"><h3>{}</h3>{}{}</div>'
        '<div class="dl-picture">{}</div></article>'
    ).format(
        step.title,
        Markup(" hidden") if index else "",
        step.title,
        text,
        live,
        drawn,
    )


def _next(stem: str) -> Markup:
    """The button to the next chapter."""
    stems = [entry.stem for entry in catalog.CATALOG]
    following = stems[stems.index(stem) + 1 :]
    tab, label = LAST
    if following:
        tab, label = following[0], f"Go on to {catalog.record(following[0]).chapter}"
    return Markup('<p><button type="button" class="dl-copy" data-tab="{}">{}</button></p>').format(
        tab, label
    )


def questions(stem: str, text: Guide, known: Mapping[str, str]) -> Markup:
    """The questions, with buttons to try them and folded answers."""
    return Markup(
        '<section class="dl-questions"><h3>Guess first, then try it</h3>{}</section>'
    ).format(
        join(
            _question(stem, each, fr, known)
            for each, fr in zip(text.questions, guide(stem, "fr").questions, strict=True)
        )
    )


def _question(stem: str, question: Question, french: Question, known: Mapping[str, str]) -> Markup:
    return Markup(
        '<article><h4>{}</h4>{}<p class="dl-switches">{}</p>'
        "<details><summary>Answer</summary>{}</details></article>"
    ).format(
        question.title,
        prose(question.text, french.text, known),
        join(_trial(stem, each) for each in question.trials),
        prose(question.answer, french.answer, known),
    )


def _trial(stem: str, trial: Trial) -> Markup:
    wanted = {
        "values": {f"{stem}_{name}": value for name, value in trial.values.items()},
        "opens": [f"{stem}_{name}" for name in trial.opens],
        "press": f"{stem}_{trial.press}",
    }
    return Markup('<button type="button" class="dl-copy" data-try="{}">Try it: {}</button>').format(
        json.dumps(wanted, ensure_ascii=False), trial.label
    )

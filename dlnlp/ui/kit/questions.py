"""The question of a tab: a text box, its button and examples, and the panels that answer it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.events import Dependency

from dlnlp.ui.kit import markup
from dlnlp.ui.kit.panels import AT_ONCE, Panel

STALE = "The dimmed results are for your previous text."


@dataclass(frozen=True)
class Question:
    """What a visitor asks with."""

    stem: str
    box: gr.Textbox
    button: gr.Button
    examples: gr.Dataset

    @property
    def answer_id(self) -> str:
        """The HTML id of the element that scrolls into view when the question is asked."""
        return f"{self.stem}_answer"


def question(
    stem: str, label: str, placeholder: str, verb: str, samples: Sequence[str]
) -> Question:
    """A text box, its button, and examples that fill the box and ask.

    With ``lines=1``, Enter asks and Shift+Enter starts a new line.
    """
    box = gr.Textbox(
        label=label, placeholder=placeholder, lines=1, max_lines=8, elem_id=f"{stem}_text"
    )
    button = gr.Button(verb, variant="primary", elem_id=f"{stem}_run")
    examples = gr.Dataset(
        label="Examples",
        components=[gr.Textbox(visible=False)],
        samples=[[sample] for sample in samples],
        elem_id=f"{stem}_examples",
        elem_classes="dl-examples",
    )
    gr.HTML(markup.note(STALE), elem_classes="dl-stale")
    return Question(stem, box, button, examples)


def answer(question: Question, panels: Sequence[Panel]) -> list[Dependency]:
    """Let the panels answer the question one after the other, and bring the first into view.

    All of them answer the text with which the question was asked, whatever is typed meanwhile.
    Returns the last event of each way to ask.
    """
    first, *others = panels
    reveal = f"(...values) => {{ dlnlp.reveal('{question.answer_id}'); return values; }}"
    event: dict[str, Any] = {
        **first.event([question.box, first.is_open, *first.inputs]),
        "fn": first.run,
        "trigger_mode": "always_last",
        "js": reveal,
    }
    asked = gr.on([question.button.click, question.box.submit], **event)
    chosen = question.examples.click(lambda row: row[0], question.examples, question.box, **AT_ONCE)
    ends = []
    for last in (asked, chosen.then(**event)):
        for panel in others:
            last = last.then(panel.run, **panel.event([first.asked, panel.is_open, *panel.inputs]))
        ends.append(last)
    return ends

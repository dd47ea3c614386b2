"""The question of a tab: a text box with button and examples, and the panels that answer it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.events import Dependency

from dlnlp.ui.kit import markup
from dlnlp.ui.kit.panels import AT_ONCE, Panel, revealing

STALE = "The dimmed results are for your previous text."


@dataclass(frozen=True)
class Question:
    """The components of a question."""

    box: gr.Textbox
    button: gr.Button
    examples: gr.Dataset


def question(
    stem: str,
    label: str,
    placeholder: str,
    verb: str,
    samples: Sequence[str],
    beside: Sequence[gr.Button] = (),
    value: str = "",
) -> Question:
    """A text box, its button, and examples that fill the box and submit it.

    Args:
        verb: The label of the button.
        samples: The examples.
        beside: Further buttons for the same text, created with ``render=False``.
        value: The text at first.
    """
    # With lines=1, Enter submits and Shift+Enter starts a new line. CSS sets its height.
    box = gr.Textbox(
        value,
        label=label,
        placeholder=placeholder,
        lines=1,
        max_lines=8,
        interactive=True,
        elem_id=f"{stem}_text",
    )
    with gr.Row(elem_classes="dl-buttons"):
        button = gr.Button(verb, variant="primary", scale=2, min_width=120, elem_id=f"{stem}_run")
        for other in beside:
            other.render()
    examples = gr.Dataset(
        label="Examples",
        components=[gr.Textbox(visible=False)],
        samples=[[sample] for sample in samples],
        elem_id=f"{stem}_examples",
        elem_classes="dl-examples",
    )
    gr.HTML(markup.note(STALE), elem_classes="dl-stale")
    return Question(box, button, examples)


def choose(question: Question) -> Dependency:
    """The event that fills the box with the example that was clicked."""
    return question.examples.click(
        lambda row: row[0],
        question.examples,
        question.box,
        trigger_mode="always_last",  # by default a click is dropped while another is handled
        **AT_ONCE,
    )


def answer(
    question: Question, panels: Sequence[Panel], filled: Sequence[Dependency] = ()
) -> list[Dependency]:
    """Run the panels one after the other on each question, and scroll the first into view.

    All panels answer the submitted text, even if the visitor keeps typing. Returns the last event
    of each way to submit.

    Args:
        filled: Events that put another text into the box, which is submitted without scrolling.
    """
    first, *others = panels
    event: dict[str, Any] = {
        **first.event(question.box),
        "fn": first.run,
        "trigger_mode": "always_last",
    }
    scroll = {"js": revealing(first.id)}
    asked = gr.on([question.button.click, question.box.submit], **event, **scroll)
    shown = [asked, choose(question).then(**event, **scroll)]
    ends = []
    for last in (*shown, *(each.then(**event) for each in filled)):
        for panel in others:
            last = last.then(panel.run, **panel.event(first.asked))
        ends.append(last)
    return ends

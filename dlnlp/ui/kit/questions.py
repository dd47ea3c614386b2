"""The question of a tab: a text box with button and examples, and the panels that answer it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr
from gradio.events import Dependency

from dlnlp.ui.kit import markup
from dlnlp.ui.kit.panels import AT_ONCE, Asked, Panel, asking, pressing, revealing, together

STALE = "The dimmed results are for your previous text."


@dataclass(frozen=True)
class Question(Asked):
    """The components of a question."""

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
    states = asking(box)
    return Question(box, states.text, states.opened, button, examples)


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
) -> Dependency:
    """Run the panels one after the other on each question, and scroll the first into view.

    All panels answer the submitted text, even if the visitor keeps typing. The first has an event
    of its own, so that its result is shown at once. Returns the last event.

    Args:
        filled: Events that put another text into the box, which is submitted without scrolling.
    """
    first, *others = panels
    last = gr.on(
        [question.button.click, question.box.submit],
        **first.asking_event(question.box),
        trigger_mode="always_last",
        js=revealing(first.id),
    )
    # Pressing the button from the page keeps the number of events small: each of them makes all
    # updates of the page slower.
    choose(question).then(None, js=pressing(question.button))
    for each in filled:
        each.then(None, js=pressing(question.button, scrolling=False))
    for _, group in itertools.groupby(others, key=lambda panel: panel.event_group):
        last = last.then(**together(list(group), question.text))
    return last

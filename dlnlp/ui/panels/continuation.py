"""A continuation of the prompt that streams, and can be stopped and used as the next prompt."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.events import Dependency
from markupsafe import Markup

from dlnlp.capabilities import CONTINUATIONS
from dlnlp.results import Piece
from dlnlp.ui.kit.markup import join, note, scrolling
from dlnlp.ui.kit.model import Model
from dlnlp.ui.kit.panels import AT_ONCE, Asked, Panel, Values, revealing
from dlnlp.ui.panels.generation_settings import (
    CONTINUE,
    Filters,
    GenerationSettings,
    generation_arguments,
)
from dlnlp.ui.panels.next_tokens import WINDOW

BETWEEN = 0.04  # seconds between updates: the page needs longer for each than the model
BLANK = "Type the beginning of a text first, and the model continues it."
STOPPED = "Stopped; the text so far is kept."
SHOWN = 400  # characters of the prompt in front of a continuation
COPY = """async () => {{
  const text = document.querySelector("#{} .dl-text");
  if (!(await dlnlp.copy(text.innerText))) getSelection().selectAllChildren(text);
}}"""


@dataclass
class Stop:
    """Shared by a visitor's stream and the Stop button.

    The stream ends itself, because Gradio's way of cancelling an event lets late pieces
    overwrite what Stop has said, and sometimes shows an error.
    """

    requested: bool = False


@dataclass(frozen=True)
class ContinueButtons:
    """Continue, and Stop, which is enabled only while a continuation runs."""

    start: gr.Button
    stop: gr.Button

    @property
    def all(self) -> list[gr.Button]:
        """Both, to be placed beside the question's button."""
        return [self.start, self.stop]


def continue_buttons(model: Model) -> ContinueButtons:
    """The buttons, not rendered yet."""
    options: dict[str, Any] = {"render": False, "scale": 1, "min_width": 80}
    return ContinueButtons(
        gr.Button(CONTINUE, elem_id=model.id("continue"), **options),
        gr.Button(
            "Stop",
            variant="stop",
            interactive=False,
            elem_id=model.id("stop"),
            **options,
        ),
    )


def continuation_panel(
    model: Model,
    asked: Asked,
    buttons: ContinueButtons,
    filters: Filters,
    settings: GenerationSettings,
) -> Dependency:
    """Prompt and continuation; returns the event that uses them as the next prompt."""
    how: dict[str, Any] = {"waiting": "Generating…", "keep": "end", "queue": CONTINUATIONS}
    with Panel(model, asked, "continuation", blank=BLANK, **how) as panel:
        panel.status.value = ""  # nothing is said until Continue is pressed
        written = gr.HTML(elem_id=model.id("result"), elem_classes="dl-result")
        rate = gr.HTML(elem_id=model.id("progress"), elem_classes="dl-result")
        with gr.Row(elem_classes="dl-buttons"):
            small: dict[str, Any] = {"size": "sm", "visible": False, "min_width": 80}
            use = gr.Button("Use as prompt", elem_id=model.id("use_as_prompt"), **small)
            copy = gr.Button("Copy", elem_id=model.id("copy"), **small)
    whole = gr.State("")  # the page shows only the end of a long prompt
    stop = gr.State(Stop())  # every visitor gets a copy

    def show(prompt: str, *inputs: Any) -> Iterator[Values]:
        *values, stop = inputs
        generation = generation_arguments(*values)
        pieces = model.stream("stream", prompt=prompt, **generation)
        remarks = [WINDOW] * model.predictor.is_cut(prompt, generation["max_new_tokens"])
        for new, speed in progress(pieces, stop):
            notes = remarks + [STOPPED] * stop.requested
            yield {
                panel.status: join(map(note, notes)),
                written: continuation(prompt, new),
                rate: speed,
                whole: prompt + new,
            }

    inputs = [*settings.inputs, *filters.inputs, stop]
    panel.shows(show, inputs=inputs, outputs=[written, rate, whole])
    _connect(panel, buttons, stop, whole, (use, copy))
    copy.click(None, None, None, js=COPY.format(written.elem_id), **AT_ONCE)

    def adopt(text: str) -> Values:
        hidden = gr.Button(visible=False)
        return {**panel.empty(), use: hidden, copy: hidden, asked.box: text}

    outputs = [panel.marker, written, rate, whole, use, copy, asked.box]
    adopted = panel.on(use.click, adopt, [whole], outputs, at_once=True)
    adopted.then(None, js=f"() => dlnlp.reveal('{asked.box.elem_id}')", **AT_ONCE)
    return adopted


def _connect(
    panel: Panel,
    buttons: ContinueButtons,
    stop: gr.State,
    whole: gr.State,
    after: Sequence[gr.Button],
) -> None:
    """Let Continue run the panel, and enable Stop while it runs.

    Args:
        after: Buttons that are shown once there is a continuation.
    """

    def begin(stop: Stop) -> Values:
        stop.requested = False
        return {
            buttons.start: gr.Button(interactive=False),
            buttons.stop: gr.Button(interactive=True),
            **{button: gr.Button(visible=False) for button in after},
        }

    def end(whole: str) -> Values:
        return {
            buttons.start: gr.Button(interactive=True),
            buttons.stop: gr.Button(interactive=False),
            **{button: gr.Button(visible=bool(whole)) for button in after},
        }

    def request_stop(stop: Stop) -> Values:
        stop.requested = True
        return {buttons.stop: gr.Button(interactive=False)}

    shown: list[Component] = [*buttons.all, *after]
    asking = panel.event(panel.asked.box)
    begun = buttons.start.click(begin, stop, shown, **AT_ONCE)
    streamed = begun.then(panel.run, **asking, js=revealing(panel.id))
    streamed.then(end, whole, shown, **AT_ONCE)
    buttons.stop.click(request_stop, stop, [buttons.stop], **AT_ONCE)


def progress(pieces: Iterator[Piece], stop: Stop) -> Iterator[tuple[str, Markup]]:
    """The text so far and its speed, every ``BETWEEN`` seconds and once more at the end."""
    text, tokens, seconds, sent = "", 0, 0.0, 0.0
    begin = time.perf_counter()
    while not stop.requested and (piece := next(pieces, None)):
        text, tokens = text + piece.text, tokens + piece.tokens
        seconds = time.perf_counter() - begin
        if begin + seconds - sent > BETWEEN:
            yield text, speed(tokens, seconds)
            sent = time.perf_counter()
    yield text, speed(tokens, seconds)


def speed(tokens: int, seconds: float) -> Markup:
    """How many tokens were generated, and how fast."""
    per_second = tokens / max(seconds, 1e-3)
    return Markup(
        '<p class="dl-figures"><span><b>{:,}</b> {}</span>'
        "<span><b>{:,.0f}</b> tokens per second</span></p>"
    ).format(tokens, "token" if tokens == 1 else "tokens", per_second)


def continuation(prompt: str, new: str) -> Markup:
    """The end of the prompt, and what was generated in the colour of text."""
    end = prompt[-SHOWN:]
    dots = "…" if len(end) < len(prompt) else ""
    return Markup(
        '<section class="dl-continuation" {}><p class="dl-text"><span>{}{}</span>{}</p></section>'
    ).format(scrolling("Continuation"), dots, end, new)

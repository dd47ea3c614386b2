"""What the tabs share: input checks, errors as sentences, events, examples and the card."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import gradio as gr
from gradio.events import Dependency

from dlnlp import catalog
from dlnlp.checkpoint import CheckpointError
from dlnlp.registry import Registry
from dlnlp.text.words import clean
from dlnlp.ui import views

Result = TypeVar("Result")
Inside = tuple[Callable[..., Any], list[Any], list[Any]]
LIMIT = 100_000
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
_SURROGATE = re.compile("[\ud800-\udfff]")
_log = logging.getLogger("dlnlp.ui")
# A tab's answers are of the text that was asked; the page dims them while its box holds another.
_TAB = "const tab = document.getElementById('{box}').closest('[role=tabpanel]'); "
_ASKED = "(...values) => {{ " + _TAB + "tab.asked = values[0]; return values.slice(0, {count}); }}"
_COMPARED = (
    "(typed) => {{ "
    + _TAB
    + "{first}"
    + "tab.toggleAttribute('data-changed', !!tab.answered?.trim() && tab.answered !== typed); }}"
)
CHANGED = "The text has changed; what is dimmed below is still of the one before."


def alone(stem: str) -> dict[str, Any]:
    """Event arguments that let one request at a time through to a model."""
    return {"concurrency_id": stem, "concurrency_limit": 1}


def readable(text: object, keep: str = "beginning") -> tuple[str, str]:
    """A text that models and JSON can take, and a remark about what was left out.

    Handlers are reachable over HTTP, so anything may come; ``keep`` is the end that stays
    where the text is longer than ``LIMIT``.
    """
    text = _SURROGATE.sub("\ufffd", text) if isinstance(text, str) else ""
    if len(text) <= LIMIT:
        return text, ""
    remark = f"The text has {len(text):,} characters: only its {keep} was read, {LIMIT:,} of them."
    return (text[:LIMIT] if keep == "beginning" else text[-LIMIT:]), views.note(remark)


def answered(registry: Registry, stem: str, asked: object) -> str:
    """The text that a verdict was given on, for the views below it; "" if there was none.

    What is wrong with the input or the model has been said in the verdict's place already.
    """
    text, _ = readable(asked)
    return text if clean(text) and registry.is_loaded(stem) else ""


def sentence(error: Exception) -> str:
    """What a user is told of an error; the log keeps the rest."""
    if isinstance(error, (CheckpointError, ValueError, TypeError)):
        _log.info("%s", error, exc_info=error)
        return str(error)
    _log.error("Unexpected error", exc_info=error)
    return "Something went wrong on the server while answering; its log says what."


def answers(
    registry: Registry, stem: str, text: str, blank: str, ask: Callable[[Any], Result]
) -> Iterator[tuple[str, Result | None]]:
    """A handler's steps: (HTML, None) while loading or when there is no answer, else the answer.

    Args:
        text: The user's input; if there is nothing in it, ``blank`` is all that is shown.
        ask: Called with the predictor.
    """
    if not clean(text):
        yield views.note(blank), None
        return
    if not registry.is_loaded(stem):
        yield views.loading(catalog.record(stem).title), None
    result, fault = asked(registry, stem, ask)
    yield fault, result


def asked(registry: Registry, stem: str, ask: Callable[[Any], Result]) -> tuple[Result | None, str]:
    """What a view asked the predictor, or None and a sentence that says what went wrong."""
    try:
        return ask(registry.get(stem)), ""
    except Exception as error:  # the boundary: a view shows a sentence, never a traceback
        return None, views.fault(sentence(error))


def intro(chapter: str, text: str) -> None:
    """The first lines of a tab."""
    gr.HTML(views.intro(chapter, text))


def question(
    stem: str, label: str, placeholder: str, verb: str, samples: Sequence[str]
) -> tuple[gr.Textbox, gr.Button, gr.Dataset]:
    """A text box, its button beside it, and examples below."""
    with gr.Row(equal_height=False, elem_classes="dl-ask"):
        box = gr.Textbox(
            label=label,
            placeholder=placeholder,
            lines=1,
            max_lines=8,
            scale=5,
            min_width=260,
            elem_id=f"{stem}_text",
        )
        button = gr.Button(verb, variant="primary", scale=1, min_width=120, elem_id=f"{stem}_run")
    return box, button, examples(samples, stem)


def examples(samples: Sequence[str], stem: str) -> gr.Dataset:
    """Clickable inputs; nothing is computed for them beforehand.

    Below them the page says so when the answers are of another text than the box holds.
    """
    result = gr.Dataset(
        label="Examples",
        components=[gr.Textbox(visible=False)],
        samples=[[sample] for sample in samples],
        elem_id=f"{stem}_examples",
        elem_classes="dl-examples",
    )
    gr.HTML(f'<div class="dl-changed">{views.note(CHANGED)}</div>')
    return result


def listen(
    handler: Callable[..., Any],
    *,
    box: gr.Textbox,
    button: gr.Button,
    samples: gr.Dataset,
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    stem: str,
) -> list[Dependency]:
    """Run the handler on the button, on Enter and on an example; returns these events."""
    event: dict[str, Any] = {
        "fn": handler,
        "inputs": list(inputs),
        "outputs": list(outputs),
        "show_progress": "minimal",
        "trigger_mode": "always_last",
        "js": noting(box, len(inputs)),
        **PRIVATE,
        **alone(stem),
    }
    asked = gr.on([button.click, box.submit], **event)
    chosen = samples.click(
        lambda row: row[0], samples, box, queue=False, show_progress="hidden", **PRIVATE
    )
    return [asked, chosen.then(**event)]


def noting(box: gr.Textbox, inputs: int) -> str:
    """JavaScript that notes the text with which an event of so many inputs asks, the first one."""
    return _ASKED.format(box=box.elem_id, count=inputs)


def mark_changes(
    box: gr.Textbox, asked: Sequence[Dependency], filled: Sequence[Dependency] = ()
) -> None:
    """Dim the answers whenever they are of another text than the box holds.

    Args:
        asked: Events that end the answer to a text which ``noting`` noted.
        filled: Events that end an answer and put its text into the box themselves.
    """

    def compare(listen: Callable[..., Any], first: str = "") -> None:
        js = _COMPARED.format(box=box.elem_id, first=first)
        listen(None, box, js=js, queue=False, **PRIVATE)

    compare(box.input)
    for event in asked:
        compare(event.then, "tab.answered = tab.asked; ")
    for event in filled:
        compare(event.then, "tab.answered = typed; ")


def watched(accordion: gr.Accordion) -> tuple[gr.State, Dependency]:
    """Whether the accordion is open, for handlers that wait until somebody looks, and its opening.

    A figure drawn in a closed accordion would also not fill its width. It is noted at once,
    whatever the model is busy with.
    """
    is_open = gr.State(accordion.open)
    accordion.collapse(lambda: False, None, is_open, queue=False, **PRIVATE)
    return is_open, accordion.expand(lambda: True, None, is_open, queue=False, **PRIVATE)


def about(registry: Registry, stem: str) -> None:
    """The model's card, closed, and read when it is opened."""

    def read() -> tuple[str, str]:
        try:
            return views.card(registry.report(stem).card), ""
        except CheckpointError as error:
            return "", views.fault(str(error))

    with gr.Accordion("About this model", open=False, elem_id=f"{stem}_about") as accordion:
        missing = gr.HTML()
        card = gr.Markdown(elem_classes="dl-card")
    accordion.expand(read, None, [card, missing], queue=False, show_progress="hidden", **PRIVATE)

"""Load the visitor's own model, with the progress of the download, and say what it is."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from typing import Any

import gradio as gr
from markupsafe import Markup

from dlnlp.hub import CHAPTER, CLASSIFICATION, PREFIX
from dlnlp.hub.about import About
from dlnlp.service import Service
from dlnlp.service.own import STEM, OwnModels
from dlnlp.ui.kit.inputs import readable
from dlnlp.ui.kit.markup import figures, note, scrolling, verbatim, waiting
from dlnlp.ui.kit.model import visitor_left
from dlnlp.ui.kit.own import OwnModel
from dlnlp.ui.kit.panels import Asked, Panel, Values

EVERY = 0.5  # seconds between reports of the progress
BLANK = "Enter a model and a text."
NO_NAME = (
    f"Enter the name of a model on the Hugging Face Hub, such as {PREFIX}owner/name, or the path "
    "of a folder on this machine."
)
CODE = Markup(
    '<div class="dl-code"><p class="dl-caption">The same in Python '
    '<button type="button" class="dl-copy" data-copy-code>Copy</button></p>'
    "<pre {}><code>{{}}</code></pre></div>"
).format(scrolling("Code"))


def own_model_panel(
    service: Service,
    asked: Asked,
    name: gr.Textbox,
    chosen: gr.State,
    columns: Sequence[tuple[gr.Column, str]],
) -> Panel:
    """Loads the model and fills ``chosen``.

    Args:
        name: The box with the model's name.
        columns: Parts of the page, and the task of the models that they are for.
    """
    own = OwnModels(service)
    panel = Panel(OwnModel(service, STEM), asked, "loaded", blank=BLANK, id=f"{STEM}_loaded")
    with panel:
        shown = gr.HTML(elem_id=f"{STEM}_about", elem_classes="dl-result")

    def show(text: str, typed: object) -> Iterator[Values]:
        wanted = readable(typed)[0].strip()
        if not wanted:
            yield {panel.status: note(NO_NAME)}
            return
        for step in loaded(own, wanted):
            if isinstance(step, About):
                yield {shown: described(step), chosen: step, **visible(step.task)}
            else:
                yield {panel.status: step}

    def visible(task: str) -> Values:
        parts: dict[Any, Any] = {column: gr.Column(visible=task == of) for column, of in columns}
        return parts

    outputs: list[Any] = [shown, chosen, *(column for column, _ in columns)]
    return panel.shows(show, [name], outputs)


def loaded(own: OwnModels, name: str) -> Iterator[Markup | About]:
    """The progress of loading a model, and at last what it is.

    Raises:
        HubError: It may not or can't be loaded.
        DeadlineExceeded, Cancelled: It took too long, or the visitor has left.
    """
    done: Future[About] = Future()
    bytes_read, cancelled = [0, 0], threading.Event()

    def progress(read: int, total: int) -> None:
        bytes_read[:] = read, total

    def load() -> None:
        try:
            done.set_result(own.load(name, progress, cancelled))
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=load, name="own model", daemon=True).start()
    try:
        while True:
            try:
                yield done.result(timeout=EVERY)
                return
            except TimeoutError:
                if done.done():  # the model's own error
                    raise
                if visitor_left():
                    cancelled.set()
                yield reading(*bytes_read)
    finally:
        cancelled.set()


def reading(read: int, total: int) -> Markup:
    """How much of the download is done."""
    if not total:
        return waiting("Loading the model…")
    if read >= total:
        return waiting("The download is complete. Loading the model…")
    bar = Markup('<progress value="{}" max="{}"></progress> {:,.0f} of {:,.0f} MB').format(
        read, total, read / 1e6, total / 1e6
    )
    return Markup('<p class="dl-note" role="status">Downloading the model… {}</p>').format(bar)


def described(about: About) -> Markup:
    """Name, architecture, size, commit and labels of a model, and the code that loads it."""
    facts = [
        ("", verbatim(about.name)),
        ("architecture", verbatim(about.architecture)),
        ("parameters", f"{about.parameters:,}"),
    ]
    if about.commit:
        facts.append(("commit", verbatim(about.commit[:8])))
    if about.labels:
        kind = "labels, any number of which may apply" if about.multi_label else "labels"
        facts.append((kind, verbatim(", ".join(about.labels))))
    verb = ".classify([text])" if about.task == CLASSIFICATION else ".next_tokens(text)"
    code = f"import dlnlp\n\ndlnlp.load({about.source!r}){'' if about.task == CHAPTER else verb}"
    return figures(facts) + CODE.format(code)

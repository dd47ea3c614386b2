"""The columns of a tab: the question on the left, the answer on the right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from dlnlp.ui.kit import markup
from dlnlp.ui.kit.panels import QUIET


@contextmanager
def columns() -> Iterator[None]:
    """A row for one question column and one answer column; they stack on narrow screens."""
    with gr.Row(elem_classes="dl-tab"):
        yield


@contextmanager
def question_column(chapter: str, text: str, more: str = "") -> Iterator[None]:
    """The left column, with the tab's introduction at the top (see ``markup.intro``)."""
    with gr.Column(scale=2, min_width=300, elem_classes="dl-question"):
        gr.HTML(markup.intro(chapter, text, more))
        yield


@contextmanager
def answer_column(stem: str) -> Iterator[None]:
    """The right column."""
    with gr.Column(scale=3, min_width=340, elem_id=f"{stem}_answer", elem_classes="dl-answer"):
        yield


def when_opened(tab: gr.Tab, stem: str, build: Callable[[], object]) -> None:
    """Build a tab when a visitor opens it for the first time.

    Its components would make the page half a second slower to open for everybody.
    """
    opened = gr.State(False)
    queue: dict[str, Any] = {"concurrency_id": f"{stem}_tab", "concurrency_limit": 1}
    # Not AT_ONCE: without the queue, the page does not notice that a state has changed.
    tab.select(lambda: True, None, opened, **{**QUIET, "show_progress": "hidden"}, **queue)

    @gr.render(triggers=[opened.change], **queue)  # type: ignore[untyped-decorator]
    def once() -> None:
        build()

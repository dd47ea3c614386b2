"""The columns of a tab: the question on the left, the answer on the right."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from dlnlp.ui.kit import markup


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

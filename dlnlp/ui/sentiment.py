"""The tab and the endpoint that both sentiment models share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.events import api

from dlnlp.registry import Registry
from dlnlp.results import as_json
from dlnlp.ui import parts, views

BLANK = "Type a sentence about a film, and the model says how it sounds."


def build_sentiment_tab(
    registry: Registry, stem: str, chapter: str, intro: str, examples: Sequence[str]
) -> None:
    """Text in, verdict out, of the sentiment model with that stem."""
    parts.intro(chapter, intro)
    box, button, samples = parts.question(
        stem, "Your text", "What did you think of the film?", "Classify", examples
    )
    result = gr.HTML(elem_id=f"{stem}_result", elem_classes="dl-result")
    parts.about(registry, stem)
    parts.listen(
        _handler(registry, stem),
        box=box,
        button=button,
        samples=samples,
        inputs=[box],
        outputs=[result],
        stem=stem,
    )
    _endpoint(registry, stem)


def _handler(registry: Registry, stem: str) -> Callable[[str], Iterator[str]]:
    def run(text: str) -> Iterator[str]:
        text, cut = parts.readable(text)
        for shown, found in parts.answers(
            registry, stem, text, BLANK, lambda model: model.classify([text])[0]
        ):
            yield cut + (shown if found is None else views.sentiment(found))

    return run


def _endpoint(registry: Registry, stem: str) -> None:
    def classify(texts: list[str]) -> list[dict[str, Any]]:
        """Say whether each text sounds positive or negative.

        Args:
            texts: English texts, such as film reviews.
        """
        with parts.api_errors():
            readable = parts.api_texts(texts)
            found = registry.get(stem).classify(readable)
            return [
                as_json(replace(result, truncated=True) if len(text) > parts.LIMIT else result)
                for text, result in zip(texts, found, strict=True)
            ]

    api(classify, api_name=f"{stem}_classify", **parts.alone(stem))

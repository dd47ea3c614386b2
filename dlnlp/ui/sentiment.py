"""The tab and the endpoint that both sentiment models share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.events import api

from dlnlp.registry import Registry
from dlnlp.results import as_json
from dlnlp.text import clean
from dlnlp.ui import parts, views

Inside = tuple[Callable[[str], Any], list[Any]]
METHODS = {
    "its share of the gradient": "integrated_gradients",
    "the verdict without it": "leave_one_out",
}
BLANK = "Type a sentence about a film, and the model says how it sounds."


def build_sentiment_tab(
    registry: Registry,
    stem: str,
    chapter: str,
    intro: str,
    examples: Sequence[str],
    more: Callable[[Registry], Inside] | None = None,
) -> None:
    """Text in, verdict out, of the sentiment model with that stem, and the words behind it.

    Args:
        more: Builds what this tab shows beyond that, and gives its handler and outputs.
    """
    parts.intro(chapter, intro)
    box, button, samples = parts.question(
        stem, "Your text", "What did you think of the film?", "Classify", examples
    )
    result = gr.HTML(elem_id=f"{stem}_result", elem_classes="dl-result")
    with gr.Group(elem_classes="dl-plain"):
        method = gr.Radio(
            list(METHODS.items()),
            value=next(iter(METHODS.values())),
            label="Which words decided?",
            elem_id=f"{stem}_method",
        )
        explained = gr.HTML(elem_id=f"{stem}_words", elem_classes="dl-result")
    inside = more(registry) if more else None
    parts.about(registry, stem)
    asked = parts.listen(
        _handler(registry, stem),
        box=box,
        button=button,
        samples=samples,
        inputs=[box],
        outputs=[result],
        stem=stem,
    )
    quiet: dict[str, Any] = {"show_progress": "minimal", **parts.PRIVATE, **parts.alone(stem)}
    explain = _explainer(registry, stem)
    method.change(explain, [box, method], explained, **quiet)
    for event in asked:
        shown = event.then(explain, [box, method], explained, **quiet)
        if inside:
            handler, outputs = inside
            shown.then(handler, box, outputs, **quiet)
    _endpoint(registry, stem)


def _explainer(registry: Registry, stem: str) -> Callable[[str, str], str]:
    def run(text: str, method: str) -> str:
        text, _ = parts.readable(text)
        # The verdict above has said already what is wrong with the input or the model.
        if not clean(text) or not registry.is_loaded(stem):
            return ""
        try:
            return views.attribution(registry.get(stem).explain(text, method))
        except Exception as error:  # as in parts.answers
            return views.fault(parts.sentence(error))

    return run


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

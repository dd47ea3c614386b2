"""The tab and the endpoint that both sentiment models share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
from gradio.events import api

from dlnlp.registry import Registry
from dlnlp.results import as_json
from dlnlp.text.words import without, words
from dlnlp.ui import parts, views

# What a tab shows beyond the verdict: a handler, its inputs after the text, its outputs.
Inside = tuple[Callable[..., Any], list[Any], list[Any]]
METHODS = {
    "integrated gradients": "integrated_gradients",
    "leaving it out": "leave_one_out",
}
ABOUT_METHODS = (
    "A word's weight: its share of what the text adds to a blank one, or how far the verdict "
    "moves without it."
)
WEIGHING = "Weighing the words…"
# A click strikes a word out or takes it back, and tells which ones are struck out now.
STRIKE_OUT = """
element.addEventListener("click", (event) => {
  const word = event.target.closest(".dl-word");
  if (!word) return;
  word.setAttribute("aria-pressed", word.getAttribute("aria-pressed") !== "true");
  const out = element.querySelectorAll('.dl-word[aria-pressed="true"]');
  trigger("click", {words: [...out].map((word) => Number(word.dataset.index))});
});
"""
BLANK = "Type a sentence about a film, and the model says how it sounds."


def build_sentiment_tab(
    registry: Registry,
    stem: str,
    chapter: str,
    intro: str,
    examples: Sequence[str],
    more: Callable[[Registry], list[Inside]] = lambda registry: [],
) -> None:
    """Text in, verdict out, of the sentiment model with that stem, and the words behind it.

    Args:
        more: Builds what this tab shows beyond that.
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
            info=ABOUT_METHODS,
            elem_id=f"{stem}_method",
        )
        explained = gr.HTML(
            elem_id=f"{stem}_words", elem_classes="dl-result", js_on_load=STRIKE_OUT
        )
        instead = gr.HTML(elem_id=f"{stem}_without", elem_classes="dl-result")
    # What was asked and what was explained of it; the box may hold the next text already.
    text, shown_text = gr.State(""), gr.State("")
    inside = more(registry)
    parts.about(registry, stem)
    asked = parts.listen(
        _handler(registry, stem),
        box=box,
        button=button,
        samples=samples,
        inputs=[box],
        outputs=[result, text],
        stem=stem,
    )
    parts.mark_changes(box, asked)
    quiet: dict[str, Any] = {"show_progress": "minimal", **parts.PRIVATE, **parts.alone(stem)}
    explain = _explainer(registry, stem)
    explanation: list[Any] = [explained, instead, shown_text]
    method.change(explain, [text, method], explanation, **quiet)
    # Every click counts: "always_last" would send the last one without its event's data.
    explained.click(_what_if(registry, stem), shown_text, instead, trigger_mode="multiple", **quiet)
    for event in asked:
        shown = event.then(explain, [text, method], explanation, **quiet)
        for handler, inputs, outputs in inside:
            shown = shown.then(handler, [text, *inputs], outputs, **quiet)
    _endpoint(registry, stem)


def _explainer(registry: Registry, stem: str) -> Callable[[str, str], Iterator[tuple[str, ...]]]:
    def run(text: str, method: str) -> Iterator[tuple[str, ...]]:
        text = parts.answered(registry, stem, text)
        if not text:
            yield "", "", ""
            return
        yield views.waiting(WEIGHING), "", ""
        found, fault = parts.asked(registry, stem, lambda model: model.explain(text, method))
        yield (fault, "", "") if found is None else (views.attribution(found), "", found.text)

    return run


def _what_if(registry: Registry, stem: str) -> Callable[[str, gr.EventData], str]:
    def run(text: str, event: gr.EventData) -> str:
        text, _ = parts.readable(text)
        found = words(text)
        struck = sorted({i for i in getattr(event, "words", []) if i in range(len(found))})
        if not struck or not registry.is_loaded(stem):
            return ""
        texts = [text, without(text, struck)]
        verdicts, fault = parts.asked(registry, stem, lambda model: model.classify(texts))
        if verdicts is None:
            return fault
        return views.what_if([found[i][0] for i in struck], *verdicts)

    return run


def _handler(registry: Registry, stem: str) -> Callable[[str], Iterator[tuple[str, str]]]:
    """The handler that gives the verdict, and the text that it is of."""

    def run(text: str) -> Iterator[tuple[str, str]]:
        text, cut = parts.readable(text)
        for shown, found in parts.answers(
            registry, stem, text, BLANK, lambda model: model.classify([text])[0]
        ):
            yield cut + (shown if found is None else views.sentiment(found)), text

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

"""Both sentiment models on one input, side by side."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
from gradio.events import api

from dlnlp import catalog
from dlnlp.checkpoint import CheckpointError
from dlnlp.registry import Registry
from dlnlp.results import Sentiment, as_json
from dlnlp.text.checks import check_text
from dlnlp.ui import parts, views

STEM = "compare"
TITLE = "Compare"
MODELS = ("sentiment_lstm", "sentiment_bert")
READINGS, ENOUGH = 9, 0.2  # at most, and seconds after which a long text is read no more
BLANK = "Type a text above to see this model's verdict."
EXAMPLES = (
    "This was fantastic",
    "I enjoyed this film",
    "Not bad at all.",
    "I can't say that I hated it.",
    "What a waste of two good actors and two hours of my life.",
)


def build_tab(registry: Registry) -> None:
    """One input, two verdicts, and what each of them cost."""
    parts.intro(
        "Chapters 1 and 4 · Side by side",
        "The same text for both sentiment models: a BERT that knew English before its first "
        "review, and the small LSTM it taught. The time is the median of a few readings, loading "
        "not counted.",
    )
    box, button, samples = parts.question(
        STEM, "Your text", "What did you think of the film?", "Compare", EXAMPLES
    )
    with gr.Row(equal_height=True, elem_classes="dl-columns"):
        columns = [_column(stem) for stem in MODELS]

    # One event per model, each waiting for its own model's turn; one after the other, so
    # that the times are not those of two models competing for the processor.
    lstm, bert = MODELS
    asked = gr.State("")  # for the second one; the box may hold the next text already
    events = parts.listen(
        _with_text(_handler(registry, lstm)),
        box=box,
        button=button,
        samples=samples,
        inputs=[box],
        outputs=[columns[0], asked],
        stem=lstm,
    )
    both = [
        event.then(
            _handler(registry, bert),
            asked,
            columns[1],
            show_progress="minimal",
            trigger_mode="always_last",  # or a text asked meanwhile would be left out
            **parts.PRIVATE,
            **parts.alone(bert),
        )
        for event in events
    ]
    parts.mark_changes(box, both)

    def compare(text: str) -> dict[str, Any]:
        """Both sentiment models on one text: verdict, time, parameters and size on disk.

        Args:
            text: An English text, such as a film review.
        """
        with parts.api_errors():
            readable, _ = parts.readable(check_text(text))
            return {stem: _entry(registry, stem, readable) for stem in MODELS}

    api(compare, api_name="compare_sentiment", **parts.alone(MODELS[-1]))


def _column(stem: str) -> gr.HTML:
    with gr.Column(min_width=300):
        return gr.HTML(elem_id=f"{STEM}_{stem}", elem_classes="dl-result")


def _handler(registry: Registry, stem: str) -> Callable[[str], Iterator[str]]:
    """The handler that fills a model's column."""
    title = catalog.spec(stem).title

    def run(text: str) -> Iterator[str]:
        text, cut = parts.readable(text)
        for shown, found in parts.answers(
            registry, stem, text, BLANK, lambda model: measure(model, text)
        ):
            if found is None:
                yield views.column(title, cut + shown)
            else:
                sentiment, milliseconds = found
                facts = views.Facts(milliseconds, *known(registry, stem))
                yield cut + views.compared(title, sentiment, facts)

    return run


def _with_text(run: Callable[[str], Iterator[str]]) -> Callable[[str], Iterator[tuple[str, str]]]:
    """The handler, with the text that it was asked about after everything that it shows."""

    def both(text: str) -> Iterator[tuple[str, str]]:
        for shown in run(text):
            yield shown, text

    return both


def _entry(registry: Registry, stem: str, text: str) -> dict[str, Any]:
    try:
        sentiment, milliseconds = measure(registry.get(stem), text)
    except Exception as error:  # one model's fault is not the other's
        return {"error": parts.sentence(error)}
    parameters, size = known(registry, stem)
    return {
        "sentiment": as_json(sentiment),
        "milliseconds": round(milliseconds, 3),
        "parameters": parameters,
        "bytes": size,
    }


def measure(model: Any, text: str) -> tuple[Sentiment, float]:
    """The verdict and the median of its milliseconds, after a short call that warms the model up.

    A single reading may be ten times too long, when something else runs just then.
    """
    model.classify(["warm"])
    taken: list[float] = []
    while len(taken) < READINGS and sum(taken) < ENOUGH:
        start = time.perf_counter()
        [sentiment] = model.classify([text])
        taken.append(time.perf_counter() - start)
    return sentiment, 1000 * statistics.median(taken)


def known(registry: Registry, stem: str) -> tuple[int | None, int | None]:
    """Parameters and bytes on disk of the checkpoint, None where they are not known."""
    if registry.untrained:
        return None, None
    try:
        parameters = registry.report(stem).training.get("parameters")
    except CheckpointError:
        parameters = None
    files = [path for path in (registry.root / stem).glob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    return (parameters if isinstance(parameters, int) else None), size or None

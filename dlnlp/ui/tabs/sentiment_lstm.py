"""The tab of chapter 1."""

from __future__ import annotations

import gradio as gr

from dlnlp import plots
from dlnlp.registry import Registry
from dlnlp.results import Trace
from dlnlp.ui import parts, theme, views
from dlnlp.ui.sentiment import Inside, build_sentiment_tab

STEM = "sentiment_lstm"
READING = "What the model would say if the text ended after each word."
EXAMPLES = (
    "I loved the movie",
    "The film was terrible",
    "It was okay",
    "This was fantastic",
    "The plot is thin, but the actors make it worth watching.",
)


def build_tab(registry: Registry) -> None:
    """Sentiment by reading word after word."""
    build_sentiment_tab(
        registry,
        STEM,
        "Chapter 1 · RNNs and LSTMs",
        "An LSTM reads your text word by word, keeps a memory of what it has read, and decides "
        "whether the writer liked the film.",
        EXAMPLES,
        more=_reading,
    )


def _reading(registry: Registry) -> list[Inside]:
    """The verdict word after word, and the hidden state behind it."""
    with gr.Accordion("Watch it read", open=True, elem_id=f"{STEM}_reading"):
        remark = gr.HTML(views.caption(READING))
        verdict = gr.Plot(show_label=False, visible=False, elem_id=f"{STEM}_trace")
    with gr.Accordion("Its memory", open=False, elem_id=f"{STEM}_memory") as accordion:
        gr.HTML(
            views.caption(
                "The 30 units of its state that move most, orange below zero and blue above; "
                "hover to see at which words a unit is strongest."
            )
        )
        memory = gr.Plot(show_label=False, visible=False, elem_id=f"{STEM}_hidden")
    text = gr.State("")
    is_open, opening = parts.watched(accordion)

    def read(typed: str) -> tuple[str, gr.Plot]:
        trace, fault = traced(typed)
        if trace is None or not trace.words:
            return views.caption(READING) + fault, gr.Plot(None, visible=False)
        beyond = f" Only the first {len(trace.words)} words are shown." if trace.truncated else ""
        return (
            views.caption(READING + beyond),
            gr.Plot(
                plots.running_verdict(trace),
                visible=True,
                elem_classes=theme.wide(16 * len(trace.ends)),
            ),
        )

    def remember(typed: str) -> gr.Plot:
        trace, _ = traced(typed)  # a fault has been told above
        if trace is None or not trace.words:
            return gr.Plot(None, visible=False)
        return gr.Plot(
            plots.hidden_states(trace),
            visible=True,
            elem_classes=theme.wide(18 * min(len(trace.words), plots.MOST_WORDS)),
        )

    def fresh(typed: str, is_open: bool) -> tuple[gr.Plot, str]:
        return remember(typed if is_open else ""), typed

    def traced(typed: str) -> tuple[Trace | None, str]:
        text = parts.answered(registry, STEM, typed)
        if not text:
            return None, ""
        return parts.asked(registry, STEM, lambda model: model.trace(text))

    opening.then(
        remember, text, memory, show_progress="minimal", **parts.PRIVATE, **parts.alone(STEM)
    )
    return [(read, [], [remark, verdict]), (fresh, [is_open], [memory, text])]

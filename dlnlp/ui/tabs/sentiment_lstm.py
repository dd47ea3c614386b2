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
        "An LSTM reads your text word by word, once forwards and once backwards, keeps a memory "
        "of what it has read, and decides whether the writer liked the film.",
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
                "The units of its state that move most, orange below zero and blue above: at the "
                "top those that read forwards (→), at the bottom those that begin at the text's "
                "end (←). Hover to see at which words a unit is strongest."
            )
        )
        memory = gr.Plot(show_label=False, visible=False, elem_id=f"{STEM}_hidden")
    trace = gr.State(None)
    is_open, opening = parts.watched(accordion)

    def read(typed: str, is_open: bool) -> tuple[str, gr.Plot, gr.Plot, Trace | None]:
        text = parts.answered(registry, STEM, typed)
        found, fault = (
            parts.asked(registry, STEM, lambda model: model.trace(text)) if text else (None, "")
        )
        if found is None or not found.words:
            nothing = gr.Plot(None, visible=False)
            return views.caption(READING) + fault, nothing, nothing, None
        beyond = (
            f" Only the first {len(found.words)} words are followed." if found.truncated else ""
        )
        if len(found.ends) < len(found.words):
            beyond += f" {len(found.ends)} of {len(found.words)} words are shown, evenly spaced."
        line = gr.Plot(
            plots.running_verdict(found),
            visible=True,
            elem_classes=theme.wide(16 * len(found.ends)),
        )
        grid = remember(found if is_open else None)
        return views.caption(READING + beyond), line, grid, found

    def remember(trace: Trace | None) -> gr.Plot:
        if trace is None:
            return gr.Plot(None, visible=False)
        return gr.Plot(
            plots.hidden_states(trace),
            visible=True,
            elem_classes=theme.wide(18 * min(len(trace.words), plots.MOST_WORDS)),
        )

    opening.then(
        remember, trace, memory, show_progress="minimal", **parts.PRIVATE, **parts.alone(STEM)
    )
    return [(read, [is_open], [remark, verdict, memory, trace])]

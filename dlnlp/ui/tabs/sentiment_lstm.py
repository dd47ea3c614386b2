"""The tab of chapter 1."""

from __future__ import annotations

import gradio as gr

from dlnlp import plots
from dlnlp.registry import Registry
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
    with gr.Accordion("Its memory", open=False, elem_id=f"{STEM}_memory"):
        gr.HTML(
            views.caption(
                "The 30 units of its state that move most, orange below zero and blue above; "
                "hover to see at which words a unit is strongest."
            )
        )
        memory = gr.Plot(show_label=False, visible=False, elem_id=f"{STEM}_hidden")

    def run(text: str) -> tuple[str, gr.Plot, gr.Plot]:
        text = parts.answered(registry, STEM, text)
        nothing = gr.Plot(None, visible=False)
        if not text:
            return views.caption(READING), nothing, nothing
        trace, fault = parts.asked(registry, STEM, lambda model: model.trace(text))
        if trace is None or not trace.words:
            return views.caption(READING) + fault, nothing, nothing
        beyond = f" Only the first {len(trace.words)} words are shown." if trace.truncated else ""
        line = theme.wide(16 * len(trace.ends))
        grid = theme.wide(18 * min(len(trace.words), plots.MOST_WORDS))
        return (
            views.caption(READING + beyond),
            gr.Plot(plots.running_verdict(trace), visible=True, elem_classes=line),
            gr.Plot(plots.hidden_states(trace), visible=True, elem_classes=grid),
        )

    return [(run, [], [remark, verdict, memory])]

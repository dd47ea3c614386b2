"""The tab of chapter 4."""

from __future__ import annotations

import gradio as gr

from dlnlp import plots
from dlnlp.registry import Registry
from dlnlp.ui import parts, views
from dlnlp.ui.attention import build_attention
from dlnlp.ui.sentiment import Inside, build_sentiment_tab

STEM = "sentiment_bert"
SPECIAL = frozenset(("[CLS]", "[SEP]"))
ABOUT_ATTENTION = (
    "Attention is not an explanation: it tells where a head looked, not what the verdict rests "
    "on. For that see “Which words decided?” above."
)
LAYERS = views.caption(
    "A linear probe on each layer's mean state was trained to tell the verdict: from the "
    "embeddings, where no word has seen another yet, up to the last layer. The verdict above is "
    "read off the first token of that layer instead, so the two may differ."
)
EXAMPLES = (
    "This movie was great!",
    "Terrible experience",
    "I enjoyed this film",
    "Not bad at all.",
    "I thought it would be dull, but it wasn't.",
    "I used to hate it, now I love it.",
    "The train leaves at nine.",
)


def build_tab(registry: Registry) -> None:
    """Sentiment by a pretrained model."""
    build_sentiment_tab(
        registry,
        STEM,
        "Chapter 4 · Fine-tuning BERT",
        "A BERT that had read a great deal of English before it saw its first review. In each of "
        "its layers every word looks at every other, before it and after.",
        EXAMPLES,
        more=lambda registry: [
            _layers(registry),
            build_attention(registry, STEM, SPECIAL, ABOUT_ATTENTION),
        ],
    )


def _layers(registry: Registry) -> Inside:
    """Where in the stack the verdict is made."""
    with gr.Accordion("What each layer thinks", open=True, elem_id=f"{STEM}_layers"):
        remark = gr.HTML(LAYERS)
        figure = gr.Plot(show_label=False, visible=False, elem_id=f"{STEM}_layers_plot")

    def run(text: str) -> tuple[str, gr.Plot]:
        text = parts.answered(registry, STEM, text)
        nothing = gr.Plot(None, visible=False)
        if not text:
            return LAYERS, nothing
        found, fault = parts.asked(registry, STEM, lambda model: model.layers(text))
        if found is None:
            return LAYERS + fault, nothing
        return LAYERS, gr.Plot(plots.layer_verdicts(found), visible=True)

    return run, [], [remark, figure]

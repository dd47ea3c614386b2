"""The tab of chapter 4."""

from __future__ import annotations

from dlnlp.registry import Registry
from dlnlp.ui.sentiment import build_sentiment_tab

STEM = "sentiment_bert"
EXAMPLES = (
    "This movie was great!",
    "Terrible experience",
    "I enjoyed this film",
    "Not bad at all.",
    "I wanted to like it, but I couldn't.",
    "It is hard to find anything wrong with it.",
)


def build_tab(registry: Registry) -> None:
    """Sentiment by a pretrained model."""
    build_sentiment_tab(
        registry,
        STEM,
        "Chapter 4 · Fine-tuning BERT",
        "A BERT that had read a great deal of English before it saw its first review: every "
        "word looks at every other, so negation and irony fool it less often.",
        EXAMPLES,
    )

"""The tab of chapter 1."""

from __future__ import annotations

from dlnlp.registry import Registry
from dlnlp.ui.sentiment import build_sentiment_tab

STEM = "sentiment_lstm"
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
    )

"""Results as HTML: pure functions, in which every text that is not ours is escaped."""

from dlnlp.ui.views.attention import heads, looked
from dlnlp.ui.views.basics import (
    caption,
    card,
    column,
    fault,
    header,
    intro,
    loading,
    note,
    percent,
    signed,
    waiting,
)
from dlnlp.ui.views.tokens import next_tokens, perplexity, rate, surprise
from dlnlp.ui.views.translations import (
    candidates,
    confidence,
    likelihood,
    reading,
    rivals,
    translation,
)
from dlnlp.ui.views.verdicts import Facts, attribution, compared, scale, sentiment, what_if

__all__ = [
    "Facts",
    "attribution",
    "candidates",
    "caption",
    "card",
    "column",
    "compared",
    "confidence",
    "fault",
    "header",
    "heads",
    "intro",
    "likelihood",
    "loading",
    "looked",
    "next_tokens",
    "note",
    "percent",
    "perplexity",
    "rate",
    "reading",
    "rivals",
    "scale",
    "sentiment",
    "signed",
    "surprise",
    "translation",
    "waiting",
    "what_if",
]

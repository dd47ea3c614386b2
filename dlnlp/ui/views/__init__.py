"""Results as HTML: pure functions, in which every text that is not ours is escaped."""

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
from dlnlp.ui.views.translations import (
    candidates,
    confidence,
    likelihood,
    reading,
    rivals,
    translation,
)

__all__ = [
    "candidates",
    "caption",
    "card",
    "column",
    "confidence",
    "fault",
    "header",
    "intro",
    "likelihood",
    "loading",
    "note",
    "percent",
    "reading",
    "rivals",
    "signed",
    "translation",
    "waiting",
]

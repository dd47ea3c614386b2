"""Four trained NLP models to use and look inside: ``dlnlp.load(stem)`` returns a predictor.

>>> import dlnlp
>>> dlnlp.load("sentiment_lstm").classify(["I loved the movie"])
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def load(stem: str, device: str | None = None) -> Any:
    """The predictor of a model, loaded once per process and device.

    Args:
        stem: A name from ``dlnlp.catalog``, such as ``"char_seq2seq"``.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``; the best available one by default.

    Raises:
        KeyError: No model has that stem.
        CheckpointError: Its checkpoint is missing, damaged or does not fit the code.
        ValueError: This machine has no such device.
    """
    from dlnlp.registry import shared_registry

    return shared_registry().get(stem, device)

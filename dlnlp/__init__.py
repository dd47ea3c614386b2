"""Four trained NLP models to use and look inside: ``dlnlp.load(stem)`` returns a predictor.

>>> import dlnlp
>>> dlnlp.load("sentiment_lstm").classify(["I loved the movie"])
>>> dlnlp.load("hf:distilbert/distilgpt2").next_tokens("The meaning of life is")
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def load(stem: str, device: str | None = None) -> Any:
    """The predictor of a model, loaded once per process and device (again if a folder changes).

    Args:
        stem: A name from ``dlnlp.catalog``, such as ``"char_seq2seq"``; or another model that
            classifies or continues texts: ``"hf:owner/name"`` on the Hugging Face Hub, or the path
            of a folder with a slash, such as ``"./mine"``, which may also be one that was trained
            on the page.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``; the best available one by default.

    Raises:
        KeyError: No model has that stem.
        CheckpointError: Its checkpoint is missing, damaged or does not fit the code.
        HubError: The model of the Hub or the folder can't be used; the message says why.
        ValueError: This machine has no such device.
    """
    from dlnlp import hub
    from dlnlp.registry import shared_registry

    if hub.names_other_model(stem):
        found = hub.shared_models().get(stem, device=device)
        return found.predictor if isinstance(found, hub.ChapterModel) else found
    return shared_registry().get(stem, device)

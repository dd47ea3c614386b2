"""THE registration: one line per model, in tab order. Importing it loads no model."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any


@dataclass(frozen=True)
class Spec:
    """One model of the app: its stem names its module, tab, script, folder and endpoints."""

    stem: str
    title: str

    @property
    def module(self) -> ModuleType:
        """``dlnlp.models.<stem>.predictor``, imported (with torch) only when it is needed."""
        return importlib.import_module(f"dlnlp.models.{self.stem}.predictor")

    @property
    def tab(self) -> ModuleType:
        """``dlnlp.ui.tabs.<stem>``, which has ``build_tab(registry)``."""
        return importlib.import_module(f"dlnlp.ui.tabs.{self.stem}")

    def load(self, folder: Path, device: str | None = None) -> Any:
        """The predictor whose checkpoint lies in the folder."""
        return self.module.load(folder, device)

    def tiny(self) -> Any:
        """A seeded, randomly initialised predictor that needs no file and no network."""
        return self.module.tiny()


CATALOG = (
    Spec("sentiment_lstm", "Sentiment LSTM"),
    Spec("char_seq2seq", "Translator"),
    Spec("token_transformer", "Next token"),
    Spec("sentiment_bert", "BERT sentiment"),
)


def spec(stem: str) -> Spec:
    """The entry with that stem.

    Raises:
        KeyError: No model has that stem.
    """
    for entry in CATALOG:
        if entry.stem == stem:
            return entry
    known = ", ".join(entry.stem for entry in CATALOG)
    raise KeyError(f"No model is called {stem!r}: the catalog has {known}.")

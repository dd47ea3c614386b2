"""Models of the chapters in other folders, such as those that were trained on the page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dlnlp import catalog
from dlnlp.checkpoint import STEM, TRAINING, CheckpointError, read_json
from dlnlp.hub.about import About

CHAPTER = "chapter"  # the task of these models, whatever they do


class ChapterModel:
    """A chapter's predictor with what is known of its folder; it has the predictor's methods."""

    def __init__(self, predictor: Any, about: About) -> None:
        self.predictor, self.about = predictor, about

    def __getattr__(self, name: str) -> Any:
        """The predictor's attribute."""
        return getattr(self.predictor, name)


def chapter_of(folder: Path) -> catalog.Record | None:
    """The chapter whose model is in a folder, by its training.json, or None."""
    try:
        stem = read_json(folder, TRAINING).get(STEM)
    except CheckpointError:
        return None
    return next((entry for entry in catalog.CATALOG if entry.stem == stem), None)


def load_chapter(entry: catalog.Record, folder: Path, device: str | None = None) -> ChapterModel:
    """The model of a chapter in a folder.

    Raises:
        CheckpointError: It is damaged or does not fit this code.
        ValueError: This machine has no such device.
    """
    predictor = entry.load(folder, device)
    parameters = int(read_json(folder, TRAINING).get("parameters", 0))
    return ChapterModel(predictor, About(str(folder), CHAPTER, entry.title, parameters))

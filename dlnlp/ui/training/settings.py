"""The components of a training's settings."""

from __future__ import annotations

from typing import Any

import gradio as gr
from gradio.components import Component

from dlnlp.training.exercises import Exercise
from dlnlp.training.progress import MOST_EPOCHS, WIDTHS

STEM = "training"
RATES = (0.03, 0.01, 0.005, 0.003, 0.001, 0.0005, 0.0001)


def settings_of(first: Exercise) -> dict[str, Component]:
    """The components of the settings by the names of their fields, not rendered yet."""
    given = first.settings
    common: dict[str, Any] = {"interactive": True, "render": False, "min_width": 110}
    return {
        "learning_rate": gr.Dropdown(
            list(RATES),
            value=given.learning_rate,
            label="Learning rate",
            allow_custom_value=True,
            elem_id=f"{STEM}_learning_rate",
            **common,
        ),
        "epochs": gr.Number(
            given.epochs,
            label=f"Epochs (1 to {MOST_EPOCHS:,})",
            precision=0,
            elem_id=f"{STEM}_epochs",
            **common,
        ),
        "width": gr.Dropdown(
            [each for each in WIDTHS if each in (8, 16, 32, 64, 128, 256)],
            value=given.width,
            label="Width",
            elem_id=f"{STEM}_width",
            **common,
        ),
        "seed": gr.Number(given.seed, label="Seed", precision=0, elem_id=f"{STEM}_seed", **common),
        "patience": gr.Number(
            given.patience,
            label="Early stopping (epochs without improvement; 0: off)",
            precision=0,
            elem_id=f"{STEM}_patience",
            **common,
        ),
        "pretrained": gr.Checkbox(
            given.pretrained,
            label="Start from the trained embeddings",
            info=first.pretrained,
            elem_id=f"{STEM}_pretrained",
            **common,
        ),
    }


def shown(exercise: Exercise, name: str) -> dict[str, Any]:
    """Whether a chapter has a setting."""
    if name == "pretrained":
        return {"visible": bool(exercise.pretrained)}
    return {"visible": exercise.widths} if name == "width" else {}


def numbers(named: dict[str, Any]) -> dict[str, Any]:
    """The values of the settings' components as numbers, where they are some.

    Raises:
        ValueError: The learning rate is not a number.
    """
    try:
        rate = float(named["learning_rate"])
    except (TypeError, ValueError):
        raise ValueError("The learning rate must be a number, such as 0.01.") from None
    return {**named, "learning_rate": rate, "pretrained": bool(named["pretrained"])}

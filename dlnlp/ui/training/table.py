"""The editable table of rows, whose value may be anything."""

from __future__ import annotations

from collections.abc import Sequence

import gradio as gr

from dlnlp.training.exercises import Exercise
from dlnlp.training.progress import MOST_ROWS


def table_of(value: object) -> list[Sequence[object]]:
    """The rows of a table's value.

    Raises:
        ValueError: It is not a table.
    """
    if isinstance(value, dict):
        value = value.get("data")
    if not isinstance(value, list) or not all(isinstance(row, (list, tuple)) for row in value):
        raise ValueError("The rows must be a table.")
    return value


def filled(exercise: Exercise, rows: Sequence[Sequence[str]]) -> gr.Dataframe:
    """The table with these rows."""
    return gr.Dataframe(
        [list(row) for row in rows],
        headers=list(exercise.columns),
        column_widths=widths(exercise),
        label=f"Rows (at most {MOST_ROWS:,}; blank ones are left out)",
    )


def widths(exercise: Exercise) -> list[str | int]:
    """The widths of the table's columns."""
    if exercise.labelled:
        return ["80%", "20%"]
    return [f"{100 // len(exercise.columns)}%"] * len(exercise.columns)

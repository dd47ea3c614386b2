"""The rows of the editable table, whose value may be anything."""

from __future__ import annotations

from collections.abc import Sequence


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

"""Checks for values that arrive over HTTP, where anything may be sent.

A browser sends what the components allow, but handlers can also be called directly.
"""

from __future__ import annotations

import re
from typing import Any

import gradio as gr

from dlnlp.ui.kit import markup

LIMIT = 100_000  # characters of a text that a handler reads
_SURROGATE = re.compile("[\ud800-\udfff]")


def readable(text: object, keep: str = "beginning") -> tuple[str, str]:
    """A text that models and JSON accept, and a remark if it had to be cut to ``LIMIT``.

    Args:
        keep: The part to keep, "beginning" or "end".
    """
    text = _SURROGATE.sub("\ufffd", text) if isinstance(text, str) else ""
    if len(text) <= LIMIT:
        return text, ""
    remark = f"The text has {len(text):,} characters; only the {keep} ({LIMIT:,}) is used."
    return (text[:LIMIT] if keep == "beginning" else text[-LIMIT:]), markup.note(remark)


def event_int(event: gr.EventData, name: str) -> int:
    """A whole number that came with an event.

    Raises:
        ValueError: It is missing or something else.
    """
    value = _attribute(event, name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"The event's {name} must be a whole number.")
    return value


def event_ints(event: gr.EventData, name: str) -> list[int]:
    """A list of whole numbers that came with an event.

    Raises:
        ValueError: It is missing or something else.
    """
    value = _attribute(event, name)
    whole = isinstance(value, list) and all(type(each) is int for each in value)
    if not whole:
        raise ValueError(f"The event's {name} must be a list of whole numbers.")
    return list(value)


def whole_number(name: str, value: float | None) -> int | None:
    """An optional argument of an endpoint as an int; JSON and Gradio may make it a float.

    Raises:
        ValueError: It is not a whole number, or negative.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value % 1 or value < 0:
        raise ValueError(f"{name} must be a whole number of at least 0, not {value!r}.")
    return int(value)


def _attribute(event: gr.EventData, name: str) -> Any:
    data = getattr(event, "_data", None)
    return data.get(name) if isinstance(data, dict) else None

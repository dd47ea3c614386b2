"""Check the values of events, which may hold anything.

Browsers send what the components allow, but handlers can also be called directly over HTTP.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from dlnlp.service import readable as cut_text
from dlnlp.ui.kit import markup


def readable(text: object, keep: str = "beginning") -> tuple[str, str]:
    """A text that models and JSON accept, and a remark if it was cut.

    Args:
        keep: The part to keep, "beginning" or "end".
    """
    if not isinstance(text, str):
        return "", ""
    kept, is_cut = cut_text(text, keep)
    remark = f"The text has {len(text):,} characters; only the {keep} ({len(kept):,}) is used."
    return kept, markup.note(remark) if is_cut else ""


def event_int(event: gr.EventData, name: str) -> int:
    """A whole number in an event's data.

    Raises:
        ValueError: It is missing or not a whole number.
    """
    value = _attribute(event, name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"The event's {name} must be a whole number.")
    return value


def event_ints(event: gr.EventData, name: str) -> list[int]:
    """A list of whole numbers in an event's data.

    Raises:
        ValueError: It is missing or not a list of whole numbers.
    """
    value = _attribute(event, name)
    whole = isinstance(value, list) and all(type(each) is int for each in value)
    if not whole:
        raise ValueError(f"The event's {name} must be a list of whole numbers.")
    return list(value)


def event_texts(event: gr.EventData, name: str) -> list[str]:
    """A list of strings in an event's data.

    Raises:
        ValueError: It is missing or not a list of strings.
    """
    value = _attribute(event, name)
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError(f"The event's {name} must be a list of texts.")
    return list(value)


def _attribute(event: gr.EventData, name: str) -> Any:
    data = getattr(event, "_data", None)
    return data.get(name) if isinstance(data, dict) else None

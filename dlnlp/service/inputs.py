"""Check the arguments of a request, which may hold any values."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Mapping
from typing import Any

from dlnlp.capabilities import Capability
from dlnlp.text.checks import MAX_CHARACTERS, check_text, check_texts

MAX_TEXTS = 256
_SURROGATE = re.compile("[\ud800-\udfff]")


def readable(text: str, keep: str = "beginning") -> tuple[str, bool]:
    """A text that models and JSON accept, and whether it was cut to ``MAX_CHARACTERS``.

    Args:
        keep: The part to keep, "beginning" or "end".
    """
    text = _SURROGATE.sub("\ufffd", text)
    kept = text[:MAX_CHARACTERS] if keep == "beginning" else text[-MAX_CHARACTERS:]
    return kept, len(kept) < len(text)


def checked(capability: Capability, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The given arguments, with texts and whole numbers checked and converted.

    Whole numbers may be floats, as JSON and Gradio send them. Predictors check the others.

    Raises:
        TypeError: An argument is missing or unknown, or a text is not a string.
        ValueError: There are too many texts, or an argument is not a whole number of 0 or more.
    """
    signature = capability.signature
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise TypeError(f"{capability.verb}: {error}.") from None
    return {
        name: _checked(name, value, signature.parameters[name], capability.keep)
        for name, value in arguments.items()
    }


def _checked(name: str, value: Any, parameter: inspect.Parameter, keep: str) -> Any:
    types = typing.get_args(parameter.annotation) or (parameter.annotation,)
    if typing.get_origin(parameter.annotation) is list:
        if not isinstance(value, (list, tuple, str)):
            raise TypeError(f"{name} must be a list of texts, not {type(value).__name__}.")
        texts = check_texts(value, name)
        if len(texts) > MAX_TEXTS:
            raise ValueError(f"A request takes at most {MAX_TEXTS} texts, not {len(texts)}.")
        return [readable(text, keep)[0] for text in texts]
    if str in types:
        return readable(check_text(value, name), keep)[0]
    if int in types and not (value is None and type(None) in types):
        return whole_number(name, value)
    return value


def whole_number(name: str, value: Any) -> int:
    """The number as an int.

    Raises:
        ValueError: It is not a whole number, or it is negative.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value % 1 or value < 0:
        raise ValueError(f"{name} must be a whole number and not negative, not {value!r}.")
    return int(value)


def is_cut(text: object) -> bool:
    """Whether ``readable`` cuts the text."""
    return isinstance(text, str) and len(text) > MAX_CHARACTERS

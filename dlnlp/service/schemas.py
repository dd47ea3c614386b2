"""JSON schemas of requests and results, made from the capabilities' signatures."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from typing import Any

import numpy as np

from dlnlp.capabilities import Capability
from dlnlp.results import BlockMatrix

# An argument in a docstring's "Args:", with indented further lines.
ARGUMENT = re.compile(r"^    (\w+): (.*(?:\n     +.*)*)", re.MULTILINE)
PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": ["number", "null"]},  # null where it is not finite
    np.ndarray: {"type": ["array", "null"], "items": {}},  # null where it is very large
    BlockMatrix: {"type": ["array", "null"], "items": {}},
}


def request_schema(capability: Capability) -> dict[str, Any]:
    """The schema of a request's JSON body."""
    described = dict(ARGUMENT.findall(capability.description))
    properties, required = {}, []
    for name, parameter in capability.signature.parameters.items():
        schema = schema_of(parameter.annotation, request=True)
        if name in described:
            schema["description"] = " ".join(described[name].split())
        if parameter.default is parameter.empty:
            required.append(name)
        else:
            schema["default"] = parameter.default
        properties[name] = schema
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
        "example": dict(capability.sample),
    }


def result_schema(capability: Capability) -> dict[str, Any]:
    """The schema of the JSON that a request is answered with, or of one event of a stream."""
    if capability.streams:
        text = {"type": "string"}
        return {"type": "object", "properties": {"event": text, "data": text}}
    return schema_of(capability.signature.return_annotation)


def schema_of(annotation: Any, request: bool = False) -> dict[str, Any]:
    """The schema of the JSON that ``as_json`` makes of values of a type.

    Args:
        request: Whether they are values in a request, where numbers are finite and whole numbers
            not negative.
    """
    if request and annotation in (int, float):
        return {"type": "number"} if annotation is float else {"type": "integer", "minimum": 0}
    if annotation in PLAIN:
        return dict(PLAIN[annotation])
    if dataclasses.is_dataclass(annotation):
        hints = typing.get_type_hints(annotation)
        names = [each.name for each in dataclasses.fields(annotation)]
        properties = {name: schema_of(hints[name]) for name in names}
        return {"type": "object", "properties": properties, "required": names}
    origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (list, tuple, frozenset):
        return {"type": "array", "items": schema_of(parts[0], request)}
    if origin in (types.UnionType, typing.Union):
        return _union(
            [schema_of(part, request) for part in parts if part is not types.NoneType], parts
        )
    raise TypeError(f"There is no schema for {annotation!r}.")


def _union(schemas: list[dict[str, Any]], parts: tuple[Any, ...]) -> dict[str, Any]:
    if types.NoneType in parts:
        schemas.append({"type": "null"})
    distinct = [each for place, each in enumerate(schemas) if each not in schemas[:place]]
    return distinct[0] if len(distinct) == 1 else {"anyOf": distinct}

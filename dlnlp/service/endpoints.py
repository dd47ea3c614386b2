"""Turn a capability of a model into a function with typed arguments that returns JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from anyio.to_thread import run_sync

from dlnlp.capabilities import Capability
from dlnlp.results import as_json
from dlnlp.service.calls import Left, Service, never


def endpoint(
    service: Service, stem: str, capability: Capability, left: Left = never
) -> Callable[..., Any]:
    """A function with the capability's name, arguments, defaults and description.

    It is a coroutine function that returns JSON values. If the capability streams text, it is a
    generator function that repeatedly yields the whole text so far.

    Args:
        left: Whether the caller has left.
    """
    signature = capability.signature

    async def answer(*values: Any, **named: Any) -> Any:
        arguments = signature.bind_partial(*values, **named).arguments
        found = await service.answer(stem, capability.verb, left, **arguments)
        return await run_sync(as_json, found)

    def growing(*values: Any, **named: Any) -> Iterator[str]:
        arguments = signature.bind_partial(*values, **named).arguments
        text = ""
        for piece in service.stream(stem, capability.verb, **arguments):
            text += piece
            yield text
        if not text:
            yield text

    function: Callable[..., Any] = growing if capability.streams else answer
    result = Iterator[str] if capability.streams else list[dict[str, Any]]
    types = {name: each.annotation for name, each in signature.parameters.items()}
    function.__name__ = function.__qualname__ = capability.verb
    function.__doc__ = capability.description
    function.__annotations__ = {**types, "return": result}
    declared = signature.replace(return_annotation=result)
    function.__signature__ = declared  # type: ignore[attr-defined]
    return function

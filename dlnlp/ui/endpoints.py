"""The public endpoints ``/<stem>_<verb>``, one per model and public capability."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

from gradio.events import api

from dlnlp.capabilities import CAPABILITIES
from dlnlp.catalog import CATALOG
from dlnlp.service import Service, endpoint
from dlnlp.ui.kit.errors import api_errors
from dlnlp.ui.kit.model import Model, visitor_left

TOGETHER = 64  # requests that wait in the service at the same time, where they form batches


def expose(service: Service) -> None:
    """Add all endpoints to the page that is being built."""
    for entry in CATALOG:
        for capability in CAPABILITIES:
            if capability.public and entry.can(capability.verb):
                function = endpoint(service, entry.stem, capability, left)
                name = f"{entry.stem}_{capability.verb}"
                queue: dict[str, Any] = {"concurrency_id": name, "concurrency_limit": TOGETHER}
                if capability.streams:  # each holds a thread
                    queue = Model(service, entry.stem).queue(capability.queue)
                api(guarded(function), api_name=name, **queue)


async def left() -> bool:
    """Whether the caller of the endpoint has left."""
    return visitor_left()


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with any exception turned into a one-sentence ``gr.Error``."""

    @functools.wraps(function)
    async def answer(*values: Any) -> Any:
        with api_errors():
            return await function(*values)

    @functools.wraps(function)
    def stream(*values: Any) -> Iterator[Any]:
        with api_errors():
            yield from function(*values)

    return stream if inspect.isgeneratorfunction(function) else answer

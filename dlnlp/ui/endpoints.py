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
from dlnlp.ui.kit.model import Model


def expose(service: Service) -> None:
    """Add all endpoints to the page that is being built."""
    for entry in CATALOG:
        for capability in CAPABILITIES:
            if capability.public and entry.can(capability.verb):
                function = endpoint(service, entry.stem, capability)
                queue = Model(service, entry.stem).queue(capability.queue)
                api(guarded(function), api_name=f"{entry.stem}_{capability.verb}", **queue)


def guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function with any exception turned into a one-sentence ``gr.Error``."""

    @functools.wraps(function)
    def answer(*values: Any) -> Any:
        with api_errors():
            return function(*values)

    @functools.wraps(function)
    def stream(*values: Any) -> Iterator[Any]:
        with api_errors():
            yield from function(*values)

    return stream if inspect.isgeneratorfunction(function) else answer

"""A model of the page, with a predictor that is loaded on first use and request queues."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from gradio.components import Component
from gradio.context import LocalContext
from markupsafe import Markup

from dlnlp import catalog
from dlnlp.checkpoint import WEIGHTS, CheckpointError
from dlnlp.service import Service
from dlnlp.ui.kit.markup import note

NOT_ENGLISH = "This does not look like English, the only language that the model was trained on."
Value = TypeVar("Value")


def visitor_left() -> bool:
    """Whether the visitor whose event is being handled has left the page."""
    blocks, event_id = LocalContext.blocks.get(None), LocalContext.event_id.get(None)
    if blocks is None or event_id is None:
        return False  # not in a queued event
    event = blocks._queue.event_ids_to_events.get(event_id)
    return event is not None and not event.alive


def visitor() -> str:
    """The secret name of the session whose event is being handled, "" outside of an event."""
    request = LocalContext.request.get(None)
    return str(getattr(request, "session_hash", None) or "")


class Model:
    """A model of the catalog, as panels use it.

    Attributes:
        inputs: Components that say which model a visitor has chosen, if there is a choice.
    """

    inputs: Sequence[Component] = ()

    def __init__(self, service: Service, stem: str) -> None:
        self.service, self.registry = service, service.registry
        self.stem = stem
        self.title = catalog.record(stem).title

    @property
    def predictor(self) -> Any:
        """The predictor, loaded if necessary.

        Raises:
            CheckpointError: Its checkpoint is missing or damaged.
        """
        return self.registry.get(self.stem)

    def call(self, verb: str, **arguments: Any) -> Any:
        """The predictor's results, within the limits and the deadline of a request.

        Raises:
            CheckpointError, TypeError, ValueError, Busy, DeadlineExceeded: See ``Service.call``.
            Cancelled: The visitor has left.
        """
        return self.service.call(self.stem, verb, **arguments)

    def stream(self, verb: str, **arguments: Any) -> Iterator[Any]:
        """Like ``call``, for verbs that return an iterator."""
        return self.service.stream(self.stem, verb, **arguments)

    def language_note(self, text: str) -> Markup:
        """A note on a text that does not look English."""
        language = self.registry.language
        return note(NOT_ENGLISH) if language and not language.looks_english(text) else Markup("")

    @property
    def is_loaded(self) -> bool:
        """Whether ``predictor`` returns at once."""
        return self.registry.is_loaded(self.stem)

    def ready(self, *chosen: Any) -> bool:
        """Whether there is a model to ask, given the values of ``inputs``."""
        return True

    def within(self, chosen: Sequence[Any], values: Iterator[Value]) -> Iterator[Value]:
        """The values, computed for the chosen model.

        Args:
            chosen: The values of ``inputs``.
        """
        return values

    @property
    def version(self) -> str | None:
        """The SHA-256 of the weights; None for an untrained model or without a checkpoint."""
        if self.registry.untrained:
            return None
        try:
            return str(self.registry.report(self.stem).training["files"][WEIGHTS])
        except CheckpointError:
            return None

    def queue(self, name: str = "") -> dict[str, Any]:
        """Event arguments for the model's queue, which runs one request per replica at a time.

        Args:
            name: Selects a separate queue for long work, so that short requests need not wait.
        """
        return {"concurrency_id": self.stem + name, "concurrency_limit": self.service.replicas}

    def id(self, name: str) -> str:
        """The HTML id of a component of this model."""
        return f"{self.stem}_{name}"

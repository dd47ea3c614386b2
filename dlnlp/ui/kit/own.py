"""The model of the Hub or of a folder that a visitor has chosen, as panels use it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from markupsafe import Markup

from dlnlp.catalog import Record
from dlnlp.hub import HubError
from dlnlp.hub.chapters import chapter_of
from dlnlp.service import Service
from dlnlp.service.own import STEM, OwnModels
from dlnlp.ui.kit.model import Model, Value

if TYPE_CHECKING:
    from dlnlp.hub.about import About

_CHOSEN: ContextVar[About | None] = ContextVar("own model", default=None)
_END: Any = object()


class OwnModel(Model):
    """The visitor's own model for one task; panels for another task stay empty.

    Args:
        task: "classification" or "generation", or another name for the panel that loads the model.
        chosen: Holds what is known of the visitor's model (``dlnlp.hub.about.About``), or None; the
            panel that loads the model needs none.
    """

    title = "Your own model"
    is_loaded = True  # the panel that loads it says so

    def __init__(self, service: Service, task: str, chosen: gr.State | None = None) -> None:
        self.service, self.registry = service, service.registry
        self.own, self.task = OwnModels(service), task
        self.stem = f"{STEM}_{task}"
        self.inputs = [chosen] if chosen else []

    def ready(self, *chosen: Any) -> bool:
        """Whether a model for this task is chosen."""
        return not self.inputs or (chosen[0] is not None and chosen[0].task == self.task)

    def language_note(self, text: str) -> Markup:
        """Nothing: it is not known which languages the model was trained on."""
        return Markup("")

    def within(self, chosen: Sequence[Any], values: Iterator[Value]) -> Iterator[Value]:
        """The values, computed for the chosen model; each step may run in another context."""
        while True:
            token = _CHOSEN.set(chosen[0] if chosen else None)
            try:
                value = next(values, _END)
            finally:
                _CHOSEN.reset(token)
            if value is _END:
                return
            yield value

    @property
    def name(self) -> str:
        """The name of the chosen model.

        Raises:
            HubError: None is chosen.
        """
        about = _CHOSEN.get()
        if about is None:
            raise HubError("Choose a model first.")
        return about.source

    @property
    def chapter(self) -> Record | None:
        """The chapter of the chosen model, or None if it is of no chapter.

        Raises:
            HubError: None is chosen.
        """
        return chapter_of(Path(self.name))

    @property
    def predictor(self) -> Any:
        """The predictor, loaded again if others were used since.

        Raises:
            HubError: It may not or can't be loaded.
        """
        return self.own.predictor(self.name)

    def call(self, verb: str, **arguments: Any) -> Any:
        """See ``OwnModels.call``."""
        return self.own.call(self.name, verb, **arguments)

    def stream(self, verb: str, **arguments: Any) -> Iterator[Any]:
        """See ``OwnModels.stream``."""
        return self.own.stream(self.name, verb, **arguments)

    def queue(self, name: str = "") -> dict[str, Any]:
        """Event arguments for the queue that all of these models share."""
        return {"concurrency_id": STEM + name, "concurrency_limit": 1}

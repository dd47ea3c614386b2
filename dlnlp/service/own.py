"""Requests to other models, from the Hugging Face Hub or a folder, with the limits of our own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlnlp import hub
from dlnlp.capabilities import Capability, capability
from dlnlp.inference.deadline import deadline
from dlnlp.service.calls import Service, request_of

if TYPE_CHECKING:
    from dlnlp.hub.about import About

STEM = "own"  # in place of a stem of the catalog; all of these models share its queues
LOADING_SECONDS = 1800.0


class OwnModels:
    """Loads other models than ours where that is allowed (``DLNLP_HUB``), and asks them.

    Args:
        service: Has the queues and limits.
        models: Keeps the loaded models; by default those that ``dlnlp.load`` shares.
        cancelled: Setting it ends the loading of a model.
    """

    def __init__(
        self,
        service: Service,
        models: hub.HubModels | None = None,
        cancelled: threading.Event | None = None,
    ) -> None:
        self._service, self._cancelled = service, cancelled
        self._models = models or hub.shared_models(public=not service.local)

    @property
    def choices(self) -> tuple[str, ...]:
        """The names to suggest, or none if other models are switched off."""
        return hub.offered() if self.mode != "off" else ()

    @property
    def mode(self) -> str:
        """ "off", "list" or "any" (see ``dlnlp.hub.policy.mode``)."""
        return hub.mode(self._service.local)

    def load(
        self,
        name: str,
        progress: hub.Progress | None = None,
        cancelled: threading.Event | None = None,
    ) -> About:
        """Download and load a model, and say what it is.

        Args:
            progress: Called with the bytes that are downloaded and their total.
            cancelled: Setting it ends the download.

        Raises:
            HubError: It may not or can't be loaded; the message says why.
            DeadlineExceeded, Cancelled: It took too long, or was cancelled.
        """
        wanted = self._allowed(name)
        with deadline(LOADING_SECONDS, cancelled):
            return self._models.get(wanted, progress).about

    def predictor(self, name: str) -> Any:
        """The model's predictor, loaded if necessary.

        Raises:
            HubError, DeadlineExceeded, Cancelled: See ``load``.
        """
        wanted = self._allowed(name)
        with deadline(LOADING_SECONDS, self._cancelled):
            return self._models.get(wanted)

    def call(self, name: str, verb: str, /, **arguments: Any) -> Any:
        """The model's results, like ``Service.call``.

        Raises:
            HubError: The model may not or can't be loaded, or doesn't have the verb.
            TypeError, ValueError, Busy, DeadlineExceeded, Cancelled: See ``Service.call``.
        """
        wanted = capability(verb)
        if wanted.streams:
            return list(self.stream(name, verb, self._cancelled, **arguments))
        predictor = self._able(name, wanted)
        request = request_of(STEM, wanted, arguments)
        return self._service.finished(request, lambda items: request.results(predictor, items))

    def stream(
        self, name: str, verb: str, cancelled: threading.Event | None = None, /, **arguments: Any
    ) -> Iterator[Any]:
        """The results of a streaming verb, like ``Service.stream``.

        Raises:
            HubError, TypeError, ValueError, Busy, DeadlineExceeded: See ``call``.
        """
        wanted = capability(verb)
        predictor = self._able(name, wanted)
        request = request_of(STEM, wanted, arguments)
        return self._service.streamed(request, nullcontext(predictor), cancelled)

    def run(self, name: str, function: Callable[[Any], Any], seconds: float) -> Any:
        """The result of ``function(predictor)``, which runs while no other request does.

        Raises:
            HubError, Busy, DeadlineExceeded, Cancelled: See ``call``.
        """
        predictor = self.predictor(name)
        return self._service.alone(STEM, lambda: function(predictor), seconds)

    def _allowed(self, name: str) -> str:
        """The full name of a model that may be loaded; "owner/name" is one of the Hub.

        Raises:
            HubError: It may not be loaded.
        """
        is_folder = self._service.local and Path(name).expanduser().is_dir()
        if hub.is_hub_name(name) and not is_folder:
            name = hub.PREFIX + name
        hub.check_allowed(name, self._service.local)
        return name

    def _able(self, name: str, wanted: Capability) -> Any:
        predictor = self.predictor(name)
        if not isinstance(predictor, wanted.protocol):
            raise hub.HubError(
                f"{name!r} does not have the verb {wanted.verb!r}: it is a model for "
                f"{predictor.about.task}."
            )
        return predictor

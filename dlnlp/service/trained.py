"""Requests to models that visitors have trained on the page, with the limits of our own."""

from __future__ import annotations

from typing import Any

from dlnlp.capabilities import capability
from dlnlp.service.calls import Service, request_of

STEM = "trained"  # in place of a stem of the catalog; all of these models share its queues


def call(service: Service, key: str, verb: str, /, **arguments: Any) -> Any:
    """The results of a finished run's model, like ``Service.call``.

    Args:
        key: The secret name of the run.

    Raises:
        ValueError: The model is no longer there, or doesn't have the verb.
        CheckpointError, TypeError, Busy, DeadlineExceeded, Cancelled: See ``Service.call``.
    """
    wanted = capability(verb)
    predictor = service.trainings.predictor(key)
    if not isinstance(predictor, wanted.protocol) or wanted.streams:
        raise ValueError(f"A model that was trained here does not have the verb {verb!r}.")
    request = request_of(STEM, wanted, arguments)
    return service.finished(request, lambda items: request.results(predictor, items))

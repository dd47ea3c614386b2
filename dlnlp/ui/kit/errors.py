"""Turn exceptions into one sentence for the visitor, with details in the log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from dlnlp.checkpoint import CheckpointError
from dlnlp.inference.deadline import DeadlineExceeded

EXPECTED = (CheckpointError, DeadlineExceeded, ValueError, TypeError)
_log = logging.getLogger("dlnlp.ui")


def sentence(error: Exception) -> str:
    """The message for the visitor; logs the details."""
    if isinstance(error, EXPECTED):
        _log.info("%s", error, exc_info=error)
        return str(error)
    _log.error("Unexpected error", exc_info=error)
    return "Something went wrong on the server; the details are in its log."


@contextmanager
def api_errors() -> Iterator[None]:
    """Turn any exception of an endpoint into a one-sentence ``gr.Error`` for its caller."""
    try:
        yield
    except Exception as error:
        raise gr.Error(sentence(error), print_exception=False) from error

"""Errors of endpoints as ``gr.Error``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import gradio as gr

from dlnlp.service.errors import sentence


@contextmanager
def api_errors() -> Iterator[None]:
    """Turn any exception of an endpoint into a one-sentence ``gr.Error`` for its caller."""
    try:
        yield
    except Exception as error:
        raise gr.Error(sentence(error), print_exception=False) from error

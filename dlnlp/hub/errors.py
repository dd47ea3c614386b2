"""The error of a model that can't be downloaded, loaded or shown."""

from __future__ import annotations


class HubError(ValueError):
    """A model can't be used; the message is one sentence that says why, and what to do."""

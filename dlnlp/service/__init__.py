"""Between requests and predictors: input checks, limits and deadlines.

Nothing here imports gradio or torch, so the same calls serve the page, its endpoints and any other
interface.
"""

from dlnlp.service.calls import SECONDS, call, stream
from dlnlp.service.endpoints import endpoint
from dlnlp.service.inputs import MAX_CHARACTERS, MAX_TEXTS, readable

__all__ = ["MAX_CHARACTERS", "MAX_TEXTS", "SECONDS", "call", "endpoint", "readable", "stream"]

"""Input checks, budgets, deadlines and queues between requests and predictors.

Nothing here imports gradio or torch, so the page, its endpoints and other interfaces can share it.
"""

from dlnlp.service.calls import Service
from dlnlp.service.endpoints import endpoint
from dlnlp.service.inputs import MAX_TEXTS, readable
from dlnlp.service.queues import Busy
from dlnlp.text.checks import MAX_CHARACTERS

__all__ = ["MAX_CHARACTERS", "MAX_TEXTS", "Busy", "Service", "endpoint", "readable"]

"""Random weights for untrained models that are the same each time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_LOCK = threading.Lock()


@contextmanager
def seeded_weights() -> Iterator[None]:
    """Initialise modules from seed 0, and restore PyTorch's generator afterwards.

    All threads share this generator, so only one at a time may initialise a model.
    """
    with _LOCK, torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield

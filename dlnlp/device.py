"""Where a model runs."""

from __future__ import annotations

import os

import torch


def pick_device(name: str | None = None) -> torch.device:
    """The named device, else ``DLNLP_DEVICE``, else the best of cuda, mps and cpu.

    Raises:
        ValueError: The name is unknown, or this machine has no such device.
    """
    name = name or os.environ.get("DLNLP_DEVICE") or None
    available = ["cpu"]
    if torch.backends.mps.is_available():
        available.insert(0, "mps")
    if torch.cuda.is_available():
        available.insert(0, "cuda")
    if name is None:
        return torch.device(available[0])
    kind, _, index = name.partition(":")
    beyond = kind == "cuda" and index.isdigit() and int(index) >= torch.cuda.device_count()
    if kind not in available or beyond or (index and not index.isdigit()):
        raise ValueError(
            f"No device {name!r} on this machine: "
            f"set DLNLP_DEVICE to one of {', '.join(available)}."
        )
    return torch.device(name)

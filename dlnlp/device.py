"""Select the device that a model runs on."""

from __future__ import annotations

import os

import torch


def pick_device(name: str | None = None) -> torch.device:
    """The named device, else ``DLNLP_DEVICE``, else the first available of cuda, mps and cpu.

    Names of the same device give equal results: "cpu:0" becomes "cpu", and "cuda" becomes the
    current GPU, such as "cuda:0".

    Raises:
        ValueError: The name is unknown, or this machine has no such device.
    """
    name = name or os.environ.get("DLNLP_DEVICE") or None
    available = ["cpu"]
    if torch.backends.mps.is_available():
        available.insert(0, "mps")
    # On a ZeroGPU Space the package ``spaces`` makes torch claim a GPU, which only functions that
    # are decorated with ``spaces.GPU`` have.
    if torch.cuda.is_available() and not os.environ.get("SPACES_ZERO_GPU"):
        available.insert(0, "cuda")
    kind, _, index = (name or available[0]).partition(":")
    beyond = kind == "cuda" and index.isdigit() and int(index) >= torch.cuda.device_count()
    if kind not in available or beyond or (index and not index.isdigit()):
        raise ValueError(
            f"This machine has no device {name!r}: "
            f"set DLNLP_DEVICE to one of {', '.join(available)}."
        )
    if kind == "cuda":
        return torch.device(kind, int(index) if index else torch.cuda.current_device())
    return torch.device(kind)

"""The registry loads each model once per device, on first use, under the model's own lock."""

from __future__ import annotations

import functools
import threading
from pathlib import Path
from typing import Any

from dlnlp import catalog
from dlnlp.checkpoint import Report, checkpoint_root, read_report


class Registry:
    """Lazily loaded predictors, shared by the app and ``dlnlp.load``.

    Args:
        root: The folder with the checkpoint folders; by default ``DLNLP_CHECKPOINTS`` or the
            repository's ``checkpoints/``.
        device: The device of the models; by default the best available one.
        untrained: Serve each model's ``tiny()`` instead of its checkpoint.
    """

    def __init__(
        self, root: Path | None = None, device: str | None = None, untrained: bool = False
    ) -> None:
        self.root = Path(root).resolve() if root else checkpoint_root()
        self.device = device
        self.untrained = untrained
        self._locks = {entry.stem: threading.Lock() for entry in catalog.CATALOG}
        # Predictors of each stem by device.
        self._predictors: dict[str, dict[str, Any]] = {stem: {} for stem in self._locks}

    def get(self, stem: str, device: str | None = None) -> Any:
        """The predictor, loaded on the first call; concurrent calls wait for it.

        A failed load is not remembered: once the checkpoint is repaired, the next call works.

        Raises:
            KeyError: No model has that stem.
            CheckpointError: Its checkpoint is missing, damaged or does not fit the code.
            ValueError: This machine has no such device.
        """
        entry = catalog.record(stem)
        with self._locks[stem]:
            loaded, name = self._predictors[stem], self._device_name(device)
            if name not in loaded:
                loaded[name] = (
                    entry.tiny() if self.untrained else entry.load(self.root / stem, name)
                )
            return loaded[name]

    def is_loaded(self, stem: str) -> bool:
        """Whether ``get`` returns at once. Does not import torch unless a model has been loaded."""
        loaded = self._predictors[catalog.record(stem).stem]
        return bool(loaded) and self._device_name() in loaded

    def report(self, stem: str) -> Report:
        """The model's card and training.json, read without loading weights or torch.

        Raises:
            KeyError: No model has that stem.
            CheckpointError: They are missing or unreadable.
        """
        return read_report(self.root / catalog.record(stem).stem)

    def _device_name(self, device: str | None = None) -> str:
        """One name per device, so that ``None`` and ``"cpu"`` share a predictor."""
        if self.untrained:
            return "cpu"  # where tiny() is made
        from dlnlp.device import pick_device

        return str(pick_device(device or self.device))


_shared_lock = threading.Lock()


@functools.cache
def _shared() -> Registry:
    return Registry()


def shared_registry() -> Registry:
    """The registry of this process, which ``dlnlp.load`` and the app share."""
    with _shared_lock:  # functools.cache alone may call the function twice if two threads race
        return _shared()

"""The registry: every model loads on first use, once, under its own lock."""

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
        root: Folder of the checkpoint folders; ``DLNLP_CHECKPOINTS`` or the repository's own
            by default.
        device: Where models go; the best available one by default.
        untrained: Serve each model's seeded ``tiny()`` instead of its checkpoint.
    """

    def __init__(
        self, root: Path | None = None, device: str | None = None, untrained: bool = False
    ) -> None:
        self.root = Path(root).resolve() if root else checkpoint_root()
        self.device = device
        self.untrained = untrained
        self._predictors: dict[tuple[str, str | None], Any] = {}
        self._locks = {entry.stem: threading.Lock() for entry in catalog.CATALOG}

    def get(self, stem: str, device: str | None = None) -> Any:
        """The predictor, loaded on the first call however many threads ask.

        A failed load is not remembered: once the checkpoint is mended, the next call works.

        Raises:
            KeyError: No model has that stem.
            CheckpointError: Its checkpoint is missing, damaged or does not fit the code.
        """
        entry = catalog.record(stem)
        key = (stem, device or self.device)
        with self._locks[stem]:
            if key not in self._predictors:
                self._predictors[key] = (
                    entry.tiny() if self.untrained else entry.load(self.root / stem, key[1])
                )
            return self._predictors[key]

    def is_loaded(self, stem: str) -> bool:
        """Whether the next ``get`` answers at once."""
        return (catalog.record(stem).stem, self.device) in self._predictors

    def evict(self, stem: str) -> None:
        """Forget the model, so that its memory is freed once no request uses it."""
        with self._locks[catalog.record(stem).stem]:
            for key in [key for key in self._predictors if key[0] == stem]:
                del self._predictors[key]

    def report(self, stem: str) -> Report:
        """The model's card and training.json, without touching weights or torch.

        Raises:
            KeyError: No model has that stem.
            CheckpointError: They are missing or unreadable.
        """
        return read_report(self.root / catalog.record(stem).stem)


_shared_lock = threading.Lock()


@functools.cache
def _shared() -> Registry:
    return Registry()


def shared_registry() -> Registry:
    """The registry of this process, which ``dlnlp.load`` and the app share."""
    with _shared_lock:  # functools.cache alone may call twice when two threads race
        return _shared()

"""The registry loads each model once per device, on first use, under the model's own lock."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from dlnlp import catalog
from dlnlp.checkpoint import (
    SAVE_MEMORY,
    CheckpointError,
    Report,
    checkpoint_root,
    out_of_memory,
    read_report,
)
from dlnlp.memory import trim
from dlnlp.text.language import LanguageCheck, language_check


class Registry:
    """Lazily loaded predictors, shared by the app and ``dlnlp.load``.

    Args:
        root: The folder with the checkpoint folders; by default ``DLNLP_CHECKPOINTS`` or the
            repository's ``checkpoints/``.
        device: The device of the models; by default the best available one.
        untrained: Serve each model's ``tiny()`` instead of its checkpoint.
        most_loaded: How many models may be loaded; by default ``DLNLP_MAX_LOADED``, or all. The
            least recently used one is unloaded first, but none that is in use.

    Raises:
        ValueError: ``most_loaded`` is not a whole number above 0.
    """

    def __init__(
        self,
        root: Path | None = None,
        device: str | None = None,
        untrained: bool = False,
        most_loaded: int | None = None,
    ) -> None:
        self.root = Path(root).resolve() if root else checkpoint_root()
        self.device = device
        self.untrained = untrained
        self._locks = {entry.stem: threading.Lock() for entry in catalog.CATALOG}
        # Predictors of each stem by device.
        self._predictors: dict[str, dict[str, Any]] = {stem: {} for stem in self._locks}
        self.most_loaded = most_loaded or limit_of_environment()
        self._recent: list[str] = []  # loaded models, the least recently used one first
        self._users = dict.fromkeys(self._locks, 0)
        self._bookkeeping = threading.Lock()

    @functools.cached_property
    def language(self) -> LanguageCheck | None:
        """Tells whether a text looks English; None if no checkpoint has that check."""
        for entry in () if self.untrained else catalog.CATALOG:
            with suppress(OSError, ValueError, KeyError):  # damaged: its own model reports it
                if found := language_check(self.root / entry.stem):
                    return found
        return None

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
            predictor = loaded.get(name)
            if predictor is None:
                predictor = loaded[name] = self._load(entry, name)
                trim()
        self._used(stem)
        return predictor

    def _load(self, entry: catalog.Record, device: str) -> Any:
        if self.untrained:
            return entry.tiny()
        folder = self.root / entry.stem
        try:
            return entry.load(folder, device)
        except Exception as fault:
            if out_of_memory(fault):
                need = "needs more memory than is free"
                raise CheckpointError(folder, need, SAVE_MEMORY) from fault
            raise

    @contextmanager
    def use(self, stem: str) -> Iterator[Any]:
        """The predictor, which stays loaded inside.

        Raises:
            KeyError, CheckpointError, ValueError: See ``get``.
        """
        with self._bookkeeping:
            self._users[catalog.record(stem).stem] += 1
        try:
            yield self.get(stem)
        finally:
            with self._bookkeeping:
                self._users[stem] -= 1

    def _used(self, stem: str) -> None:
        """Note that the model was used, and unload others beyond the limit."""
        with self._bookkeeping:
            self._recent = [*(each for each in self._recent if each != stem), stem]
            spare = [each for each in self._recent[:-1] if not self._users[each]]
            for each in spare[: max(0, len(self._recent) - self.most_loaded)]:
                self._recent.remove(each)
                self._predictors[each].clear()

    def is_loaded(self, stem: str) -> bool:
        """Whether ``get`` returns at once. Does not import torch unless a model has been loaded."""
        loaded = self._predictors[catalog.record(stem).stem]
        return bool(loaded) and self._device_name() in loaded

    def state(self, stem: str) -> str:
        """ "loaded", or "loads on first use" as far as the model's report tells.

        Raises:
            KeyError: No model has that stem.
            CheckpointError: It can't be loaded.
        """
        if self.is_loaded(stem):
            return "loaded"
        if not self.untrained:
            self.report(stem)
        return "loads on first use"

    def report(self, stem: str) -> Report:
        """The model's card and training.json, read without loading weights or torch.

        Raises:
            KeyError: No model has that stem.
            CheckpointError: They are missing or unreadable.
        """
        return read_report(self.root / catalog.record(stem).stem)

    def check_device(self) -> None:
        """Check the device that was chosen, if one was; by default, torch is not imported.

        Raises:
            ValueError: This machine has no such device.
        """
        if self.device or os.environ.get("DLNLP_DEVICE"):
            self._device_name()

    def _device_name(self, device: str | None = None) -> str:
        """One name per device, so that ``None`` and ``"cpu"`` share a predictor."""
        if self.untrained:
            return "cpu"  # where tiny() is made
        from dlnlp.device import pick_device

        return str(pick_device(device or self.device))


def limit_of_environment() -> int:
    """``DLNLP_MAX_LOADED``, or the number of models.

    Raises:
        ValueError: It is not a whole number above 0.
    """
    given = os.environ.get("DLNLP_MAX_LOADED") or str(len(catalog.CATALOG))
    if not given.isdecimal() or int(given) < 1:
        raise ValueError(f"DLNLP_MAX_LOADED must be a whole number above 0, not {given!r}.")
    return int(given)


_shared_lock = threading.Lock()


@functools.cache
def _shared() -> Registry:
    return Registry()


def shared_registry() -> Registry:
    """The registry of this process, which ``dlnlp.load`` and the app share."""
    with _shared_lock:  # functools.cache alone may call the function twice if two threads race
        return _shared()
